"""Runs the pipelines of Kaspr manifests without Kafka and without a cluster.

Usage: python -I -B harness.py PLAN.json

The plan holds the components of apps and the tests; the results are JSON lines on the standard output: a line
`{"event": "start", "test": ID}` before each test and a line `{"event": "result", "test": ID, ...}` after it. Each
section below states the fact of the framework (Kaspr 0.11.19 and its Faust) that it reproduces. The file needs
Python 3.9 and the standard library only.

Values in a plan and in results
-------------------------------
* A test gives the key and the value of a message as a consumer would see them; the serializers of the input topic
  turn them into bytes, and the agent decodes these bytes. An absent value is a record without a value (a
  tombstone), `null` is what the serializer makes of None.
* Bytes are a string if they are valid UTF-8, else `{"$base64": "..."}`. Where a plan gives `{"$base64": "..."}` as
  a whole key or value of a message or table, the bytes go into the record as they are, whatever the serializer: so
  a test can send what is not valid JSON. Inside of a value for the `pickle` serializer it stands for bytes too.
* NaN and the infinities are `{"$float": "NaN"}`, `{"$float": "Infinity"}` and `{"$float": "-Infinity"}`, in plans
  as in results, as JSON has no such numbers.
* Keys of mappings in results are strings. What a JSON document cannot hold (an object from `pickle`) is its repr.
* A value for a channel arrives as it is, but `{"left": ..., "right": ...}` becomes the pair that a join makes.
* Headers of a message are strings or `{"$base64": "..."}`; in the pipeline they are bytes.

Marks of errors: `handled` if a webview turned the exception into an answer, `logged` if the framework only logs it
(an extractor of a join, a task that nothing awaits). `unread` lists the steps whose topic no agent reads. `path` in a
plan lists folders with packages.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import collections
import collections.abc
import contextvars
import datetime
import decimal
import enum
import functools
import http
import inspect
import io
import json
import math
import os
import pickle
import re
import sys
import threading
import time
import types
import urllib.parse
import uuid
import warnings
from typing import Any, Awaitable, Callable, Deque, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

# ---------------------------------------------------------------------------------------------------------------
# The process: protocol, children, network, memory
# ---------------------------------------------------------------------------------------------------------------

OUTPUT_LIMIT = 64 * 1024
LEFTOVER_SECONDS = 0.2

_in_child = False


def _mark_child() -> None:
    """Make a forked child unable to write protocol lines; `leave_child` ends it when user code returns."""
    global _in_child
    _in_child = True
    Protocol.close()


def leave_child() -> None:
    """End a forked child of user code before it continues the run."""
    if _in_child:
        os._exit(0)


class Protocol:
    """The channel to the caller: the original standard output, which user code cannot reach through fd 1."""

    _descriptor: Optional[int] = None

    @classmethod
    def open(cls) -> None:
        sys.stdout.flush()
        cls._descriptor = os.dup(1)
        os.set_inheritable(cls._descriptor, False)
        os.dup2(2, 1)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_mark_child)

    @classmethod
    def close(cls) -> None:
        if cls._descriptor is not None:
            os.close(cls._descriptor)
            cls._descriptor = None

    @classmethod
    def send(cls, message: Dict[str, Any]) -> None:
        leave_child()
        if cls._descriptor is None:
            return
        data = (json.dumps(message, ensure_ascii=True, allow_nan=False) + "\n").encode()
        view = memoryview(data)
        while view:
            view = view[os.write(cls._descriptor, view) :]


class Capture(io.TextIOBase):
    """Takes what user code prints, up to a limit for each test."""

    def __init__(self) -> None:
        self._parts: List[str] = []
        self._size = 0
        self._cut = False

    encoding = "utf-8"
    errors = "replace"

    def close(self) -> None:
        """Stay open: the next test writes here too."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        room = OUTPUT_LIMIT - self._size
        if room > 0:
            self._parts.append(text[:room])
            self._size += len(text[:room])
        if len(text) > room:
            self._cut = True
        return len(text)

    @property
    def buffer(self) -> "CaptureBytes":
        return CaptureBytes(self)

    def fileno(self) -> int:
        return 2

    def take(self) -> str:
        text = "".join(self._parts) + ("\n[more output was cut]" if self._cut else "")
        self._parts, self._size, self._cut = [], 0, False
        return text


class CaptureBytes(io.RawIOBase):
    """The binary side of `Capture`: `sys.stdout.buffer`."""

    def __init__(self, text: Capture) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "replace"))
        return len(raw)


_NETWORK_EVENTS = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
    }
)


def forbid_network() -> None:
    """Refuse every use of the network. Socket pairs, which event loops need, do not raise these events."""

    def hook(event: str, arguments: Tuple[Any, ...]) -> None:
        if event in _NETWORK_EVENTS:
            target = ", ".join(repr(each) for each in arguments if isinstance(each, (str, int, tuple)))
            raise PermissionError(f"{event} {target}: the test has no network; run with --allow-network")

    sys.addaudithook(hook)


def limit_memory(size: Optional[int]) -> None:
    """Let an allocation beyond the limit raise MemoryError, where the system knows such limits.

    Linux counts the memory that a process can write to (RLIMIT_DATA), not the libraries that it maps: the whole
    address space is the limit elsewhere only.
    """
    if not size:
        return
    try:
        import resource
    except ImportError:
        return
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else getattr(resource, "RLIMIT_AS", resource.RLIMIT_DATA)
    try:
        _, hard = resource.getrlimit(kind)
        limit = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(kind, (limit, hard))
    except (ValueError, OSError):
        return


# ---------------------------------------------------------------------------------------------------------------
# Values of plans and results
# ---------------------------------------------------------------------------------------------------------------

MAX_DEPTH = 60


def clean_text(text: str) -> str:
    """Replace lone surrogates, which JSON readers refuse."""
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")


def safe_text(value: Any, convert: Callable[[Any], str] = str) -> str:
    """Return str(value), also where the class of the value makes that fail."""
    try:
        return clean_text(str(convert(value)))
    except Exception as error:
        return f"<{type(value).__name__}: {type(error).__name__} in its text>"


def to_plain(value: Any, depth: int = 0) -> Any:
    """Return a value as it stands in a result."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return clean_text(str.__str__(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return plain_bytes(bytes(value))
    if depth >= MAX_DEPTH:
        return safe_text(value, repr)
    if isinstance(value, collections.abc.Mapping):
        return {plain_key(key): to_plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        return [to_plain(item, depth + 1) for item in value]
    return safe_text(value, repr)


def plain_key(key: Any) -> str:
    if isinstance(key, str):
        return clean_text(key)
    if isinstance(key, bytes):
        return key.decode("utf-8", "replace")
    return safe_text(key)


def plain_bytes(data: bytes) -> Any:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(data).decode("ascii")}


_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def from_plain(value: Any) -> Any:
    """Return a value of a plan as Python sees it."""
    if isinstance(value, dict):
        if len(value) == 1:
            if isinstance(value.get("$base64"), str):
                return decode_base64(value["$base64"])
            if value.get("$float") in _FLOATS:
                return _FLOATS[value["$float"]]
        return {key: from_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    return value


def decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise PlanError(f"$base64: {error}") from None


class PlanError(Exception):
    """The plan asks for what the harness cannot do."""


# ---------------------------------------------------------------------------------------------------------------
# Serializers (faust.serializers.codecs, faust.serializers.registry, faust.utils.json)
# ---------------------------------------------------------------------------------------------------------------


class KeyDecodeError(Exception):
    """faust.exceptions.KeyDecodeError: the key of a message cannot be decoded."""


class ValueDecodeError(Exception):
    """faust.exceptions.ValueDecodeError: the value of a message cannot be decoded."""


def want_bytes(value: Any) -> Any:
    """Encode text; leave everything else as it is."""
    return value.encode() if isinstance(value, str) else value


def want_str(value: Any) -> Any:
    """Decode bytes; leave everything else as it is."""
    return value.decode() if isinstance(value, bytes) else value


def json_default(value: Any) -> Any:
    """Return what the framework's JSON makes of a type that JSON lacks.

    Bytes become the text of their repr ("b'x'"), a date becomes midnight of that day, UTC ends with Z.
    """
    if isinstance(value, (decimal.Decimal, uuid.UUID, bytes)):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        if not isinstance(value, (datetime.datetime, datetime.time)):
            value = datetime.datetime(value.year, value.month, value.day)
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, collections.deque)):
        return list(value)
    to_json = getattr(value, "__json__", None)
    if to_json is not None:
        return to_json()
    raise TypeError(f"JSON cannot serialize {type(value).__name__!r}: {value!r}")


class FrameworkJSON(json.JSONEncoder):
    """JSON as the framework writes it."""

    def default(self, o: Any) -> Any:
        return json_default(o)


def json_dumps(value: Any) -> str:
    return json.dumps(value, cls=FrameworkJSON)


def encode_with(codec: str, value: Any) -> Any:
    """Serialize a value. `raw` leaves what is no text as it is: the producer then refuses it."""
    if codec == "json":
        return json_dumps(value).encode()
    if codec == "raw":
        return want_bytes(value)
    if codec == "binary":
        return base64.b64encode(want_bytes(value))
    if codec == "pickle":
        return base64.b64encode(pickle.dumps(value))
    raise KeyError(codec)


def decode_with(codec: str, data: bytes) -> Any:
    """Deserialize bytes."""
    if codec == "json":
        return json.loads(want_str(data))
    if codec == "raw":
        return want_bytes(data)
    if codec == "binary":
        return base64.b64decode(data)
    if codec == "pickle":
        return pickle.loads(base64.b64decode(data))
    raise KeyError(codec)


def dumps(codec: str, value: Any) -> Any:
    """Serialize a key or value. Bytes are never serialized again, whatever the serializer."""
    return value if isinstance(value, bytes) else encode_with(codec, value)


def loads_key(codec: str, data: Optional[bytes]) -> Any:
    return None if data is None else _loads(codec, data, KeyDecodeError)


def loads_value(codec: str, data: Optional[bytes]) -> Any:
    return None if data is None else _loads(codec, data, ValueDecodeError)


def _loads(codec: str, data: bytes, failure: type) -> Any:
    try:
        return decode_with(codec, data)
    except MemoryError:
        raise
    except Exception as error:
        raise failure(str(error)) from error


def reported(codec: str, data: Optional[bytes]) -> Any:
    """Return what a consumer would decode, or the bytes where it would fail."""
    if data is None:
        return None
    try:
        return to_plain(decode_with(codec, data))
    except Exception:
        return plain_bytes(data) if isinstance(data, bytes) else safe_text(data, repr)


def wire_bytes(codec: str, given: Any) -> Optional[bytes]:
    """Return the bytes of a key or value that a plan gives."""
    value = from_plain(given)
    if isinstance(value, bytes):
        return value
    try:
        data = encode_with(codec, value)
    except TypeError as error:
        raise PlanError(f"the serializer `{codec}` cannot take the value: {error}") from None
    if data is None or isinstance(data, bytes):
        return data
    raise PlanError(f'the serializer `{codec}` takes text or {{"$base64": ...}}, not {type(value).__name__}')


# ---------------------------------------------------------------------------------------------------------------
# Code blocks (kaspr.types.models.pycode)
# ---------------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A field of a component."""

    kind: str
    name: str
    field: Optional[str]

    def component(self) -> Dict[str, str]:
        return {"kind": self.kind, "name": self.name}


class Sources:
    """Every code block under a file name of its own, so that a traceback leads to the field of the manifest."""

    def __init__(self) -> None:
        self._names: Dict[Tuple[str, str, str, str], str] = {}
        self.places: Dict[str, Place] = {}
        self._codes: Dict[str, types.CodeType] = {}

    def register(self, app: str, place: Place) -> str:
        key = (app, place.kind, place.name, place.field or "")
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"<{app}: {place.kind} {place.name}, {place.field}>"
            self.places[name] = place
        return name

    def compile(self, file_name: str, text: str) -> types.CodeType:
        code = self._codes.get(file_name)
        if code is None:
            code = self._codes[file_name] = compile(text, file_name, "exec", dont_inherit=True)
        return code

    def place(self, file_name: str) -> Optional[Place]:
        return self.places.get(file_name)


SOURCES = Sources()


class Code:
    """A block of Python with its scope and, after it ran, its function.

    The whole block runs in one scope (globals and locals are one dict). The function is the entrypoint if the scope
    has it, else the first callable of the scope: also one that was there before, or an imported class.
    """

    def __init__(self, app: "App", place: Place, spec: Dict[str, Any]) -> None:
        self.app = app
        self.place = place
        self._text = spec.get("python") or ""
        self._entrypoint = spec.get("entrypoint")
        self._file = SOURCES.register(app.name, place)
        self.scope: Dict[str, Any] = {}
        self._function: Any = None

    def execute(self) -> "Code":
        self.app.reach(self.place)
        exec(SOURCES.compile(self._file, self._text), self.scope)
        leave_child()
        if self._entrypoint and self._entrypoint in self.scope:
            self._function = self.scope[self._entrypoint]
            assert callable(self._function), f"Entry point '{self._entrypoint}' is not callable."
        else:
            self._function = next((value for value in self.scope.values() if callable(value)), None)
        return self

    @property
    def function(self) -> Any:
        """The function; each access runs the block again."""
        return self.execute()._function


class Selector:
    """A selector or predicate: its block runs once, in an empty scope, and its function is called without await."""

    def __init__(self, code: Optional[Code]) -> None:
        self.code = code
        self._function: Any = None

    def resolve(self) -> Any:
        if self._function is None and self.code is not None:
            self._function = self.code.function
        return self._function

    def call(self, function: Any, /, *arguments: Any, **tables: Any) -> Any:
        assert self.code is not None
        with self.code.app.at(self.code.place):
            result = self.code.app.call(function, *arguments, **tables)
            leave_child()
            return result


async def maybe_await(value: Any) -> Any:
    """Await what can be awaited."""
    return await value if inspect.isawaitable(value) else value


def as_generator(value: Any) -> Any:
    """Return generators as they are, and every other value as the only one of a generator."""
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return value
    return (item for item in (value,))


# ---------------------------------------------------------------------------------------------------------------
# Events and stand-ins for `context`
# ---------------------------------------------------------------------------------------------------------------


class TopicPartition(NamedTuple):
    """What `message.tp` and the metadata of a sent record hold."""

    topic: Optional[str]
    partition: int


class RecordMetadata(NamedTuple):
    """What a broker answers; `ack` puts it, as a dict, into the pipeline."""

    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: Optional[int]
    timestamp_type: int
    log_start_offset: Optional[int]


class Offered:
    """Base of the stand-ins: names what the harness does not offer."""

    _label = "object"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"the test harness does not offer {self._label}.{name}")


class Message(Offered):
    """A record as the consumer received it (faust.types.tuples.Message)."""

    _label = "context['event'].message"

    def __init__(
        self,
        topic: Optional[str],
        partition: int,
        offset: int,
        timestamp: float,
        headers: Any,
        key: Any,
        value: Any,
        timestamp_type: int = 0,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.timestamp_type = timestamp_type
        self.headers = headers
        self.key = key
        self.value = value
        self.checksum = None
        self.serialized_key_size = len(key) if isinstance(key, bytes) else 0
        self.serialized_value_size = len(value) if isinstance(value, bytes) else 0
        self.tp = TopicPartition(topic, partition)
        self.acked = False


#: Stands for an argument that was not given.
SAME = object()


class Event(Offered):
    """A decoded message (faust.events.Event). Its headers are a dict, those of its message are pairs."""

    _label = "context['event']"

    def __init__(self, app: "AppStandIn", key: Any, value: Any, message: Message) -> None:
        self.app = app
        self.key = key
        self.value = value
        self.message = message
        self.headers = dict(message.headers or ())

    async def send(self, channel: Any, key: Any = SAME, value: Any = SAME, headers: Any = SAME, **options: Any) -> Any:
        """Send to a topic, with key, value and headers of this event where none are given."""
        return await self.app.send(
            channel,
            self.key if key is SAME else key,
            self.value if value is SAME else value,
            headers=self.headers if headers is SAME else headers,
            **options,
        )

    async def forward(
        self, channel: Any, key: Any = SAME, value: Any = SAME, headers: Any = SAME, **options: Any
    ) -> Any:
        """Send the record on as it came: its bytes are not serialized again."""
        return await self.app.send(
            channel,
            self.message.key if key is SAME else key,
            self.message.value if value is SAME else value,
            headers=(self.message.headers or None) if headers is SAME else headers,
            **options,
        )

    def __repr__(self) -> str:
        return f"<Event: k={self.key!r} v={self.value!r}>"


#: The event that a stream processes now; tables read their partition from it (faust.streams.current_event).
CURRENT_EVENT: contextvars.ContextVar[Optional[Event]] = contextvars.ContextVar("event", default=None)


class Conf(Offered):
    """`context['app'].conf`: the settings of the app under their names in the framework."""

    _label = "context['app'].conf"

    def __init__(self, name: str, config: Dict[str, Any]) -> None:
        for key, value in config.items():
            setattr(self, snake_case(key), value)
        self.id = self.name = f"{name}-app"
        self.key_serializer = config.get("keySerializer") or "raw"
        self.value_serializer = config.get("valueSerializer") or "json"
        self.web_base_path = config.get("webBasePath") or ""


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class TopicStandIn(Offered):
    """What `context['app'].topic(NAME)` returns."""

    _label = "app.topic()"

    def __init__(self, app: "App", name: str, key_serializer: Optional[str], value_serializer: Optional[str]) -> None:
        self._app = app
        self._name = name
        self._serializers = (key_serializer, value_serializer)

    def get_topic_name(self) -> str:
        return self._name

    async def send(
        self,
        *,
        key: Any = None,
        value: Any = None,
        partition: Optional[int] = None,
        timestamp: Optional[float] = None,
        headers: Any = None,
        key_serializer: Optional[str] = None,
        value_serializer: Optional[str] = None,
        **_options: Any,
    ) -> Awaitable[RecordMetadata]:
        return self._app.produce(
            self._name,
            key,
            value,
            partition,
            headers,
            key_serializer or self._serializers[0],
            value_serializer or self._serializers[1],
            timestamp,
        )


class Log(Offered):
    """`context['app'].log`: its lines are part of what the code printed."""

    _label = "context['app'].log"

    def _write(self, level: str, text: Any, arguments: Tuple[Any, ...]) -> None:
        print(f"[{level}] {str(text) % arguments if arguments else text}", file=sys.stderr)

    def __init__(self) -> None:
        for name in ("debug", "info", "warn", "warning", "error", "exception", "critical", "crit"):
            level = {"warn": "WARNING", "exception": "ERROR", "crit": "CRITICAL"}.get(name, name.upper())
            setattr(self, name, lambda text, *arguments, level=level, **_options: self._write(level, text, arguments))


class TablesStandIn(Offered, collections.abc.Mapping):
    """`context['app'].tables`: the tables of the app by name."""

    _label = "context['app'].tables"

    def __init__(self, tables: Dict[str, "Table"]) -> None:
        self._tables = tables

    def __getitem__(self, name: str) -> "Table":
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class AppStandIn(Offered):
    """`context['app']`."""

    _label = "context['app']"

    def __init__(self, app: "App") -> None:
        self._app = app
        self.conf = app.conf
        self.log = self.logger = Log()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @property
    def tables(self) -> TablesStandIn:
        return TablesStandIn(self._app.tables)

    def topic(
        self,
        name: str,
        *,
        key_serializer: Optional[str] = None,
        value_serializer: Optional[str] = None,
        **_options: Any,
    ) -> TopicStandIn:
        return TopicStandIn(self._app, name, key_serializer, value_serializer)

    async def send(self, channel: Any, key: Any = None, value: Any = None, **options: Any) -> Awaitable[RecordMetadata]:
        topic = channel if isinstance(channel, TopicStandIn) else self.topic(channel)
        return await topic.send(key=key, value=value, **options)


# ---------------------------------------------------------------------------------------------------------------
# Tables (faust.tables, faust.stores.rocksdb)
# ---------------------------------------------------------------------------------------------------------------

SEEDED = -1


#: What RocksDB answers to keys and values that are no bytes, which the raw serializer passes on.
RAW_MODE = "raw mode only support bytes"


def check_stored_key(key: Any) -> None:
    hash(key)
    if not isinstance(key, bytes):
        raise KeyError(RAW_MODE)


class Store(collections.abc.MutableMapping):
    """The storage of a table: serialized keys and values, one database for each partition.

    The app stores its tables in RocksDB, so a table holds serialized values: what `table[key]` returned can be
    changed without any effect on the table, and keys come in the order of their bytes. In an agent, a table that is
    not global reads the partition of the current message only. What a test put into a table before it started counts
    as stored in each partition.
    """

    def __init__(self, table: "Table") -> None:
        self._table = table
        self._parts: Dict[int, Dict[bytes, bytes]] = {SEEDED: {}}
        self._last: Dict[bytes, int] = {}

    def encode_key(self, key: Any) -> bytes:
        data = dumps(self._table.key_serializer, key)
        if data is None:
            raise TypeError("Table key cannot be None")
        return data

    def decode_key(self, data: bytes) -> Any:
        return loads_key(self._table.key_serializer, data)

    def decode_value(self, data: bytes) -> Any:
        return loads_value(self._table.value_serializer, data)

    def _visible(self, key: bytes) -> List[Dict[bytes, bytes]]:
        """The databases that a read looks at: outside of a stream the one that was written last comes first."""
        event = CURRENT_EVENT.get()
        if event is not None and not self._table.is_global:
            return [self._parts.get(event.message.partition, {}), self._parts[SEEDED]]
        return [self._parts.get(self._last.get(key, SEEDED), {}), *self._parts.values()]

    def read(self, key: bytes) -> Optional[bytes]:
        check_stored_key(key)
        for part in self._visible(key):
            if key in part:
                return part[key]
        return None

    def read_partition(self, key: bytes, partition: int) -> Optional[bytes]:
        found = self._parts.get(partition, {}).get(key)
        return self._parts[SEEDED].get(key) if found is None else found

    def write(self, key: bytes, value: Any, partition: Optional[int] = None) -> None:
        if partition is None:
            event = CURRENT_EVENT.get()
            assert event is not None
            partition = event.message.partition
        check_stored_key(key)
        if not isinstance(value, bytes):
            raise ValueError(RAW_MODE)
        self._parts[SEEDED].pop(key, None)
        self._parts.setdefault(partition, {})[key] = value
        self._last[key] = partition

    def seed(self, key: bytes, value: bytes) -> None:
        self._parts[SEEDED][key] = value

    def erase(self, key: bytes, partition: Optional[int] = None) -> None:
        """Delete a key; a missing key is no error."""
        check_stored_key(key)
        parts = self._parts.values() if partition is None else [self._parts.get(partition, {}), self._parts[SEEDED]]
        for part in parts:
            part.pop(key, None)

    def pairs(self, partition: Optional[int] = None) -> List[Tuple[bytes, bytes]]:
        """All keys and values, those of other partitions included, in the order of the bytes of the keys."""
        if partition is not None:
            merged = {**self._parts[SEEDED], **self._parts.get(partition, {})}
        else:
            merged = {key: value for part in self._parts.values() for key, value in part.items()}
            merged.update((key, self._parts[last][key]) for key, last in self._last.items() if key in self._parts[last])
        return sorted(merged.items())

    def __getitem__(self, key: Any) -> Any:
        value = self.read(self.encode_key(key))
        if value is None:
            raise KeyError(key)
        return self.decode_value(value)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.write(self.encode_key(key), dumps(self._table.value_serializer, value))

    def __delitem__(self, key: Any) -> None:
        self.erase(self.encode_key(key))

    def __contains__(self, key: Any) -> bool:
        return self.read(self.encode_key(key)) is not None

    def __iter__(self) -> Iterator[Any]:
        return (self.decode_key(key) for key, _ in self.pairs())

    def __len__(self) -> int:
        return len(self.pairs())

    def keys(self) -> Any:
        return StoreKeys(self)

    def values(self) -> Any:
        return StoreValues(self)

    def items(self) -> Any:
        return StoreItems(self)


class StoreKeys(collections.abc.KeysView):
    _mapping: Store

    def __iter__(self) -> Iterator[Any]:
        return iter(self._mapping)


class StoreValues(collections.abc.ValuesView):
    _mapping: Store

    def __iter__(self) -> Iterator[Any]:
        store = self._mapping
        return (store.decode_value(value) for _, value in store.pairs())


class StoreItems(collections.abc.ItemsView):
    _mapping: Store

    def __iter__(self) -> Iterator[Tuple[Any, Any]]:
        store = self._mapping
        return ((store.decode_key(key), store.decode_value(value)) for key, value in store.pairs())


class Table(collections.abc.MutableMapping):
    """A table as operations see it (faust.tables.Table, kaspr.core.table.KasprTable).

    Only a stream can write: in webviews and tasks, and in agents that take batches, there is no current event, and
    a write raises TypeError. A missing key gives what the class of the default selector makes, without storing it,
    also with `get`. The window of a table has no effect.
    """

    def __init__(
        self,
        name: str,
        is_global: bool,
        key_serializer: str,
        value_serializer: str,
        default: Optional[Callable[[], Any]],
    ) -> None:
        self.name = name
        self.is_global = is_global
        self.key_serializer = key_serializer
        self.value_serializer = value_serializer
        self.default = default
        self.data = Store(self)
        self.on_set: List[Callable[[Any, Any], None]] = []
        self.on_del: List[Callable[[Any], None]] = []

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __eq__(self, other: Any) -> bool:
        return self is other or collections.abc.Mapping.__eq__(self, other) is True

    def __repr__(self) -> str:
        return f"<{'KasprGlobalTable' if self.is_global else 'KasprTable'}: running {self.name}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"the test harness does not offer the attribute {name!r} of tables")

    def _before_set(self, key: Any, value: Any, partition: Optional[int] = None) -> None:
        """The write to the changelog, before the one to the store: both serialize."""
        if partition is None and CURRENT_EVENT.get() is None:
            raise TypeError("Cannot modify table key from outside of stream iteration")
        if key is not None:
            dumps(self.key_serializer, key)
        dumps(self.value_serializer, value)
        for callback in self.on_set:
            callback(key, value)

    def _before_del(self, key: Any, partition: Optional[int] = None) -> None:
        if partition is None and CURRENT_EVENT.get() is None:
            raise TypeError("Cannot modify table key from outside of stream iteration")
        if key is not None:
            dumps(self.key_serializer, key)
        for callback in self.on_del:
            callback(key)

    def __missing__(self, key: Any) -> Any:
        if self.default is not None:
            return self.default()
        raise KeyError(key)

    def __getitem__(self, key: Any) -> Any:
        return self.data[key] if key in self.data else self.__missing__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._before_set(key, value)
        self.data[key] = value

    def __delitem__(self, key: Any) -> None:
        self._before_del(key)
        del self.data[key]

    def __contains__(self, key: Any) -> bool:
        return key in self.data

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def keys(self) -> Any:
        return self.data.keys()

    def values(self) -> Any:
        return self.data.values()

    def items(self) -> Any:
        return self.data.items()

    def copy(self) -> Dict[Any, Any]:
        return dict(self.data)

    def update(self, /, *mappings: Any, **items: Any) -> None:
        for mapping in (*mappings, items):
            for key, value in mapping.items():
                self._before_set(key, value)
        for mapping in (*mappings, items):
            for key, value in mapping.items():
                self.data[key] = value

    def clear(self) -> None:
        raise NotImplementedError("TODO")

    def get_for_partition(self, key: Any, partition: int) -> Any:
        value = self.data.read_partition(self.data.encode_key(key), partition)
        return None if value is None else self.data.decode_value(value)

    def update_for_partition(self, *mappings: Any, partition: int, callback: Any = None, **items: Any) -> None:
        for mapping in (*mappings, items):
            for key, value in mapping.items():
                self._before_set(key, value, partition)
        for mapping in (*mappings, items):
            for key, value in mapping.items():
                self.data.write(self.data.encode_key(key), dumps(self.value_serializer, value), partition)

    def del_for_partition(self, key: Any, partition: int, callback: Any = None) -> None:
        self._before_del(key, partition)
        self.data.erase(self.data.encode_key(key), partition)

    def items_for_partition(self, partition: int) -> Iterator[Tuple[Any, Any]]:
        for key, value in self.data.pairs(partition):
            yield self.data.decode_key(key), self.data.decode_value(value)

    def prefix_scan(self, prefix: Any, partition: Optional[int] = None) -> Iterator[Tuple[Any, Any]]:
        start = self.data.encode_key(prefix)
        if self.key_serializer == "json":
            start = start[:-1]
        for key, value in self.data.pairs(partition):
            if key.startswith(start):
                yield self.data.decode_key(key), self.data.decode_value(value)

    def seed(self, key: Any, value: Any) -> None:
        """Store what a test put into the table before it starts."""
        key_bytes, value_bytes = wire_bytes(self.key_serializer, key), wire_bytes(self.value_serializer, value)
        if key_bytes is None or value_bytes is None:
            raise PlanError(f"the table `{self.name}` cannot hold the key {key!r} with the value {value!r}")
        self.data.seed(key_bytes, value_bytes)

    def report(self) -> List[List[Any]]:
        return [
            [reported(self.key_serializer, key), reported(self.value_serializer, value)]
            for key, value in self.data.pairs()
        ]


# ---------------------------------------------------------------------------------------------------------------
# Joins (faust.tables.keyjoin)
# ---------------------------------------------------------------------------------------------------------------


class JoinedValue(NamedTuple):
    """What an agent on the channel of a join receives."""

    left: Any
    right: Any


class Join:
    """A join of two tables.

    Each write to the left table asks the extractor for a key of the right table and subscribes to it; the answer
    comes after the message that wrote. A write to the right table answers all subscriptions of its key. An answer
    counts only if the left value is still the one that subscribed. The internal store of subscriptions has text
    keys, so changes of the right table do not find left keys that are no text. An exception of the extractor is
    logged, and the writing agent does not notice it.
    """

    def __init__(self, app: "App", left: Table, right: Table, extractor: Selector, inner: bool, channel: str) -> None:
        self._app = app
        self._left = left
        self._right = right
        self._extractor = extractor
        self._function = extractor.resolve()
        self._inner = inner
        self._channel = channel
        self._previous: Dict[bytes, Any] = {}
        self._subscriptions: Dict[str, Any] = {}
        left.on_set.append(self._guarded(self._left_set))
        left.on_del.append(self._guarded(self._left_del))
        right.on_set.append(self._guarded(self._right_change))
        right.on_del.append(self._guarded(lambda key: self._right_change(key, None)))

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            assert self._extractor.code is not None
            with self._app.at(self._extractor.code.place):
                try:
                    callback(*arguments)
                except Exception as error:
                    self._app.test.fail(error, logged=True)

        return call

    def _left_set(self, key: Any, value: Any) -> None:
        slot = dumps("json", key)
        old = self._previous.get(slot)
        new = self._extractor.call(self._function, value)
        if old is not None and old != new:
            self._subscribe(old, key, 0, False)
        self._subscribe(new, key, fingerprint(value), True)
        self._previous[slot] = through_json(new)

    def _left_del(self, key: Any) -> None:
        slot = dumps("json", key)
        old = self._previous.get(slot)
        if old is not None:
            self._subscribe(old, key, 0, False)
            del self._previous[slot]

    def _subscribe(self, foreign: Any, left_key: Any, value_hash: Any, answer: bool) -> None:
        message = through_json({"left_pk": left_key, "hash": value_hash})
        key = None
        if foreign is not None:
            key = loads_key(self._right.key_serializer, dumps(self._right.key_serializer, foreign))
        self._app.later(lambda: self._process_subscription(key, message, answer))

    def _process_subscription(self, foreign: Any, message: Dict[str, Any], answer: bool) -> None:
        composite = f"{foreign}\x00{message['left_pk']}"
        if not answer:
            self._subscriptions.pop(composite, None)
            return
        self._subscriptions[composite] = message["hash"]
        self._respond(message["left_pk"], self._right.get(foreign), message["hash"])

    def _right_change(self, key: Any, value: Any) -> None:
        prefix = f"{key}\x00"
        for composite in sorted(self._subscriptions, key=json_dumps):
            if composite.startswith(prefix):
                self._respond(composite[len(prefix) :], value, self._subscriptions[composite])

    def _respond(self, left_key: Any, right_value: Any, value_hash: Any) -> None:
        key = left_key
        if left_key is not None:
            key = loads_key(self._left.key_serializer, dumps(self._left.key_serializer, left_key))
        right = through_json(right_value)
        self._app.later(lambda: self._process_response(key, right, value_hash))

    def _process_response(self, left_key: Any, right_value: Any, value_hash: Any) -> None:
        left_value = self._left.get(left_key)
        if left_value is None or through_json(fingerprint(left_value)) != value_hash:
            return
        if self._inner and right_value is None:
            return
        self._app.put_channel(self._channel, JoinedValue(left_value, right_value))


def fingerprint(value: Any) -> Any:
    """Stand for the hash of a value: what the hash is taken of."""
    if value is None:
        return 0
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value.encode().decode("latin-1") if isinstance(value, str) else json_dumps(value)


def through_json(value: Any) -> Any:
    return json.loads(json_dumps(value))


# ---------------------------------------------------------------------------------------------------------------
# Topics that components send to (kaspr.types.models.topicout, aiokafka's producer)
# ---------------------------------------------------------------------------------------------------------------

SKIP = object()


class TopicOut:
    """An output topic of an agent, or a topicSend operation.

    The name selector gets the value alone; the other selectors and the predicate get the tables of a topicSend as
    keywords too.
    """

    def __init__(self, app: "App", place: Place, spec: Dict[str, Any]) -> None:
        self._app = app
        self.place = place
        self.name = spec.get("name")
        self.ack = bool(spec.get("ack"))
        self.pass_through = bool(spec.get("passThrough"))
        self._serializers = (spec.get("keySerializer"), spec.get("valueSerializer"))
        self._name = app.selector(place, spec, "nameSelector")
        self._key = app.selector(place, spec, "keySelector")
        self._value = app.selector(place, spec, "valueSelector")
        self._partition = app.selector(place, spec, "partitionSelector")
        self._headers = app.selector(place, spec, "headersSelector")
        self._predicate = app.selector(place, spec, "predicate")

    def should_skip(self, value: Any, /, **tables: Any) -> bool:
        function = self._predicate.resolve()
        if function is None:
            return False
        assert self._predicate.code is not None
        held = bool(self._predicate.call(function, value, **tables))
        self._app.reach(self._predicate.code.place, passed=held)
        self._app.reach(self.place, passed=held)
        return not held

    async def send(self, value: Any, /, **tables: Any) -> Any:
        """Send a value, and return what the pipeline continues with.

        The framework evaluates name, key, value, partition and headers in this order. Topics are shared by name:
        where this one names no serializer, the first topicSend or output that sent to the topic decides.
        """
        self._app.reach(self.place)
        name = self._topic_name(value)
        shared = self._app.sent_topics.setdefault(name, self._serializers)
        record = self._app.produce(
            name,
            self._select(self._key, value, None, tables),
            self._select(self._value, value, value, tables),
            self._select(self._partition, value, None, tables),
            self._select(self._headers, value, None, tables),
            self._serializers[0] or shared[0],
            self._serializers[1] or shared[1],
            place=self.place,
        )
        if self.ack:
            metadata = (await record)._asdict()
            return (value, metadata) if self.pass_through else metadata
        return value if self.pass_through else None

    def _topic_name(self, value: Any) -> str:
        name = self.name
        if self._name.code is not None:
            name = self._name.call(self._name.resolve(), value)
            if not name:
                raise ValueError("Topic name selector function returned None")
        if not name or type(name) is not str:
            raise ValueError(f"Invalid topic name `{name}`")
        return name

    @staticmethod
    def _select(selector: Selector, value: Any, default: Any, tables: Dict[str, Any]) -> Any:
        function = selector.resolve()
        return default if function is None else selector.call(function, value, **tables)


def check_record(key: Any, value: Any, partition: Any, headers: List[Tuple[Any, Any]]) -> None:
    """Refuse what the producer refuses: not bytes, neither key nor value, bad headers, a negative partition."""
    for data in (key, value):
        if data is not None:
            len(data)
    assert not (value is None and key is None), "Need at least one: key or value"
    if partition is not None:
        assert partition >= 0
    for data in (key, value):
        if data is not None and not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}")
    for name, content in headers:
        if not isinstance(name, str):
            raise TypeError(f"Expected str, got {type(name).__name__}")
        if content is not None and not isinstance(content, bytes):
            raise TypeError(f"Expected bytes, got {type(content).__name__}")


def header_pairs(headers: Any) -> List[Tuple[Any, Any]]:
    """Return headers as the producer takes them: a mapping, or pairs."""
    if headers is None:
        return []
    if isinstance(headers, collections.abc.Mapping):
        return list(headers.items())
    return [tuple(pair) for pair in headers]  # type: ignore[misc]


def plain_headers(headers: Iterable[Tuple[str, Optional[bytes]]]) -> Dict[str, Any]:
    """Return headers as they stand in a result; a name that occurs several times has a list."""
    result: Dict[str, List[Any]] = {}
    for name, content in headers:
        result.setdefault(clean_text(name), []).append(to_plain(content))
    return {name: contents[0] if len(contents) == 1 else contents for name, contents in result.items()}


# ---------------------------------------------------------------------------------------------------------------
# Operations and pipelines (kaspr.types.models.*.operations, *.processor)
# ---------------------------------------------------------------------------------------------------------------


class Operation:
    """An operation of a pipeline. Of several kinds in one operation the first of its component's order counts."""

    ORDER = {
        "KasprAgent": ("topicSend", "filter", "map"),
        "KasprTask": ("topicSend", "map", "filter"),
        "KasprWebView": ("topicSend", "map", "filter"),
    }
    #: Components where a value ends at a topicSend that has neither passThrough nor ack; elsewhere None continues.
    SEND_ENDS = frozenset({"KasprAgent", "KasprTask", "KasprWebView"})

    def __init__(self, app: "App", component: Place, index: int, spec: Dict[str, Any]) -> None:
        self._app = app
        self.name = spec.get("name")
        self._tables = spec.get("tables") or []
        self.kind = next((kind for kind in self.ORDER[component.kind] if spec.get(kind) is not None), None)
        field = f"spec.processors.operations[{index}]"
        self.place = component._replace(field=f"{field}.{self.kind}" if self.kind else field)
        self._is_task = component.kind == "KasprTask"
        self._send_ends = component.kind in self.SEND_ENDS
        self._code: Optional[Code] = None
        self._topic: Optional[TopicOut] = None
        if self.kind == "topicSend":
            self._topic = TopicOut(app, self.place, spec["topicSend"])
        elif self.kind is not None:
            self._code = Code(app, self.place, spec[self.kind])

    def tables(self) -> Dict[str, Table]:
        """The tables by the names of their parameters."""
        for reference in self._tables:
            if reference["name"] not in self._app.tables:
                raise ValueError(f"Table '{reference['name']}' is not a registered table name.")
        return {reference["paramName"]: self._app.tables[reference["name"]] for reference in self._tables}

    async def run(self, scope: Dict[str, Any], /, *arguments: Any, **keywords: Any) -> Any:
        """Run the operation; the arguments are the value, or nothing for the first operation of a task."""
        if self.kind is None:
            raise AttributeError("'NoneType' object has no attribute 'with_scope'")
        self._check_names(keywords)
        if self._topic is not None:
            return await self._send(*arguments, **keywords)
        if self._is_task and self.kind == "filter":
            raise AttributeError("'TaskProcessorOperation' object has no attribute 'with_scope'")
        assert self._code is not None
        self._code.scope = scope
        result = await maybe_await(self._app.call(self._code.function, *arguments, **keywords))
        leave_child()
        if self.kind == "map":
            return result
        passed = bool(result)
        self._app.reach(self.place, passed=passed)
        return arguments[0] if passed else SKIP

    def _check_names(self, keywords: Dict[str, Any]) -> None:
        """Refuse parameter names that the framework's own call of the operation uses already."""
        for name in ("self", "value", "first_op") if self._is_task else ("self", "value"):
            if name in keywords:
                raise TypeError(f"process() got multiple values for argument {name!r}")

    async def _send(self, /, *arguments: Any, **keywords: Any) -> Any:
        assert self._topic is not None
        if not arguments:
            raise TypeError("TopicOutSpec.should_skip() missing 1 required positional argument: 'value'")
        (value,) = arguments
        if self._topic.should_skip(value, **keywords):
            return value if self._topic.pass_through else SKIP
        result = await self._topic.send(value, **keywords)
        return SKIP if self._send_ends and not self._topic.pass_through and not self._topic.ack else result


class Pipeline:
    """The processors of a component.

    `init` runs once, before the first value, in a scope that holds `context`; each block of an operation runs anew
    for each value, in a copy of what `init` left. Only the first operation may be an asynchronous generator. Values
    of a generator go through the other operations one by one, before the generator continues.
    """

    def __init__(self, app: "App", component: Place, spec: Dict[str, Any]) -> None:
        processors = spec.get("processors") or {}
        self._app = app
        self.component = component
        self._names = processors.get("pipeline") or []
        self._operations = {
            item.get("name"): Operation(app, component, index, item)
            for index, item in enumerate(processors.get("operations") or [])
        }
        self._init: Optional[Code] = None
        if processors.get("init") is not None:
            self._init = Code(app, component._replace(field="spec.processors.init"), processors["init"])
        self._init_scope: Optional[Dict[str, Any]] = None
        self.current: Optional[Operation] = None

    def prepare(self) -> Dict[str, Any]:
        """Return the scope that `init` left; run `init` if it has not run since the start or the last error."""
        if self._init_scope is None:
            if self._init is None:
                self._init_scope = {}
            else:
                self._init.scope = {"context": {"app": self._app.stand_in}}
                with self._app.at(self._init.place):
                    self._init_scope = self._init.execute().scope
        return self._init_scope

    def operations(self) -> List[Operation]:
        for name in self._names:
            if name not in self._operations:
                raise ValueError(f"Operation '{name}' is not defined.")
        return [self._operations[name] for name in self._names]

    def on_error(self) -> None:
        """Forget what `init` left: the scope is emptied, so that functions of it that still run lose their names."""
        if self._init is not None:
            self._init.scope.clear()
        self._init_scope = None

    async def run(
        self,
        operations: List[Operation],
        context: Dict[str, Any],
        emit: Callable[[List[Any]], Awaitable[None]],
        /,
        *arguments: Any,
        **keywords: Any,
    ) -> bool:
        """Run a value through the operations; return False if the first one dropped it."""
        init_scope = self.prepare()

        def scope() -> Dict[str, Any]:
            return {**init_scope, "context": dict(context)}

        async def step(operation: Operation, /, *values: Any, **extra: Any) -> Any:
            self.current = operation
            with self._app.at(operation.place, operation.name):
                return await operation.run(scope(), *values, **operation.tables(), **extra)

        async def rest(value: Any) -> None:
            values = [value]
            for operation in operations[1:]:
                following: List[Any] = []
                for item in values:
                    result = await step(operation, item)
                    if result == SKIP:
                        continue
                    with self._app.at(operation.place, operation.name):
                        following.extend(as_generator(result))
                values = following
            await emit(values)

        first = operations[0]
        result = await step(first, *arguments, **keywords)
        if result == SKIP:
            return False
        generator = as_generator(result)
        if inspect.isasyncgen(generator):
            while True:
                with self._app.at(first.place, first.name):
                    try:
                        value = await generator.__anext__()
                    except StopAsyncIteration:
                        return True
                await rest(value)
        while True:
            with self._app.at(first.place, first.name):
                try:
                    value = next(generator)
                except StopIteration:
                    return True
            await rest(value)


# ---------------------------------------------------------------------------------------------------------------
# Agents (kaspr.types.models.agent, faust.agents, kaspr.core.stream)
# ---------------------------------------------------------------------------------------------------------------


class Agent:
    """An agent: reads a topic, several topics split by commas, or the channel of a join.

    An exception loses the message (of a batch: all its messages) and restarts the agent: `init` runs again before
    the next message. A pattern as input receives nothing.
    """

    def __init__(self, app: "App", component: Place, spec: Dict[str, Any]) -> None:
        self._app = app
        self.component = component
        source = spec.get("input") or {}
        topic = source.get("topic") or {}
        self.topics = [part.strip() for part in topic["name"].split(",")] if topic.get("name") else []
        self.channel = None if topic.get("name") or topic.get("pattern") else (source.get("channel") or {}).get("name")
        self.key_serializer = topic.get("keySerializer") or app.conf.key_serializer
        self.value_serializer = topic.get("valueSerializer") or app.conf.value_serializer
        take = source.get("take")
        self._batch_size = int(take["max"]) if take else None
        self._isolated = bool(spec.get("isolatedPartitions"))
        self._buffers: Dict[int, Tuple[List[Any], List[Event]]] = {}
        self.pipeline = Pipeline(app, component, spec)
        outputs = (spec.get("output") or {}).get("topics") or []
        self._outputs = [
            TopicOut(app, component._replace(field=f"spec.output.topics[{index}]"), item)
            for index, item in enumerate(outputs)
        ]
        self._waiting: Deque[Callable[[], Tuple[Any, Event]]] = collections.deque()

    async def deliver(self, decode: Callable[[], Tuple[Any, Event]]) -> None:
        """Process a message, after those that wait because `init` failed."""
        self._waiting.append(decode)
        operations = self._start()
        if operations is None:
            return
        while self._waiting:
            await self._receive(operations, self._waiting.popleft())

    def _start(self) -> Optional[List[Operation]]:
        """Run `init` if necessary. While it fails, the agent takes no message; the supervisor tries again."""
        for attempt in range(2):
            try:
                with self._app.at(self.component):
                    self.pipeline.prepare()
                    return self.pipeline.operations()
            except BaseException as error:
                if attempt == 0:
                    self._app.test.fail(error)
        return None

    async def _receive(self, operations: List[Operation], decode: Callable[[], Tuple[Any, Event]]) -> None:
        if not operations:
            return
        try:
            with self._app.at(self.component):
                value, event = decode()
        except BaseException as error:
            self._crash(error)
            return
        if self._batch_size is None:
            token = CURRENT_EVENT.set(event)
            try:
                await self._process(operations, value, event)
            finally:
                CURRENT_EVENT.reset(token)
            return
        partition = event.message.partition if self._isolated else 0
        values, events = self._buffers.setdefault(partition, ([], []))
        values.append(value)
        events.append(event)
        if len(values) >= self._batch_size:
            await self._flush(partition)

    async def flush(self) -> bool:
        """Process the batches that are not full, as the agent does after `within`."""
        partitions = [partition for partition, (values, _) in self._buffers.items() if values]
        for partition in partitions:
            await self._flush(partition)
        return bool(partitions)

    async def _flush(self, partition: int) -> None:
        """Process a batch; the list that the code received is emptied afterwards."""
        values, events = self._buffers[partition]
        operations = self._start()
        if operations is not None:
            await self._process(operations, values, events)
        values.clear()
        events.clear()

    async def _process(self, operations: List[Operation], value: Any, event: Any) -> None:
        context = {"app": self._app.stand_in, "event": event}
        try:
            with self._app.at(self.component):
                await self.pipeline.run(operations, context, self._emit, value)
        except BaseException as error:
            self._crash(error)

    async def _emit(self, values: List[Any]) -> None:
        for value in values:
            for output in self._outputs:
                with self._app.at(output.place):
                    if not output.should_skip(value):
                        await output.send(value)

    def _crash(self, error: BaseException) -> None:
        self._app.test.fail(error)
        self.pipeline.on_error()


class Task:
    """A task. Its first operation gets no value, only its tables."""

    def __init__(self, app: "App", component: Place, spec: Dict[str, Any]) -> None:
        self._app = app
        self.component = component
        self.pipeline = Pipeline(app, component, spec)

    async def run(self) -> None:
        async def drop(_values: List[Any]) -> None:
            return None

        try:
            with self._app.at(self.component):
                self.pipeline.prepare()
                operations = self.pipeline.operations()
                if operations:
                    await self.pipeline.run(operations, {"app": self._app.stand_in}, drop)
        except BaseException as error:
            self._app.test.fail(error)
            self.pipeline.on_error()


# ---------------------------------------------------------------------------------------------------------------
# Webviews (kaspr.types.models.webview, faust.web, aiohttp)
# ---------------------------------------------------------------------------------------------------------------


class MultiMap(collections.abc.Mapping):
    """Names with one or several values: `query` and `headers` of a request."""

    def __init__(self, pairs: Iterable[Tuple[str, str]], ignore_case: bool = False) -> None:
        self._pairs = list(pairs)
        self._ignore_case = ignore_case

    def _fold(self, name: Any) -> Any:
        return name.lower() if self._ignore_case and isinstance(name, str) else name

    def getall(self, name: str, *default: Any) -> Any:
        found = [value for key, value in self._pairs if self._fold(key) == self._fold(name)]
        if found:
            return found
        if default:
            return default[0]
        raise KeyError(name)

    def getone(self, name: str, *default: Any) -> Any:
        found = self.getall(name, None)
        if found:
            return found[0]
        if default:
            return default[0]
        raise KeyError(name)

    def __getitem__(self, name: str) -> str:
        return self.getone(name)

    def __contains__(self, name: Any) -> bool:
        return self.getall(name, None) is not None

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def items(self) -> Any:
        return list(self._pairs)

    def keys(self) -> Any:
        return [key for key, _ in self._pairs]

    def values(self) -> Any:
        return [value for _, value in self._pairs]

    def __repr__(self) -> str:
        return f"<MultiMap({self._pairs!r})>"


class Request(Offered):
    """The request that the first operation of a webview gets."""

    _label = "request"

    def __init__(self, method: str, target: str, headers: MultiMap, body: bytes) -> None:
        parts = urllib.parse.urlsplit(target)
        self.method = method
        self.path = urllib.parse.unquote(parts.path)
        self.raw_path = target
        self.path_qs = target
        self.query_string = urllib.parse.unquote_plus(parts.query)
        self.query = MultiMap(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.headers = headers
        self.match_info: Dict[str, str] = {}
        self.scheme = "http"
        self.secure = False
        self.host = headers.get("Host", "localhost")
        self.remote = "127.0.0.1"
        self._body = body
        kind, _, parameters = headers.get("Content-Type", "application/octet-stream").partition(";")
        self.content_type = kind.strip().lower()
        found = re.search(r"charset=\"?([^\";\s]+)", parameters)
        self.charset = found.group(1) if found else None
        self.content_length = len(body) if body or "Content-Length" in headers else None
        self.body_exists = self.can_read_body = self.has_body = bool(body)
        self.cookies = dict(part.strip().split("=", 1) for part in headers.get("Cookie", "").split(";") if "=" in part)
        self._data: Dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def get(self, name: str, default: Any = None) -> Any:
        return self._data.get(name, default)

    async def read(self) -> bytes:
        return self._body

    async def text(self) -> str:
        return self._body.decode(self.charset or "utf-8")

    async def json(self, *, loads: Callable[[str], Any] = json.loads) -> Any:
        return loads(await self.text())

    async def post(self) -> MultiMap:
        if self.content_type not in ("", "application/x-www-form-urlencoded"):
            return MultiMap([])
        return MultiMap(urllib.parse.parse_qsl(self._body.decode(self.charset or "utf-8"), keep_blank_values=True))

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} >"


class Response:
    """A response, with the checks and the content type of aiohttp's."""

    def __init__(
        self,
        *,
        body: Any = None,
        text: Any = None,
        status: Any = 200,
        headers: Any = None,
        content_type: Optional[str] = None,
    ) -> None:
        self.headers: List[Tuple[str, Any]] = header_pairs(headers)
        if content_type is not None and "charset" in content_type:
            raise ValueError("charset must not be in content_type argument")
        own_type = any(str(name).lower() == "content-type" for name, _ in self.headers)
        if own_type and content_type is not None:
            raise ValueError("passing both Content-Type header and content_type or charset params is forbidden")
        if text is not None:
            if not isinstance(text, str):
                raise TypeError(f"text argument must be str ({type(text)!r})")
            self.headers.append(("Content-Type", f"{content_type or 'text/plain'}; charset=utf-8"))
            body = text.encode("utf-8")
        elif content_type is not None:
            self.headers.append(("Content-Type", content_type))
        if isinstance(body, str):
            body = body.encode("utf-8")
        if body is not None and not isinstance(body, (bytes, bytearray)):
            raise ValueError(f"Unsupported body type {type(body)!r}")
        self.body = body
        self.status = int(status)

    def check_headers(self) -> None:
        """Refuse headers that cannot be written; the server then closes the connection without an answer."""
        for item in (part for pair in self.headers for part in pair):
            if not isinstance(item, str):
                raise TypeError(f"Cannot serialize non-str key {item!r}")


def error_response(status: int, text: str) -> Response:
    return Response(text=text, status=status, content_type="text/plain")


SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"


class ResponseSpec:
    """What a webview answers. Without a content type the body must be text."""

    def __init__(self, app: "App", component: Place, spec: Dict[str, Any]) -> None:
        self._content_type = spec.get("contentType")
        self._status = spec.get("statusCode")
        self._headers = spec.get("headers")
        self._selectors: Dict[Tuple[str, str], Selector] = {}
        for name in ("bodySelector", "statusCodeSelector", "headersSelector"):
            for condition in ("onSuccess", "onError"):
                place = component._replace(field=f"spec.response.{name}")
                self._selectors[name, condition] = app.selector(place, spec.get(name) or {}, condition)

    def _select(self, name: str, condition: str, value: Any) -> Tuple[bool, Any]:
        selector = self._selectors[name, condition]
        function = selector.resolve()
        return (False, None) if function is None else (True, selector.call(function, value))

    def success(self, data: Any = None) -> Response:
        selected, status = self._select("statusCodeSelector", "onSuccess", data)
        if not selected:
            status = self._status or 200
        selected, headers = self._select("headersSelector", "onSuccess", data)
        if not selected:
            headers = self._headers or None
        selected, body = self._select("bodySelector", "onSuccess", data)
        return self._build(body if selected else data, status, headers)

    def failure(self, error: Exception, operation: Optional[str]) -> Response:
        """Answer an exception. Selectors get a dict that also holds the exception itself.

        Attributes of the exception override: `status_code` is the status, `to_response()` makes the body.
        """
        payload = {"operation": operation, "message": str(error), "cause": str(error)}
        details = dict(payload, cause_object=error)
        for name in ("status_code", "code", "details", "message"):
            if hasattr(error, name):
                payload[name] = details[name] = getattr(error, name)
        own_body = None
        to_response = getattr(error, "to_response", None)
        if callable(to_response):
            try:
                own_body = to_response()
            except Exception:
                own_body = None
            payload["cause_response"] = details["cause_response"] = own_body
        selected, status = self._select("statusCodeSelector", "onError", details)
        if not selected:
            status = 500 if details.get("status_code") is None else details["status_code"]
        selected, headers = self._select("headersSelector", "onError", details)
        if not selected:
            headers = self._headers or None
        selected, body = self._select("bodySelector", "onError", details)
        if not selected:
            body = payload if own_body is None else own_body
        return self._build(body, status, headers)

    def _build(self, data: Any, status: Any, headers: Any) -> Response:
        kind = self._content_type or "text/plain"
        if kind == "application/json":
            return Response(text=json_dumps(data), status=status, headers=headers, content_type=kind)
        if kind == "application/octet-stream":
            return Response(body=data, status=status, headers=headers, content_type=kind)
        return Response(text=data, status=status, headers=headers, content_type=kind)


class WebView:
    """A webview.

    It answers with the last value; a first operation that drops the request gives no answer. The monitor of the
    framework fails for a status that `http.HTTPStatus` lacks.
    """

    def __init__(self, app: "App", component: Place, spec: Dict[str, Any]) -> None:
        self._app = app
        self.component = component
        request = spec.get("request") or {}
        self.method = str(request.get("method") or "GET").upper()
        self.path = request.get("path") or "/"
        self.pattern = route_pattern(app.conf.web_base_path.rstrip("/") + self.path)
        self._response = ResponseSpec(app, component, spec.get("response") or {})
        self._pipeline = Pipeline(app, component, spec)

    async def answer(self, request: Request) -> Optional[Response]:
        """Answer a request; None is no answer."""
        with self._app.at(self.component):
            try:
                response = await self._process(request)
            except BaseException as error:
                self._app.test.fail(error)
                return error_response(500, SERVER_ERROR)
            if response is None:
                return None
            try:
                http.HTTPStatus(response.status)
            except ValueError as error:
                self._app.test.fail(error)
                return error_response(500, SERVER_ERROR)
            try:
                response.check_headers()
            except TypeError as error:
                self._app.test.fail(error)
                return None
            return response

    async def _process(self, request: Request) -> Optional[Response]:
        self._pipeline.prepare()
        operations = self._pipeline.operations()
        values: List[Any] = []

        async def collect(results: List[Any]) -> None:
            values.extend(results)

        self._pipeline.current = None
        context = {"app": self._app.stand_in}
        try:
            if not operations:
                return self._response.success()
            if not await self._pipeline.run(operations, context, collect, request, **request.match_info):
                return None
            return self._response.success(*values[-1:])
        except Exception as error:
            current = self._pipeline.current
            self._app.test.fail(error, handled=True)
            return self._response.failure(error, current.name if current else None)


def route_pattern(path: str) -> "re.Pattern[str]":
    """Compile a path with `{name}` and `{name:regex}` as aiohttp does."""
    pattern = ""
    for part in re.split(r"(\{[_a-zA-Z][^{}]*(?:\{[^{}]*\}[^{}]*)*\})", path):
        found = re.fullmatch(r"\{([_a-zA-Z][_a-zA-Z0-9]*)(?::(.+))?\}", part)
        if found:
            pattern += f"(?P<{found.group(1)}>{found.group(2) or '[^{}/]+'})"
        else:
            pattern += re.escape(urllib.parse.quote(urllib.parse.unquote(part), safe="/:@!$&'()*+,;=~"))
    return re.compile(pattern)


METHODS = frozenset({"HEAD", "GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "SEARCH"})


class Web:
    """The web server: webviews of the same path are one resource with several methods; HEAD calls GET."""

    def __init__(self, views: List[WebView]) -> None:
        self._resources: Dict[str, Dict[str, WebView]] = {}
        for view in views:
            methods = self._resources.setdefault(view.path, {})
            if view.method in methods:
                raise ValueError(f"Duplicate WebView method '{view.method}' for path '{view.path}'.")
            methods[view.method] = view

    async def handle(self, request: Request) -> Optional[Response]:
        raw = urllib.parse.urlsplit(request.raw_path).path
        for views in self._resources.values():
            found = next(iter(views.values())).pattern.fullmatch(raw)
            if found is None:
                continue
            request.match_info = {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}
            if request.method not in METHODS:
                return error_response(500, SERVER_ERROR)
            view = views.get(request.method)
            if view is None and request.method == "HEAD":
                view = views.get("GET")
            if view is None:
                method = "GET" if request.method == "HEAD" else request.method
                detail = {"error": f"Method {method} not allowed."}
                return Response(text=json_dumps(detail), status=405, content_type="application/json")
            return await view.answer(request)
        return error_response(404, "404: Not Found")


def make_request(spec: Dict[str, Any]) -> Request:
    """Build the request of a test step. A body that is no text is sent as JSON."""
    pairs: List[Tuple[str, str]] = []
    for name, value in (spec.get("headers") or {}).items():
        pairs.extend((name, str(item)) for item in (value if isinstance(value, list) else [value]))
    given = spec.get("body")
    body = from_plain(given)
    if given is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
        if not any(name.lower() == "content-type" for name, _ in pairs):
            pairs.append(("Content-Type", "application/json"))
    target = str(spec.get("path") or "/")
    parts = urllib.parse.urlsplit(target)
    path = urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~?[]{}")
    target = f"{path}?{query}" if query else path
    return Request(str(spec.get("method") or "GET").upper(), target, MultiMap(pairs, ignore_case=True), body)


def plain_response(step: int, request: Request, response: Optional[Response]) -> Dict[str, Any]:
    """Return a response as it stands in a result, without the headers Content-Length, Date and Server."""
    if response is None:
        return {"step": step, "status": None, "headers": {}, "body": None, "contentType": None}
    headers: Dict[str, str] = {}
    for name, value in response.headers:
        folded = clean_text(name.lower())
        headers[folded] = f"{headers[folded]}, {value}" if folded in headers else clean_text(value)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower() or None
    body: Any = None
    if response.body is not None and request.method != "HEAD":
        body = plain_bytes(bytes(response.body))
        if content_type == "application/json":
            try:
                body = to_plain(json.loads(response.body))
            except ValueError:
                pass
    return {"step": step, "status": response.status, "headers": headers, "body": body, "contentType": content_type}


# ---------------------------------------------------------------------------------------------------------------
# Apps
# ---------------------------------------------------------------------------------------------------------------


class At:
    """Marks where the pipeline is, so that an error without a frame of user code has a place too."""

    def __init__(self, app: "App", place: Place, operation: Optional[str]) -> None:
        self._app = app
        self._here = (place, operation)
        self._before: Tuple[Optional[Place], Optional[str]] = (None, None)

    def __enter__(self) -> None:
        self._before = self._app.here
        place, operation = self._here
        if operation is None and self._before[0] is not None and self._before[0][:2] == place[:2]:
            operation = self._before[1]
        self._app.here = (place, operation)

    def __exit__(self, _kind: Any, error: Optional[BaseException], _trace: Any) -> None:
        if error is not None and self._app.failed[0] is not error:
            self._app.failed = (error, *self._app.here)
        self._app.here = self._before


class App:
    """An app with fresh state for one test."""

    def __init__(self, name: str, config: Dict[str, Any], test: "Test") -> None:
        self.name = name
        self.test = test
        self.conf = Conf(name, config)
        self.stand_in = AppStandIn(self)
        self.tables: Dict[str, Table] = {}
        self.sent_topics: Dict[str, Tuple[Optional[str], Optional[str]]] = {}
        self.here: Tuple[Optional[Place], Optional[str]] = (None, None)
        self.failed: Tuple[Optional[BaseException], Optional[Place], Optional[str]] = (None, None, None)
        self.calling: Any = None
        self._offsets: Dict[Tuple[str, int], int] = {}
        self._queue: Deque[Callable[[], Any]] = collections.deque()
        self._channels: Dict[str, List[Agent]] = {}
        self.agents: List[Agent] = []
        self.tasks: Dict[str, Task] = {}
        self._web = Web([])

    def load(self, components: List[Dict[str, Any]]) -> None:
        """Make the components, tables and joins first."""
        self._load_tables(components)
        self._load_joins(components)
        self.agents = [Agent(self, *item) for item in self._of_kind(components, "KasprAgent")]
        self.tasks = {item[0].name: Task(self, *item) for item in self._of_kind(components, "KasprTask")}
        self._web = Web([WebView(self, *item) for item in self._of_kind(components, "KasprWebView")])
        self._load_channels()

    @staticmethod
    def _of_kind(components: List[Dict[str, Any]], kind: str) -> List[Tuple[Place, Dict[str, Any]]]:
        return [
            (Place(kind, item["name"], None), item.get("spec") or {}) for item in components if item["kind"] == kind
        ]

    def _load_tables(self, components: List[Dict[str, Any]]) -> None:
        """Tables are called by the names of their resources; the default selector runs when the table is made.

        The framework reads `spec.window` and makes the same table as without it: values have no windows, nothing
        expires, and the code of `relativeToSelector` never runs.
        """
        for place, spec in self._of_kind(components, "KasprTable"):
            with self.at(place._replace(field="spec.defaultSelector")):
                default = self.selector(place._replace(field="spec"), spec, "defaultSelector")
                function = default.resolve()
                made = None if function is None else default.call(function)
                if made is not None and not inspect.isclass(made):
                    raise ValueError("Default selector must return a class type.")
            self.tables[place.name] = Table(
                place.name,
                bool(spec.get("global")),
                "raw" if spec.get("keySerializer") == "raw" else "json",
                "raw" if spec.get("valueSerializer") == "raw" else "json",
                made,
            )

    def _load_joins(self, components: List[Dict[str, Any]]) -> None:
        """Joins are inner unless they say `left`; their channel is NAME-channel unless they name it."""
        for place, spec in self._of_kind(components, "KasprJoin"):
            with self.at(place):
                left, right = self.tables[spec["leftTable"]], self.tables[spec["rightTable"]]
            extractor = self.selector(place._replace(field="spec"), spec, "extractor")
            channel = spec.get("outputChannel") or f"{place.name}-channel"
            with self.at(place._replace(field="spec.extractor")):
                Join(self, left, right, extractor, (spec.get("type") or "inner") == "inner", channel)
            self._channels.setdefault(channel, [])

    def _load_channels(self) -> None:
        """The channels of joins are the only channels that an agent can read."""
        for agent in self.agents:
            if agent.channel is None:
                continue
            if agent.channel not in self._channels:
                with self.at(agent.component._replace(field="spec.input.channel")):
                    raise LookupError(f"`{agent.channel}` is the output channel of no join of the app")
            self._channels[agent.channel].append(agent)

    # Places and code

    def at(self, place: Place, operation: Optional[str] = None) -> At:
        return At(self, place, operation)

    def reach(self, place: Place, passed: Optional[bool] = None) -> None:
        self.test.reach(place, passed)

    def selector(self, place: Place, spec: Dict[str, Any], name: str) -> Selector:
        if spec.get(name) is None:
            return Selector(None)
        return Selector(Code(self, place._replace(field=f"{place.field}.{name}"), spec[name]))

    def call(self, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Call a function of user code; note it, as an error of the call itself has no frame in it."""
        self.calling = function
        result = function(*arguments, **keywords)
        self.calling = None
        return result

    # Records

    def _next_offset(self, topic: str, partition: int) -> int:
        offset = self._offsets.get((topic, partition), 0)
        self._offsets[topic, partition] = offset + 1
        return offset

    def produce(
        self,
        topic: str,
        key: Any,
        value: Any,
        partition: Any,
        headers: Any,
        key_serializer: Optional[str],
        value_serializer: Optional[str],
        timestamp: Optional[float] = None,
        place: Optional[Place] = None,
    ) -> "asyncio.Future[RecordMetadata]":
        """Send a record: serialize, report, and hand it to the agents of the app that read the topic.

        A key of None stays None; a value of None goes through the serializer (JSON writes `null`).
        """
        key_codec = key_serializer or self.conf.key_serializer
        value_codec = value_serializer or self.conf.value_serializer
        key_bytes = None if key is None else dumps(key_codec, key)
        value_bytes = dumps(value_codec, value)
        pairs = header_pairs(headers)
        check_record(key_bytes, value_bytes, partition, pairs)
        number = 0 if partition is None else int(partition)
        sent_at = time.time() if timestamp is None else float(timestamp)
        offset = self._next_offset(topic, number)
        self.test.sent(
            {
                "topic": clean_text(topic),
                "key": reported(key_codec, key_bytes),
                "value": reported(value_codec, value_bytes),
                "headers": plain_headers(pairs),
                "partition": None if partition is None else number,
                "by": self._sender(place),
            }
        )
        self._queue_record(topic, number, offset, sent_at, tuple(pairs), key_bytes, value_bytes)
        metadata = RecordMetadata(topic, number, TopicPartition(topic, number), offset, int(sent_at * 1000), 0, 0)
        future: "asyncio.Future[RecordMetadata]" = asyncio.get_running_loop().create_future()
        future.set_result(metadata)
        return future

    def _sender(self, place: Optional[Place]) -> Optional[Dict[str, Any]]:
        found = place or self.here[0]
        return None if found is None else {**found.component(), "field": found.field}

    def send_given(self, step: Dict[str, Any]) -> bool:
        """Put the record of a test into the topic; return False if no agent reads the topic."""
        topic = str(step["topic"])
        readers = [agent for agent in self.agents if topic in agent.topics]
        if not readers:
            return False
        key = None if step.get("key") is None else wire_bytes(readers[0].key_serializer, step["key"])
        value = wire_bytes(readers[0].value_serializer, step["value"]) if "value" in step else None
        headers = tuple(
            (name, None if item is None else wire_bytes("raw", item))
            for name, item in (step.get("headers") or {}).items()
        )
        partition = int(step.get("partition") or 0)
        timestamp = step.get("timestamp")
        timestamp = time.time() if timestamp is None else float(timestamp)
        self._queue_record(topic, partition, self._next_offset(topic, partition), timestamp, headers, key, value)
        return True

    def _queue_record(
        self, topic: str, partition: int, offset: int, timestamp: float, headers: Any, key: Any, value: Any
    ) -> None:
        for agent in self.agents:
            if topic in agent.topics:
                message = Message(topic, partition, offset, timestamp, headers, key, value)
                self._queue.append(functools.partial(self._deliver, agent, message))

    async def _deliver(self, agent: Agent, message: Message) -> None:
        def decode() -> Tuple[Any, Event]:
            key = loads_key(agent.key_serializer, message.key)
            value = loads_value(agent.value_serializer, message.value)
            return value, Event(self.stand_in, key, value, message)

        await agent.deliver(decode)

    def put_channel(self, name: str, value: Any) -> bool:
        """Put a value into a channel: it is not serialized, and its event has no key."""
        readers = self._channels.get(name)
        if readers is None:
            return False
        for agent in readers:
            message = Message(None, 0, -1, time.time(), {}, None, value)
            event = Event(self.stand_in, None, value, message)
            self._queue.append(functools.partial(agent.deliver, functools.partial(tuple, (value, event))))
        return True

    def later(self, action: Callable[[], Any]) -> None:
        """Do something after the current message, outside of its event."""

        async def run() -> None:
            token = CURRENT_EVENT.set(None)
            try:
                action()
            finally:
                CURRENT_EVENT.reset(token)

        self._queue.append(run)

    async def drain(self) -> None:
        """Deliver what waits, in order, with what this sends in turn."""
        while self._queue:
            await self._queue.popleft()()

    async def flush(self) -> None:
        """Let the time of `within` pass, as often as agents have batches."""
        while True:
            flushed = False
            for agent in self.agents:
                flushed = await agent.flush() or flushed
            await self.drain()
            if not flushed:
                return

    async def request(self, request: Request) -> Optional[Response]:
        return await self._web.handle(request)


# ---------------------------------------------------------------------------------------------------------------
# Tests
# ---------------------------------------------------------------------------------------------------------------


class Test:
    """One test: its steps and its result."""

    def __init__(self, plan: Dict[str, Any], spec: Dict[str, Any], coverage: bool) -> None:
        self._plan = plan
        self._spec = spec
        self._coverage = coverage
        self._app: Optional[App] = None
        self._step: Optional[int] = None
        self._reached: Dict[Place, Dict[str, Any]] = {}
        self._lines: Dict[str, set] = {}
        self._sends: List[Dict[str, Any]] = []
        self._responses: List[Dict[str, Any]] = []
        self._errors: List[Dict[str, Any]] = []
        self._unread: List[int] = []
        self._stopped: Optional[str] = None
        self._ended = False

    # What components report

    def sent(self, record: Dict[str, Any]) -> None:
        self._sends.append(record)

    def reach(self, place: Place, passed: Optional[bool] = None) -> None:
        entry = self._reached.setdefault(place, {**place.component(), "field": place.field})
        if passed is not None:
            entry["passed" if passed else "dropped"] = True

    def fail(self, error: BaseException, *, handled: bool = False, logged: bool = False) -> None:
        """Record an error: `handled` if a webview answered it, `logged` if the framework only logs it."""
        leave_child()
        if self._ended and isinstance(error, asyncio.CancelledError):
            raise error
        place: Optional[Place] = None
        operation: Optional[str] = None
        if self._app is not None:
            place, operation = self._app.here
            if self._app.failed[0] is error:
                _, place, operation = self._app.failed
        entry = describe(error, place, operation, self._app.calling if self._app else None)
        if self._app is not None:
            self._app.calling = None
        entry["step"] = self._step
        if handled:
            entry["handled"] = True
        if logged:
            entry["logged"] = True
        self._errors.append(entry)

    # The run

    async def run(self) -> None:
        name = self._spec["app"]
        if name not in self._plan["apps"]:
            raise PlanError(f"there is no app `{name}`")
        try:
            self._app = App(name, self._plan["apps"][name].get("config") or {}, self)
            self._app.load(self._plan["apps"][name].get("components") or [])
        except PlanError:
            raise
        except BaseException as error:
            self.fail(error)
            self._stopped = f"a definition cannot be loaded: {type(error).__name__}: {safe_text(error)}"
            return
        for table, rows in (self._spec.get("tables") or {}).items():
            if table not in self._app.tables:
                raise PlanError(f"the app has no table `{table}`")
            for key, value in rows:
                self._app.tables[table].seed(key, value)
        for index, step in enumerate(self._spec.get("steps") or []):
            self._step = index
            await self._run_step(self._app, index, step)
            await self._app.drain()
            await self._settle(0.0)
        await self._app.flush()
        await self._settle(LEFTOVER_SECONDS)
        await self._app.flush()

    async def _run_step(self, app: App, index: int, step: Dict[str, Any]) -> None:
        if "send" in step:
            send = step["send"]
            if send.get("channel") is not None:
                value = from_plain(send.get("value"))
                if isinstance(value, dict) and set(value) == {"left", "right"}:
                    value = JoinedValue(**value)
                if not app.put_channel(send["channel"], value):
                    raise PlanError(f"the app has no channel `{send['channel']}`")
            elif not app.send_given(send):
                self._unread.append(index)
        elif "request" in step:
            request = make_request(step["request"])
            response = await app.request(request)
            self._responses.append(plain_response(index, request, response))
        elif "run" in step:
            task = app.tasks.get(step["run"]["task"])
            if task is None:
                raise PlanError(f"the app has no task `{step['run']['task']}`")
            await task.run()
        else:
            raise PlanError(f"step {index} has none of send, request and run")

    async def _settle(self, seconds: float) -> None:
        """Give the tasks that user code started a moment to finish."""
        assert self._app is not None
        own = asyncio.current_task()
        deadline = time.monotonic() + seconds
        for _ in range(100):
            pending = [task for task in asyncio.all_tasks() if task is not own and not task.done()]
            if not pending:
                return
            await asyncio.sleep(0)
            await self._app.drain()
            leave_child()
        while seconds and time.monotonic() < deadline:
            pending = [task for task in asyncio.all_tasks() if task is not own and not task.done()]
            if not pending:
                return
            await asyncio.wait(pending, timeout=max(0.0, deadline - time.monotonic()))
            await self._app.drain()

    def end(self) -> None:
        """From now on a cancellation ends what still runs; it is no error of the code."""
        self._ended = True

    def stop(self, reason: str) -> None:
        self._stopped = reason

    def tracer(self) -> Callable[[types.FrameType, str, Any], Any]:
        """Return a trace function that notes the lines of user code that run."""
        known, noted = SOURCES.places, self._lines

        def enter(frame: types.FrameType, _event: str, _argument: Any) -> Any:
            name = frame.f_code.co_filename
            if name not in known:
                return None
            lines = noted.setdefault(name, set())
            lines.add(frame.f_lineno)

            def inside(frame: types.FrameType, event: str, _argument: Any) -> Any:
                if event == "line":
                    lines.add(frame.f_lineno)
                return inside

            return inside

        return enter

    def result(self, output: str, milliseconds: float) -> Dict[str, Any]:
        tables: Dict[str, Any] = {}
        for name, table in (getattr(self._app, "tables", None) or {}).items():
            tables[name] = table.report()
        for name, lines in self._lines.items():
            place = SOURCES.place(name)
            if place is not None and place in self._reached:
                self._reached[place]["lines"] = sorted(line for line in lines if line > 0)
        reached = [
            {"component": {"kind": entry.pop("kind"), "name": entry.pop("name")}, **entry}
            for entry in (dict(entry) for entry in self._reached.values())
        ]
        result = {
            "event": "result",
            "test": self._spec["id"],
            "sends": self._sends,
            "tables": tables,
            "responses": self._responses,
            "errors": self._errors,
            "output": clean_text(output),
            "reached": reached,
            "stopped": self._stopped,
            "milliseconds": round(milliseconds, 3),
        }
        if self._unread:
            result["unread"] = self._unread
        return result


def describe(error: BaseException, place: Optional[Place], operation: Optional[str], called: Any) -> Dict[str, Any]:
    """Return an error with the places of its traceback; the innermost frame of user code gives field and line."""
    frames: List[Dict[str, Any]] = []
    found: Optional[Place] = None
    line: Optional[int] = None
    trace = error.__traceback__
    while trace is not None:
        name, function = trace.tb_frame.f_code.co_filename, trace.tb_frame.f_code.co_name
        source = SOURCES.place(name)
        if source is not None:
            found, line = source, trace.tb_lineno
            frames.append(frame_of(source, line, function))
        elif name != __file__ and frames:
            frames.append({"file": clean_text(name), "line": trace.tb_lineno, "function": function})
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename is not None and SOURCES.place(error.filename) is not None:
        found, line = SOURCES.place(error.filename), error.lineno
        assert found is not None
        frames.append(frame_of(found, line or 0, "<module>"))
    code = getattr(called, "__code__", None)
    if not frames and isinstance(error, TypeError) and code is not None:
        found = SOURCES.place(code.co_filename)
        if found is not None:
            line = code.co_firstlineno
            frames.append(frame_of(found, line, code.co_name))
    message = safe_text(error.msg if isinstance(error, SyntaxError) else error)
    where = found or place
    component = place or found
    return {
        "type": type(error).__name__,
        "message": message,
        "component": None if component is None else component.component(),
        "operation": operation,
        "field": None if where is None else where.field,
        "line": line,
        "frames": frames,
    }


def frame_of(place: Place, line: int, function: str) -> Dict[str, Any]:
    return {"component": place.component(), "field": place.field, "line": line, "function": function}


# ---------------------------------------------------------------------------------------------------------------
# The run of a plan
# ---------------------------------------------------------------------------------------------------------------


class Tasks:
    """The asyncio tasks of a test, to find those that failed while nothing awaited them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks: List["asyncio.Task[Any]"] = []
        loop.set_task_factory(self._make)
        loop.set_exception_handler(lambda _loop, _context: None)

    def _make(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        task: "asyncio.Task[Any]" = asyncio.Task(coroutine, loop=loop, **options)
        self._tasks.append(task)
        return task

    def report(self, test: Test) -> None:
        """Report what asyncio would log. The first task is the test itself."""
        for task in self._tasks[1:]:
            if task.done() and not task.cancelled() and getattr(task, "_log_traceback", False):
                error = task.exception()
                if error is not None:
                    test.fail(error, logged=True)


def cancel_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    pending = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.wait(pending, timeout=LEFTOVER_SECONDS))


def run_test(
    loop: asyncio.AbstractEventLoop,
    capture: Capture,
    before: Surroundings,
    plan: Dict[str, Any],
    spec: Dict[str, Any],
) -> None:
    """Run a test and report it, whatever its code does short of ending the process."""
    coverage = bool(plan.get("coverage"))
    test = Test(plan, spec, coverage)
    Protocol.send({"event": "start", "test": spec["id"]})
    tasks = Tasks(loop)
    begin = time.perf_counter()
    sys.stdout = sys.stderr = capture  # type: ignore[assignment]
    try:
        if coverage:
            tracer = test.tracer()
            threading.settrace(tracer)
            sys.settrace(tracer)
        try:
            loop.run_until_complete(test.run())
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            tasks.report(test)
            test.end()
            cancel_leftovers(loop)
    except PlanError as error:
        test.stop(str(error))
    except BaseException as error:
        test.fail(error)
        test.stop(f"{type(error).__name__}: {safe_text(error)}")
    finally:
        leave_child()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    before.restore()
    milliseconds = (time.perf_counter() - begin) * 1000
    try:
        Protocol.send(test.result(capture.take(), milliseconds))
    except (MemoryError, RecursionError, ValueError) as error:
        empty = Test(plan, spec, False)
        empty.stop(f"the result cannot be reported: {type(error).__name__}: {safe_text(error)}")
        Protocol.send(empty.result("", milliseconds))


class Surroundings:
    """What code can change for the whole process: environment and working directory."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._folder = os.getcwd()

    def restore(self) -> None:
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        try:
            os.chdir(self._folder)
        except OSError:
            pass


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    sys.path[:0] = plan.get("path") or []
    Protocol.open()
    capture = Capture()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Python warns when it frees a coroutine, which may be in a later test.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    limit_memory(plan.get("memoryBytes"))
    if not plan.get("allowNetwork"):
        forbid_network()
    before = Surroundings()
    for spec in plan["tests"]:
        run_test(loop, capture, before, plan, spec)
    Protocol.close()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
