"""Behaviours of the harness of `kaspr-operator test`, each as a user sees it: a plan goes in, JSON lines come out.

Each test states a fact of the framework. Run with `python3 -m unittest` in this folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from typing import Any, Dict, List, Optional

HARNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "cli", "test", "harness.py")


def code(text: str, entrypoint: Optional[str] = None) -> Dict[str, Any]:
    block: Dict[str, Any] = {"python": textwrap.dedent(text).lstrip("\n")}
    if entrypoint:
        block["entrypoint"] = entrypoint
    return block


def op(name: str, kind: str, text: Any, tables: Optional[Dict[str, str]] = None) -> Dict[str, Any]:
    """An operation; `tables` maps tables to parameters."""
    body = code(text) if isinstance(text, str) else text
    refs = [{"name": table, "paramName": param} for table, param in (tables or {}).items()]
    return {"name": name, kind: body, "tables": refs}


def processors(operations: List[Dict[str, Any]], init: Optional[str] = None) -> Dict[str, Any]:
    return {
        "pipeline": [item["name"] for item in operations],
        "init": code(init) if init else None,
        "operations": operations,
    }


def agent(
    *operations: Dict[str, Any],
    name: str = "agent",
    topic: Any = "in",
    out: Any = ("out",),
    init: Optional[str] = None,
    **spec: Any,
) -> Dict[str, Any]:
    source = spec.pop("input", None) or {"topic": {"name": topic, "valueSerializer": "json"}}
    topics = [{"name": item, "valueSerializer": "json"} if isinstance(item, str) else item for item in out]
    return {
        "kind": "KasprAgent",
        "name": name,
        "spec": {
            "input": source,
            "processors": processors(list(operations), init),
            "output": {"topics": topics},
            **spec,
        },
    }


def table(name: str, default: Optional[str] = None, **spec: Any) -> Dict[str, Any]:
    body = {"name": name, "keySerializer": "json", "valueSerializer": "json", **spec}
    if default:
        body["defaultSelector"] = code(default)
    return {"kind": "KasprTable", "name": name, "spec": body}


def task(*operations: Dict[str, Any], name: str = "task", init: Optional[str] = None) -> Dict[str, Any]:
    return {"kind": "KasprTask", "name": name, "spec": {"processors": processors(list(operations), init)}}


def webview(
    *operations: Dict[str, Any],
    name: str = "view",
    path: str = "/view",
    method: str = "GET",
    response: Optional[Dict[str, Any]] = None,
    init: Optional[str] = None,
) -> Dict[str, Any]:
    return {
        "kind": "KasprWebView",
        "name": name,
        "spec": {
            "name": name,
            "request": {"method": method, "path": path},
            "response": {"contentType": "application/json"} if response is None else response,
            "processors": processors(list(operations), init),
        },
    }


def join(name: str, left: str, right: str, extractor: str, **spec: Any) -> Dict[str, Any]:
    return {
        "kind": "KasprJoin",
        "name": name,
        "spec": {"leftTable": left, "rightTable": right, "extractor": code(extractor), **spec},
    }


def send(value: Any = None, topic: str = "in", **rest: Any) -> Dict[str, Any]:
    return {"send": {"topic": topic, "value": value, **rest}}


def request(path: str = "/view", method: str = "GET", **rest: Any) -> Dict[str, Any]:
    return {"request": {"method": method, "path": path, **rest}}


def run(name: str = "task") -> Dict[str, Any]:
    return {"run": {"task": name}}


IDENTITY = "def f(value): return value"


def execute(plan: Dict[str, Any], seconds: float = 120) -> subprocess.CompletedProcess:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plan.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(plan, file)
        return subprocess.run(
            [sys.executable, "-I", "-B", HARNESS, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )


class Job:
    """Tests of one app, to be run with the options of a plan."""

    def __init__(self, components: Any, tests: List[Dict[str, Any]], config: Any, options: Dict[str, Any]) -> None:
        self.app = {"config": config or {}, "components": list(components)}
        self.tests = tests
        self.options = {"allowNetwork": False, "memoryBytes": 1 << 30, **options}
        self.results: Optional[List[Dict[str, Any]]] = None
        self.error: Optional[str] = None


def run_jobs(jobs: List[Job]) -> None:
    """Run jobs of the same options in one process."""
    tests: List[Dict[str, Any]] = []
    for number, job in enumerate(jobs):
        tests.extend({"id": len(tests) + index, "app": f"shop{number}", **test} for index, test in enumerate(job.tests))
    apps = {f"shop{number}": job.app for number, job in enumerate(jobs)}
    done = execute({"apps": apps, "tests": tests, **jobs[0].options})
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    expected = [(event, test["id"]) for test in tests for event in ("start", "result")]
    found = [(line["event"], line["test"]) for line in lines]
    results = iter(line for line in lines if line["event"] == "result")
    for job in jobs:
        if found == expected:
            job.results = [next(results) for _ in job.tests]
        else:
            job.error = f"lines {found[:20]} in place of {expected[:20]}: {done.stderr.decode()[-2000:]}"


class Batch:
    """Collects the jobs of tests that run at the same time, as a process takes longer to start than to run them."""

    def __init__(self, count: int) -> None:
        self._active = count
        self._waiting: List[Job] = []
        self._changed = threading.Condition()

    def run(self, job: Job) -> None:
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()
            self._changed.wait_for(lambda: job.results is not None or job.error is not None)

    def leave(self) -> None:
        with self._changed:
            self._active -= 1
            self._changed.notify_all()

    def serve(self) -> None:
        """Run jobs whenever all tests that are not over wait for one."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: len(self._waiting) == self._active)
                jobs, self._waiting = self._waiting, []
            if not jobs:
                return
            groups: Dict[str, List[Job]] = {}
            for job in jobs:
                groups.setdefault(json.dumps(job.options, sort_keys=True), []).append(job)
            for group in groups.values():
                run_jobs(group)
                if group[0].error is not None and len(group) > 1:
                    for job in group:
                        job.error = None
                        run_jobs([job])
            with self._changed:
                self._changed.notify_all()


BATCH: Optional[Batch] = None


def play_all(
    components: Any, tests: List[Dict[str, Any]], config: Any = None, alone: bool = False, **options: Any
) -> List[Dict[str, Any]]:
    """Run tests and return their results."""
    job = Job(components, tests, config, options)
    if BATCH is None or alone:
        run_jobs([job])
    else:
        BATCH.run(job)
    if job.results is None:
        raise AssertionError(job.error)
    return job.results


def play(*components: Dict[str, Any], steps: List[Dict[str, Any]], tables: Any = None, **rest: Any) -> Dict[str, Any]:
    """Run one test and return its result."""
    (result,) = play_all(components, [{"steps": steps, "tables": tables or {}}], **rest)
    return result


def values(result: Dict[str, Any], topic: str = "out") -> List[Any]:
    return [item["value"] for item in result["sends"] if item["topic"] == topic]


def failures(result: Dict[str, Any]) -> List[Any]:
    return [(item["type"], item["message"]) for item in result["errors"]]


class Parallel(unittest.TestSuite):
    """Runs tests at the same time, with their plans in few processes."""

    def run(self, result: unittest.TestResult, debug: bool = False) -> unittest.TestResult:
        global BATCH
        tests = list(self)
        batch = BATCH = Batch(len(tests))

        def run_test(test: Any) -> None:
            try:
                test.run(result)
            finally:
                batch.leave()

        threads = [threading.Thread(target=run_test, args=(test,)) for test in tests]
        for thread in threads:
            thread.start()
        batch.serve()
        for thread in threads:
            thread.join()
        BATCH = None
        return result


def load_tests(_loader: unittest.TestLoader, tests: unittest.TestSuite, _pattern: Optional[str]) -> unittest.TestSuite:
    return Parallel(test for case in tests for test in case)


class Blocks(unittest.TestCase):
    """Blocks, scopes and entrypoints."""

    def test_a_block_runs_anew_for_each_value(self) -> None:
        result = play(
            agent(op("a", "map", "seen = []\ndef f(value):\n    seen.append(value)\n    return seen")),
            steps=[send(1), send(2)],
        )
        self.assertEqual(values(result), [[1], [2]])

    def test_init_runs_once_and_its_names_live(self) -> None:
        result = play(
            agent(
                op("a", "map", code("def f(value):\n    seen.append(value)\n    return list(seen)", "f")),
                init="seen = []",
            ),
            steps=[send(1), send(2)],
        )
        self.assertEqual(values(result), [[1], [1, 2]])

    def test_init_runs_again_after_an_error(self) -> None:
        result = play(
            agent(
                op("a", "map", "def f(value):\n    seen.append(value)\n    return list(seen) if value else 1 / 0"),
                init="print('init')\nseen = []",
            ),
            steps=[send(1), send(0), send(2)],
        )
        self.assertEqual(values(result), [[1], [2]])
        self.assertEqual(result["output"], "init\ninit\n")

    def test_assignments_of_a_block_do_not_reach_the_next_value(self) -> None:
        result = play(
            agent(
                op("a", "map", code("n = n + 1\ndef f(value): return n", "f")),
                init="n = 0",
            ),
            steps=[send(1), send(2)],
        )
        self.assertEqual(values(result), [1, 1])

    def test_without_entrypoint_the_first_callable_of_the_block_is_taken(self) -> None:
        result = play(
            agent(op("a", "map", "def first(value): return 'first'\ndef second(value): return 'second'")),
            steps=[send(1)],
        )
        self.assertEqual(values(result), ["first"])

    def test_without_entrypoint_a_function_of_init_comes_first(self) -> None:
        result = play(
            agent(op("a", "map", "def f(value): return 'f'"), init="def helper(value): return 'helper'"),
            steps=[send(1)],
        )
        self.assertEqual(values(result), ["helper"])

    def test_an_imported_class_is_a_callable_too(self) -> None:
        result = play(agent(op("a", "map", "from decimal import Decimal\ndef f(value): return 'f'")), steps=[send(5)])
        self.assertEqual(values(result), ["5"])

    def test_an_entrypoint_is_taken(self) -> None:
        block = code("def first(value): return 1\ndef second(value): return 2", "second")
        self.assertEqual(values(play(agent(op("a", "map", block)), steps=[send(0)])), [2])

    def test_a_missing_entrypoint_is_ignored(self) -> None:
        block = code("def first(value): return 1", "other")
        self.assertEqual(values(play(agent(op("a", "map", block)), steps=[send(0)])), [1])

    def test_an_entrypoint_that_is_not_callable_is_an_error(self) -> None:
        result = play(agent(op("a", "map", code("f = 1", "f"))), steps=[send(0)])
        self.assertEqual(failures(result), [("AssertionError", "Entry point 'f' is not callable.")])

    def test_a_block_without_a_callable_is_an_error(self) -> None:
        result = play(agent(op("a", "map", "x = 1")), steps=[send(0)])
        self.assertEqual(failures(result), [("TypeError", "'NoneType' object is not callable")])

    def test_the_module_name_is_that_of_a_bare_scope(self) -> None:
        result = play(agent(op("a", "map", "def f(value): return __name__")), steps=[send(0)])
        self.assertEqual(values(result), ["builtins"])

    def test_names_of_the_block_are_globals_of_its_functions(self) -> None:
        result = play(
            agent(
                op(
                    "a",
                    "map",
                    code("factor = 3\ndef double(x): return x * 2\ndef f(v): return double(v) * factor", "f"),
                )
            ),
            steps=[send(2)],
        )
        self.assertEqual(values(result), [12])

    def test_context_in_agents_has_app_and_event(self) -> None:
        result = play(
            agent(
                op(
                    "a",
                    "map",
                    """
                    def f(value):
                        event, message = context["event"], context["event"].message
                        return [sorted(context), event.key.decode(), event.value, event.headers["h"].decode(),
                                message.topic, message.partition, message.offset, message.timestamp,
                                message.key.decode(), message.value.decode(), [list(map(str, h)) for h in message.headers],
                                context["app"].conf.id[-4:], context["app"].conf.name[:4]]
                    """,
                )
            ),
            steps=[send({"a": 1}, key="k", headers={"h": "x"}, partition=2, timestamp=1.5)],
        )
        self.assertEqual(
            values(result),
            [
                [
                    ["app", "event"], "k", {"a": 1}, "x", "in", 2, 0, 1.5, "k", '{"a": 1}', [["h", "b'x'"]],
                    "-app", "shop",
                ]
            ],
        )  # fmt: skip

    def test_context_of_init_tasks_and_webviews_has_only_app(self) -> None:
        show = "def f(*_): return sorted(context)"
        result = play(
            agent(op("a", "map", code("def f(value): return keys", "f")), init="keys = sorted(context)"),
            task(op("a", "map", show), op("b", "topicSend", {"name": "task-out"})),
            webview(op("a", "map", show)),
            steps=[send(1), run(), request()],
        )
        self.assertEqual(values(result), [["app"]])
        self.assertEqual(values(result, "task-out"), [["app"]])
        self.assertEqual(result["responses"][0]["body"], ["app"])

    def test_what_the_harness_does_not_offer_is_named(self) -> None:
        offers = {
            "context['app'].monitor": "",
            "context['app'].topics": "",
            "context['app'].channel": "('c')",
            "context['app'].Table": "('t')",
            "context['app'].add_future": "(None)",
            "context['app'].conf.broker": "",
            "context['app'].tables.changelog_topics": "",
            "context['app'].tables.clear": "()",
            "context['event'].ack": "()",
            "context['event'].message.stream_meta": "",
        }
        results = [
            play(agent(op("a", "map", f"def f(value): return {name}{call}")), steps=[send(1)])
            for name, call in offers.items()
        ]
        self.assertEqual(
            [failures(result) for result in results],
            [[("AttributeError", f"the test harness does not offer {name}")] for name in offers],
        )

    def test_tables_of_the_app(self) -> None:
        body = """
        def f(value, t):
            tables = context["app"].tables
            tables["t"]["k"] = value
            return [tables["t"] is t, list(tables), len(tables), "t" in tables, tables.get("x"), t["k"]]
        """
        result = play(table("t"), agent(op("a", "map", body, {"t": "t"})), steps=[send(1)])
        self.assertEqual(values(result), [[True, ["t"], 1, True, None, 1]])
        result = play(agent(op("a", "map", "def f(value): return context['app'].tables['x']")), steps=[send(1)])
        self.assertEqual(failures(result), [("KeyError", "'x'")])

    def test_the_loop_of_the_app_runs_functions_and_tasks(self) -> None:
        body = """
        async def f(value):
            loop, seen = context["app"].loop, []
            loop.call_soon(seen.append, "soon")
            async def double(): return value * 2
            return [await loop.run_in_executor(None, lambda: value), await loop.create_task(double()), seen]
        """
        result = play(agent(op("a", "map", body)), steps=[send(3)])
        self.assertEqual(result["errors"], [])
        self.assertEqual(values(result), [[3, 6, ["soon"]]])

    def test_selectors_know_no_name_of_init_and_no_context(self) -> None:
        for name, body in {"helper": "def f(value): return helper", "context": "def f(value): return context"}.items():
            with self.subTest(name):
                out = {"name": "out", "valueSelector": code(body)}
                result = play(agent(op("a", "map", code(IDENTITY, "f")), out=[out], init="helper = 1"), steps=[send(1)])
                self.assertEqual(failures(result), [("NameError", f"name {name!r} is not defined")])

    def test_the_block_of_a_selector_runs_once(self) -> None:
        out = {
            "name": "out",
            "valueSelector": code("seen = []\ndef f(value):\n    seen.append(value)\n    return list(seen)"),
        }
        result = play(agent(op("a", "map", IDENTITY), out=[out]), steps=[send(1), send(2)])
        self.assertEqual(values(result), [[1], [1, 2]])

    def test_the_block_of_a_selector_runs_again_for_each_test(self) -> None:
        out = {
            "name": "out",
            "valueSelector": code("seen = []\ndef f(value):\n    seen.append(value)\n    return list(seen)"),
        }
        results = play_all([agent(op("a", "map", IDENTITY), out=[out])], [{"steps": [send(1)]}, {"steps": [send(2)]}])
        self.assertEqual([values(result) for result in results], [[[1]], [[2]]])

    def test_an_async_predicate_is_always_true(self) -> None:
        out = {"name": "out", "predicate": code("async def f(value): return False")}
        self.assertEqual(values(play(agent(op("a", "map", IDENTITY), out=[out]), steps=[send(1)])), [1])

    def test_an_async_value_selector_gives_a_coroutine(self) -> None:
        out = {"name": "out", "valueSelector": code("async def f(value): return 1")}
        ((kind, message),) = failures(play(agent(op("a", "map", IDENTITY), out=[out]), steps=[send(1)]))
        self.assertEqual(kind, "TypeError")
        self.assertIn("JSON cannot serialize 'coroutine'", message)


class Operations(unittest.TestCase):
    """map, filter and topicSend."""

    def check(self, body: str, expected: List[Any], *more: Dict[str, Any], value: Any = 1) -> None:
        result = play(agent(op("a", "map", body), *more), steps=[send(value)])
        self.assertEqual(result["errors"], [])
        self.assertEqual(values(result), expected)

    def test_a_map_gives_one_value(self) -> None:
        self.check("def f(value): return [1, 2]", [[1, 2]])

    def test_none_is_a_value(self) -> None:
        self.check("def f(value): return None", [[None, 5]], op("b", "map", "def f(value): return [value, 5]"))

    def test_a_map_is_awaited(self) -> None:
        self.check("import asyncio\nasync def f(value):\n    await asyncio.sleep(0)\n    return value + 1", [2])

    def test_a_generator_gives_several_values(self) -> None:
        self.check("def f(value):\n    yield 1\n    yield 2", [1, 2])

    def test_an_async_generator_gives_several_values(self) -> None:
        self.check("async def f(value):\n    yield 1\n    yield 2", [10, 20], op("b", "map", "def f(v): return v * 10"))

    def test_a_generator_of_a_later_operation_gives_several_values(self) -> None:
        self.check("def f(value): return 3", [0, 1, 2], op("b", "map", "def f(v):\n    yield from range(v)"))

    def test_an_async_generator_of_a_later_operation_is_an_error(self) -> None:
        result = play(agent(op("a", "map", IDENTITY), op("b", "map", "async def f(v):\n    yield v")), steps=[send(1)])
        self.assertEqual(failures(result), [("TypeError", "'async_generator' object is not iterable")])
        self.assertEqual(result["errors"][0]["operation"], "b")

    def test_values_of_the_first_generator_pass_the_pipeline_one_by_one(self) -> None:
        result = play(
            agent(
                op("a", "map", "def f(value):\n    print('a1')\n    yield 1\n    print('a2')\n    yield 2"),
                op("b", "map", "def f(value):\n    print('b', value)\n    return value"),
            ),
            steps=[send(0)],
        )
        self.assertEqual(result["output"].split("\n"), ["a1", "b 1", "a2", "b 2", ""])

    def test_an_error_in_a_generator_leaves_the_values_before_it(self) -> None:
        result = play(agent(op("a", "map", "def f(value):\n    yield 1\n    1 / 0")), steps=[send(0)])
        self.assertEqual(values(result), [1])
        self.assertEqual(result["errors"][0]["line"], 3)

    def test_a_filter_keeps_by_truth(self) -> None:
        result = play(
            agent(op("a", "filter", "def f(value): return value")), steps=[send(0), send("x"), send([]), send(2)]
        )
        self.assertEqual(values(result), ["x", 2])

    def test_a_filter_is_awaited(self) -> None:
        result = play(agent(op("a", "filter", "async def f(value): return value > 1")), steps=[send(1), send(2)])
        self.assertEqual(values(result), [2])

    def test_a_generator_as_filter_is_always_true(self) -> None:
        result = play(agent(op("a", "filter", "def f(value):\n    yield False")), steps=[send(1)])
        self.assertEqual(values(result), [1])

    def test_a_filter_in_the_middle(self) -> None:
        self.check(
            "def f(value):\n    yield from range(4)", [10, 30],
            op("b", "filter", "def f(v): return v % 2"), op("c", "map", "def f(v): return v * 10"),
        )  # fmt: skip

    def test_only_operations_of_the_pipeline_run_in_its_order(self) -> None:
        spec = agent(
            op("a", "map", "def f(v): return v + 'a'"),
            op("b", "map", "def f(v): return v + 'b'"),
            op("c", "map", "def f(v): return v + 'c'"),
        )
        spec["spec"]["processors"]["pipeline"] = ["c", "a", "a"]
        self.assertEqual(values(play(spec, steps=[send("")])), ["caa"])

    def test_an_unknown_operation_is_an_error(self) -> None:
        spec = agent(op("a", "map", IDENTITY))
        spec["spec"]["processors"]["pipeline"] = ["b"]
        self.assertEqual(failures(play(spec, steps=[send(1)])), [("ValueError", "Operation 'b' is not defined.")])

    def test_an_empty_pipeline_does_nothing(self) -> None:
        result = play(agent(), steps=[send(1)])
        self.assertEqual((result["sends"], result["errors"]), ([], []))

    def test_topic_send_ends_the_value(self) -> None:
        result = play(agent(op("a", "topicSend", {"name": "side"})), steps=[send(1)])
        self.assertEqual((values(result, "side"), values(result)), ([1], []))

    def test_topic_send_with_pass_through_passes_the_value(self) -> None:
        spec = {"name": "side", "passThrough": True, "valueSelector": code("def f(value): return 'selected'")}
        result = play(agent(op("a", "topicSend", spec)), steps=[send(1)])
        self.assertEqual((values(result, "side"), values(result)), (["selected"], [1]))

    def test_topic_send_with_ack_passes_the_metadata(self) -> None:
        spec = {"name": "side", "ack": True, "partitionSelector": code("def f(value): return 3")}
        (metadata,) = values(play(agent(op("a", "topicSend", spec)), steps=[send(1)]))
        self.assertIsInstance(metadata.pop("timestamp"), int)
        self.assertEqual(
            metadata,
            {
                "topic": "side", "partition": 3, "topic_partition": ["side", 3], "offset": 0, "timestamp_type": 0,
                "log_start_offset": 0,
            },
        )  # fmt: skip

    def test_topic_send_with_both_passes_a_pair(self) -> None:
        spec = {"name": "side", "ack": True, "passThrough": True}
        ((value, metadata),) = values(play(agent(op("a", "topicSend", spec)), steps=[send(1)]))
        self.assertEqual((value, metadata["topic"]), (1, "side"))

    def test_a_predicate_ends_the_value_without_pass_through(self) -> None:
        for through, expected in ((False, []), (True, [1])):
            with self.subTest(through):
                spec = {"name": "side", "passThrough": through, "predicate": code("def f(value): return False")}
                result = play(agent(op("a", "topicSend", spec)), steps=[send(1)])
                self.assertEqual((values(result, "side"), values(result)), ([], expected))

    def test_topic_send_comes_before_filter_and_filter_before_map(self) -> None:
        both = op("a", "filter", "def f(value): return False")
        both["map"] = code("def f(value): return 'map'")
        self.assertEqual(values(play(agent(both), steps=[send(1)])), [])
        both["topicSend"] = {"name": "side"}
        self.assertEqual(values(play(agent(both), steps=[send(1)]), "side"), [1])

    def test_an_operation_without_a_kind_is_an_error(self) -> None:
        result = play(agent({"name": "a", "tables": []}), steps=[send(1)])
        self.assertEqual(failures(result), [("AttributeError", "'NoneType' object has no attribute 'with_scope'")])

    def test_tables_are_keywords(self) -> None:
        result = play(
            table("counts"),
            agent(op("a", "map", "def f(value, *, t):\n    t['k'] = value\n    return t['k']", {"counts": "t"})),
            steps=[send(5)],
        )
        self.assertEqual((values(result), result["tables"]), ([5], {"counts": [["k", 5]]}))

    def test_an_unknown_table_is_an_error_of_the_message(self) -> None:
        result = play(agent(op("a", "map", IDENTITY, {"nope": "t"})), steps=[send(5)])
        self.assertEqual(failures(result), [("ValueError", "Table 'nope' is not a registered table name.")])

    def test_a_parameter_may_have_any_name(self) -> None:
        result = play(
            table("t"), agent(op("a", "map", "def f(v, scope, function): return [scope.name, function.name]", {"t": "scope"})),
            steps=[send(5)],
        )  # fmt: skip
        self.assertEqual(failures(result)[0][0], "TypeError")
        self.assertIn("function", failures(result)[0][1])
        result = play(
            table("t"), agent(op("a", "map", "def f(v, scope): return scope.name", {"t": "scope"})), steps=[send(5)]
        )
        self.assertEqual(values(result), ["t"])

    def test_a_parameter_named_value_collides(self) -> None:
        result = play(table("t"), agent(op("a", "map", "def f(v, value): return v", {"t": "value"})), steps=[send(5)])
        self.assertEqual(failures(result), [("TypeError", "process() got multiple values for argument 'value'")])


class Outputs(unittest.TestCase):
    """Records that components send."""

    def out(self, spec: Dict[str, Any], value: Any = 1, **rest: Any) -> Dict[str, Any]:
        return play(agent(op("a", "map", IDENTITY), out=[{"name": "out", **spec}]), steps=[send(value)], **rest)

    def test_each_value_goes_to_each_topic_in_order(self) -> None:
        result = play(agent(op("a", "map", "def f(v):\n    yield 1\n    yield 2"), out=["x", "y"]), steps=[send(0)])
        self.assertEqual([(s["topic"], s["value"]) for s in result["sends"]], [("x", 1), ("y", 1), ("x", 2), ("y", 2)])
        self.assertEqual(
            result["sends"][3]["by"], {"kind": "KasprAgent", "name": "agent", "field": "spec.output.topics[1]"}
        )

    def test_a_predicate_chooses(self) -> None:
        result = self.out({"predicate": code("def f(value): return value > 1")})
        self.assertEqual(result["sends"], [])
        (entry,) = [item for item in result["reached"] if item["field"] == "spec.output.topics[0]"]
        self.assertEqual(entry.get("dropped"), True)

    def test_all_selectors(self) -> None:
        result = self.out(
            {
                "name": None,
                "nameSelector": code("def f(value): return f'topic-{value}'"),
                "keySelector": code("def f(value): return 'key'"),
                "valueSelector": code("def f(value): return {'v': value}"),
                "partitionSelector": code("def f(value): return 2"),
                "headersSelector": code("def f(value): return {'h': b'x', 'n': None}"),
            }
        )
        (record,) = result["sends"]
        record.pop("by")
        self.assertEqual(
            record,
            {"topic": "topic-1", "key": "key", "value": {"v": 1}, "headers": {"h": "x", "n": None}, "partition": 2},
        )

    def test_without_selectors_there_is_no_key_and_the_value_itself(self) -> None:
        (record,) = self.out({})["sends"]
        self.assertEqual((record["key"], record["value"], record["headers"], record["partition"]), (None, 1, {}, None))

    def test_the_defaults_of_serializers_are_raw_keys_and_json_values(self) -> None:
        result = self.out({"keySelector": code("def f(value): return {'a': 1}")})
        self.assertEqual(failures(result), [("TypeError", "a bytes-like object is required, not 'dict'")])
        result = self.out({"keySelector": code("def f(value): return {'a': 1}")}, config={"keySerializer": "json"})
        self.assertEqual(result["sends"][0]["key"], {"a": 1})

    def test_a_raw_number_is_refused_by_the_producer(self) -> None:
        result = self.out({"keySelector": code("def f(value): return 5")})
        self.assertEqual(failures(result), [("TypeError", "object of type 'int' has no len()")])
        self.assertEqual(result["errors"][0]["field"], "spec.output.topics[0]")

    def test_neither_key_nor_value_is_refused_by_the_producer(self) -> None:
        result = self.out({"valueSerializer": "raw", "valueSelector": code("def f(value): return None")})
        self.assertEqual(failures(result), [("AssertionError", "Need at least one: key or value")])

    def test_json_none_is_a_value(self) -> None:
        self.assertEqual(values(self.out({"valueSelector": code("def f(value): return None")})), [None])

    def test_headers_must_be_bytes(self) -> None:
        result = self.out({"headersSelector": code("def f(value): return {'h': 'x'}")})
        self.assertEqual(failures(result), [("TypeError", "Expected bytes, got str")])

    def test_headers_may_be_pairs(self) -> None:
        result = self.out({"headersSelector": code("def f(value): return [('h', b'1'), ('h', b'2'), ('g', b'3')]")})
        self.assertEqual(result["sends"][0]["headers"], {"h": ["1", "2"], "g": "3"})

    def test_a_negative_partition_is_refused(self) -> None:
        result = self.out({"partitionSelector": code("def f(value): return -1")})
        self.assertEqual(failures(result), [("AssertionError", "")])

    def test_name_selectors_must_return_text(self) -> None:
        for body, message in (("''", "Topic name selector function returned None"), ("5", "Invalid topic name `5`")):
            with self.subTest(body):
                result = self.out({"nameSelector": code(f"def f(value): return {body}")})
                self.assertEqual(failures(result), [("ValueError", message)])

    def test_the_json_of_the_framework(self) -> None:
        body = """
        import datetime, decimal, enum, uuid, collections
        utc = datetime.timezone.utc
        class Color(enum.Enum):
            RED = "red"
        class Own:
            def __json__(self): return {"own": True}
        def f(value):
            return [decimal.Decimal("1.50"), uuid.UUID(int=1), b"x", datetime.date(2020, 1, 2),
                    datetime.datetime(2020, 1, 2, 3, 4, 5, 6, utc), datetime.datetime(2020, 1, 2), datetime.time(1, 2),
                    Color.RED, {1}, collections.deque([1]), (1, 2), {1: 2}, Own(), float("nan"), float("-inf")]
        """
        result = play(agent(op("a", "map", code(body, "f"))), steps=[send(1)])
        self.assertEqual(result["errors"], [])
        self.assertEqual(
            values(result),
            [
                [
                    "1.50", "00000000-0000-0000-0000-000000000001", "b'x'", "2020-01-02T00:00:00",
                    "2020-01-02T03:04:05.000006Z", "2020-01-02T00:00:00", "01:02:00", "red", [1], [1], [1, 2], {"1": 2},
                    {"own": True}, {"$float": "NaN"}, {"$float": "-Infinity"},
                ]
            ],
        )  # fmt: skip

    def test_what_json_cannot_hold_is_an_error_of_the_agent(self) -> None:
        result = play(
            agent(op("a", "map", "class C:\n    def __init__(self, value): pass\n    def __repr__(self): return 'C!'")),
            steps=[send(1)],
        )
        self.assertEqual(failures(result), [("TypeError", "JSON cannot serialize 'C': C!")])
        (error,) = result["errors"]
        self.assertEqual((error["operation"], error["field"], error["line"]), (None, "spec.output.topics[0]", None))

    def test_bytes_are_never_serialized(self) -> None:
        self.assertEqual(values(self.out({"valueSelector": code("def f(value): return b'{\"a\": 1}'")})), [{"a": 1}])
        self.assertEqual(
            values(self.out({"valueSelector": code("def f(value): return b'\\xff'")})), [{"$base64": "/w=="}]
        )

    def test_other_serializers(self) -> None:
        self.assertEqual(values(self.out({"valueSerializer": "pickle"}, {"a": [1]})), [{"a": [1]}])
        self.assertEqual(values(self.out({"valueSerializer": "binary"}, "text")), ["text"])
        self.assertEqual(values(self.out({"valueSerializer": "raw"}, "text")), ["text"])

    def test_the_first_sender_decides_the_serializer_of_those_without_one(self) -> None:
        first = {"name": "out", "keySerializer": "json", "keySelector": code("def f(value): return 'k'")}
        second = {"name": "out", "keySelector": code("def f(value): return {'k': 1}")}
        result = play(agent(op("a", "map", IDENTITY), out=[first, second]), steps=[send(1)])
        self.assertEqual([record["key"] for record in result["sends"]], ["k", {"k": 1}])

    def test_selectors_of_topic_send_get_tables_but_not_the_name_selector(self) -> None:
        pick = code("def f(value, t): return t[value]")
        spec = {
            "nameSelector": code("def f(value, **tables): return 'side' if not tables else 'wrong'"),
            "keySelector": pick,
            "valueSelector": pick,
            "headersSelector": code("def f(value, t): return {'h': t[value].encode()}"),
            "partitionSelector": code("def f(value, t): return len(t)"),
            "predicate": code("def f(value, t): return value in t"),
        }
        result = play(
            table("names"), agent(op("a", "topicSend", spec, {"names": "t"})), steps=[send("a"), send("b")],
            tables={"names": [["a", "ada"]]},
        )  # fmt: skip
        self.assertEqual(result["errors"], [])
        (record,) = result["sends"]
        self.assertEqual(
            (record["topic"], record["key"], record["value"], record["headers"], record["partition"]),
            ("side", "ada", "ada", {"h": "ada"}, 1),
        )

    def test_code_can_send_with_the_app(self) -> None:
        body = """
        async def f(value):
            app = context["app"]
            metadata = await (await app.send("one", key=b"k", value=value))
            await app.topic("two", value_serializer="raw").send(value="text")
            await context["event"].forward("three")
            return metadata.offset
        """
        result = play(agent(op("a", "map", body)), steps=[send({"a": 1})])
        self.assertEqual(result["errors"], [])
        self.assertEqual(
            [(record["topic"], record["key"], record["value"]) for record in result["sends"]],
            [("one", "k", {"a": 1}), ("two", None, "text"), ("three", None, {"a": 1}), ("out", None, 0)],
        )


class Inputs(unittest.TestCase):
    """What an agent receives."""

    def test_serializers_of_the_input(self) -> None:
        show = "def f(value): return [repr(context['event'].key), repr(value), repr(context['event'].message.value)]"
        for serializer, value, expected in (
            ("json", {"a": 1}, ["b'k'", "{'a': 1}", "b'{\"a\": 1}'"]),
            ("raw", "text", ["b'k'", "b'text'", "b'text'"]),
            ("raw", {"$base64": "/w=="}, ["b'k'", "b'\\xff'", "b'\\xff'"]),
            ("binary", "text", ["b'k'", "b'text'", "b'dGV4dA=='"]),
            (None, [1], ["b'k'", "[1]", "b'[1]'"]),
        ):
            with self.subTest(serializer):
                source = {"topic": {"name": "in", "valueSerializer": serializer}}
                result = play(agent(op("a", "map", show), input=source), steps=[send(value, key="k")])
                self.assertEqual(values(result), [expected])

    def test_json_keys(self) -> None:
        source = {"topic": {"name": "in", "keySerializer": "json"}}
        result = play(
            agent(op("a", "map", "def f(value): return context['event'].key"), input=source),
            steps=[send(1, key={"a": 1})],
        )
        self.assertEqual(values(result), [{"a": 1}])

    def test_pickled_values(self) -> None:
        source = {"topic": {"name": "in", "valueSerializer": "pickle"}}
        result = play(agent(op("a", "map", IDENTITY), input=source), steps=[send({"a": [1, None]})])
        self.assertEqual(values(result), [{"a": [1, None]}])

    def test_null_and_tombstones(self) -> None:
        result = play(
            agent(op("a", "map", "def f(value): return [value, repr(context['event'].message.value)]")),
            steps=[send(None), {"send": {"topic": "in", "key": "k"}}],
        )
        self.assertEqual(values(result), [[None, "b'null'"], [None, "None"]])

    def test_what_cannot_be_decoded_is_an_error_of_the_agent(self) -> None:
        result = play(agent(op("a", "map", IDENTITY)), steps=[send({"$base64": "e3s="}), send(1)])
        self.assertEqual(result["errors"][0]["type"], "ValueDecodeError")
        self.assertEqual(values(result), [1])

    def test_several_topics_and_a_pattern(self) -> None:
        two = agent(op("a", "map", IDENTITY), topic="one, two")
        pattern = agent(op("a", "map", IDENTITY), name="p", input={"topic": {"pattern": ".*"}}, out=["matched"])
        result = play(two, pattern, steps=[send(1, topic="one"), send(2, topic="two"), send(3, topic="three")])
        self.assertEqual((values(result), values(result, "matched"), result["unread"]), ([1, 2], [], [2]))

    def test_agents_feed_agents_after_the_message(self) -> None:
        first = agent(
            op("a", "map", "def f(v):\n    print('first', v)\n    yield v\n    print('end', v)\n    yield v + 1"),
            out=["mid"],
        )
        second = agent(op("a", "map", "def f(v):\n    print('second', v)\n    return v"), name="second", topic="mid")
        result = play(first, second, steps=[send(1)])
        self.assertEqual(result["output"], "first 1\nend 1\nsecond 1\nsecond 2\n")
        self.assertEqual([record["topic"] for record in result["sends"]], ["mid", "mid", "out", "out"])

    def test_two_agents_of_one_topic_get_all_messages(self) -> None:
        result = play(
            agent(op("a", "map", IDENTITY), out=["x"]),
            agent(op("a", "map", IDENTITY), name="b", out=["y"]),
            steps=[send(1)],
        )
        self.assertEqual((values(result, "x"), values(result, "y")), ([1], [1]))

    def test_offsets_count_for_each_partition(self) -> None:
        result = play(
            agent(
                op("a", "map", "def f(v): return [context['event'].message.partition, context['event'].message.offset]")
            ),
            steps=[send(0), send(0), send(0, partition=1)],
        )
        self.assertEqual(values(result), [[0, 0], [0, 1], [1, 0]])

    def test_headers_of_sent_records_arrive(self) -> None:
        out = {"name": "mid", "headersSelector": code("def f(v): return {'h': b'x'}")}
        result = play(
            agent(op("a", "map", IDENTITY), out=[out]),
            agent(op("a", "map", "def f(v): return context['event'].headers['h'].decode()"), name="b", topic="mid"),
            steps=[send(1)],
        )
        self.assertEqual(values(result), ["x"])

    def test_take_gives_lists(self) -> None:
        source = {"topic": {"name": "in"}, "take": {"max": 2, "within": "5s"}}
        result = play(
            agent(op("a", "map", "def f(v): return [list(v), [e.value for e in context['event']]]"), input=source),
            steps=[send(1), send(2), send(3)],
        )
        self.assertEqual(values(result), [[[1, 2], [1, 2]], [[3], [3]]])

    def test_an_error_loses_the_batch(self) -> None:
        source = {"topic": {"name": "in"}, "take": {"max": 2, "within": "5s"}}
        result = play(
            agent(op("a", "map", "def f(v): return 1 / 0 if 1 in v else list(v)"), input=source),
            steps=[send(1), send(2), send(3)],
        )
        self.assertEqual(values(result), [[3]])

    def test_isolated_partitions_have_batches_of_their_own(self) -> None:
        source = {"topic": {"name": "in"}, "take": {"max": 2, "within": "5s"}}
        steps = [send(1), send(2, partition=1), send(3)]
        for isolated, expected in ((True, [[1, 3], [2]]), (False, [[1, 2], [3]])):
            with self.subTest(isolated):
                spec = agent(op("a", "map", "def f(v): return list(v)"), input=source, isolatedPartitions=isolated)
                self.assertEqual(values(play(spec, steps=steps)), expected)

    def test_batches_cannot_write_tables(self) -> None:
        source = {"topic": {"name": "in"}, "take": {"max": 1, "within": "5s"}}
        result = play(
            table("t"), agent(op("a", "map", "def f(v, t): t['k'] = 1", {"t": "t"}), input=source), steps=[send(1)]
        )
        self.assertEqual(failures(result), [("TypeError", "Cannot modify table key from outside of stream iteration")])

    def test_an_error_loses_the_message_and_not_the_next(self) -> None:
        result = play(agent(op("a", "map", "def f(v): return 1 / v")), steps=[send(0), send(1)])
        self.assertEqual((failures(result), values(result)), ([("ZeroDivisionError", "division by zero")], [1.0]))

    def test_what_was_sent_before_an_error_stays_sent(self) -> None:
        out = {"name": "later", "valueSelector": code("def f(v): return 1 / 0")}
        result = play(agent(op("a", "map", IDENTITY), out=["out", out]), steps=[send(1)])
        self.assertEqual(values(result), [1])

    def test_while_init_fails_no_message_is_taken(self) -> None:
        result = play(agent(op("a", "map", IDENTITY), init="x = 1\nraise ValueError('no')"), steps=[send(1)])
        (error,) = result["errors"]
        self.assertEqual((error["field"], error["line"], error["step"]), ("spec.processors.init", 2, 0))
        self.assertEqual(result["sends"], [])


class Tables(unittest.TestCase):
    """Tables hold serialized values."""

    def use(
        self, body: str, *more: Any, rows: Any = (), value: Any = 1, default: Any = None, **spec: Any
    ) -> Dict[str, Any]:
        return play(
            table("t", default, **spec),
            agent(op("a", "map", f"def f(value, t):\n{textwrap.indent(textwrap.dedent(body), '    ')}", {"t": "t"})),
            *more,
            steps=[send(value)],
            tables={"t": list(rows)},
        )

    def check(self, body: str, expected: Any, **rest: Any) -> Dict[str, Any]:
        result = self.use(body, **rest)
        self.assertEqual(result["errors"], [])
        self.assertEqual(values(result), [expected])
        return result

    def test_what_a_table_returned_is_a_copy(self) -> None:
        result = self.check("t['k'].append(1)\nreturn t['k']", [], rows=[["k", []]])
        self.assertEqual(result["tables"], {"t": [["k", []]]})

    def test_values_pass_through_json(self) -> None:
        self.check("t[(1, 2)] = {1: (3, 4)}\nreturn list(t.items())", [[[1, 2], {"1": [3, 4]}]])

    def test_keys_come_in_the_order_of_their_bytes(self) -> None:
        self.check("for k in ('b', 'a', 'C', 10, 9): t[k] = 1\nreturn list(t)", ["C", "a", "b", 10, 9])

    def test_a_missing_key(self) -> None:
        self.check(
            "return [t.get('x'), t.get('x', 5), 'x' in t, t.pop('x', 6), t.setdefault('x', 7), t['x']]",
            [None, 5, False, 6, 7, 7],
        )
        self.assertEqual(failures(self.use("return t['x']")), [("KeyError", "'x'")])

    def test_the_default_is_made_and_not_stored(self) -> None:
        result = self.check(
            "return [t['x'], t.get('x'), 'x' in t, len(t)]", [0, 0, False, 0], default="def f(): return int"
        )
        self.assertEqual(result["tables"], {"t": []})

    def test_counting_with_a_default(self) -> None:
        self.check("t['x'] += 1\nt['x'] += 1\nreturn t['x']", 2, default="def f(): return int")

    def test_a_default_must_be_a_class(self) -> None:
        result = self.use("return 1", default="def f(): return 5")
        self.assertEqual(failures(result), [("ValueError", "Default selector must return a class type.")])
        self.assertIn("cannot be loaded", result["stopped"])
        self.assertEqual(result["errors"][0]["field"], "spec.defaultSelector")

    def test_deleting_a_missing_key_is_no_error(self) -> None:
        self.check("del t['x']\nreturn len(t)", 0)

    def test_deleting(self) -> None:
        self.assertEqual(self.check("del t['x']\nreturn t.pop('y')", 2, rows=[["x", 1], ["y", 2]])["tables"], {"t": []})

    def test_clear_is_not_implemented(self) -> None:
        self.assertEqual(failures(self.use("t.clear()")), [("NotImplementedError", "TODO")])

    def test_update_and_views(self) -> None:
        self.check(
            "t.update({'a': 1}, b=2)\nreturn [list(t.keys()), list(t.values()), dict(t.items()), len(t.items()), dict(t)]",
            [["a", "b"], [1, 2], {"a": 1, "b": 2}, 2, {"a": 1, "b": 2}],
        )

    def test_bytes_as_key_of_a_json_table_are_another_key_than_text(self) -> None:
        result = self.check("t[b'k'] = 1\nreturn ['k' in t, b'k' in t]", [False, True])
        self.assertEqual(result["tables"], {"t": [["k", 1]]})

    def test_a_raw_table_holds_bytes(self) -> None:
        result = self.check(
            "t['k'] = 'v'\nreturn [repr(t['k']), repr(list(t))]", ["b'v'", "[b'k']"],
            keySerializer="raw", valueSerializer="raw",
        )  # fmt: skip
        self.assertEqual(result["tables"], {"t": [["k", "v"]]})
        result = self.use("t['k'] = {'a': 1}", valueSerializer="raw")
        self.assertEqual(failures(result), [("ValueError", "raw mode only support bytes")])
        result = self.use("t[5] = b'x'", keySerializer="raw")
        self.assertEqual(failures(result), [("KeyError", "'raw mode only support bytes'")])
        self.assertEqual(values(self.use("return t.get(5)", keySerializer="raw")), [None])

    def test_what_json_cannot_hold_is_not_written(self) -> None:
        result = self.use("t['k'] = object")
        self.assertEqual(failures(result)[0][0], "TypeError")
        self.assertEqual((result["errors"][0]["operation"], result["errors"][0]["line"]), ("a", 2))
        self.assertEqual(result["tables"], {"t": []})

    def test_writes_before_an_error_stay(self) -> None:
        self.assertEqual(self.use("t['k'] = 1\n1 / 0")["tables"], {"t": [["k", 1]]})

    def test_tables_are_shared_by_all(self) -> None:
        result = play(
            table("t"),
            agent(op("a", "map", "def f(v, t):\n    t['k'] = v\n    return v", {"t": "t"})),
            agent(op("a", "map", "def f(v, x): return x['k'] + 1", {"t": "x"}), name="b", topic="out", out=["end"]),
            webview(op("a", "map", "def f(request, t): return t['k']", {"t": "t"})),
            task(op("a", "map", "def f(t): return t['k']", {"t": "t"}), op("b", "topicSend", {"name": "task-out"})),
            steps=[send(5), request(), run()],
        )
        self.assertEqual((values(result, "end"), values(result, "task-out")), ([6], [5]))
        self.assertEqual(result["responses"][0]["body"], 5)

    def test_only_streams_write(self) -> None:
        write = "def f(*_, t): t['k'] = 1"
        result = play(
            table("t", **{"global": True}),
            webview(op("a", "map", write, {"t": "t"})),
            task(op("a", "map", write, {"t": "t"})),
            steps=[request(), run()],
        )
        message = "Cannot modify table key from outside of stream iteration"
        self.assertEqual(failures(result), [("TypeError", message)] * 2)
        self.assertEqual(result["tables"], {"t": []})

    def test_an_agent_reads_the_partition_of_its_message(self) -> None:
        body = "def f(v, t):\n    before = t.get('k')\n    t['k'] = v\n    return before"
        for is_global, expected in ((False, [None, None, 1]), (True, [None, 1, 2])):
            with self.subTest(is_global):
                result = play(
                    table("t", **{"global": is_global}),
                    agent(op("a", "map", body, {"t": "t"})),
                    steps=[send(1), send(2, partition=1), send(3)],
                )
                self.assertEqual(values(result), expected)
                self.assertEqual(result["tables"], {"t": [["k", 3]]})

    WINDOWS = {
        "tumbling": {"tumbling": {"size": "10", "expires": "1s"}},
        "hopping": {"hopping": {"size": "10", "step": "5", "expires": "1s"}, "relativeTo": "stream"},
        "now": {"tumbling": {"size": "10"}, "relativeTo": "now"},
        "custom": {
            "tumbling": {"size": "10"},
            "relativeTo": "custom",
            "relativeToSelector": code("raise ValueError('this code never runs')"),
        },
    }

    def test_a_window_has_no_effect(self) -> None:
        count = "def f(v, t):\n    t['k'] += v\n    return [t['k'], 'k' in t, list(t.items()), len(t)]"
        for name, window in self.WINDOWS.items():
            with self.subTest(name):
                result = play(
                    table("t", "def f(): return int", window=window),
                    agent(op("a", "map", count, {"t": "t"})),
                    webview(op("a", "map", "def f(request, t): return dict(t)", {"t": "t"})),
                    steps=[send(1, timestamp=5), send(2, timestamp=100000), request()],
                    tables={"t": [["old", 1]]},
                )
                self.assertEqual((result["stopped"], result["errors"]), (None, []))
                self.assertEqual(
                    values(result),
                    [[1, True, [["k", 1], ["old", 1]], 2], [3, True, [["k", 3], ["old", 1]], 2]],
                )
                self.assertEqual(result["responses"][0]["body"], {"k": 3, "old": 1})
                self.assertEqual(result["tables"], {"t": [["k", 3], ["old", 1]]})
                self.assertNotIn("spec.window.relativeToSelector", [item["field"] for item in result["reached"]])

    def test_code_that_expects_windows_fails(self) -> None:
        for name in ("value()", "current()", "now()", "delta(5)"):
            with self.subTest(name):
                result = self.use(
                    f"return t['k'].{name}", default="def f(): return int", window=self.WINDOWS["tumbling"]
                )
                message = f"'int' object has no attribute {name.partition('(')[0]!r}"
                self.assertEqual(failures(result), [("AttributeError", message)])
        for name in ("relative_to_stream", "relative_to_now", "tumbling", "hopping"):
            with self.subTest(name):
                result = self.use(f"return t.{name}", window=self.WINDOWS["tumbling"])
                message = f"the test harness does not offer the attribute {name!r} of tables"
                self.assertEqual(failures(result), [("AttributeError", message)])

    def test_each_test_starts_with_its_own_rows(self) -> None:
        spec = [table("t"), agent(op("a", "map", "def f(v, t):\n    t[v] = v\n    return len(t)", {"t": "t"}))]
        results = play_all(spec, [{"steps": [send(1)], "tables": {"t": [["x", 0]]}}, {"steps": [send(1)]}])
        self.assertEqual([values(result) for result in results], [[2], [1]])

    def test_rows_of_an_unknown_table_stop_the_test(self) -> None:
        result = play(agent(op("a", "map", IDENTITY)), steps=[send(1)], tables={"x": []})
        self.assertEqual(result["stopped"], "the app has no table `x`")


class Joins(unittest.TestCase):
    """Joins of two tables."""

    def play(
        self, steps: List[Any], kind: Optional[str] = None, extractor: str = "def f(v): return v['c']"
    ) -> Dict[str, Any]:
        write = "def f(v, t):\n    t[v['id']] = v\n    return v"
        erase = "def f(v, t):\n    del t[v]\n    return v"
        spec = {"outputChannel": "pairs"}
        if kind:
            spec["type"] = kind
        return play(
            table("orders"),
            table("people"),
            join("j", "orders", "people", extractor, **spec),
            agent(op("a", "map", write, {"orders": "t"}), name="left", topic="orders", out=[]),
            agent(op("a", "map", write, {"people": "t"}), name="right", topic="people", out=[]),
            agent(op("a", "map", erase, {"orders": "t"}), name="drop-left", topic="drop-orders", out=[]),
            agent(op("a", "map", erase, {"people": "t"}), name="drop-right", topic="drop-people", out=[]),
            agent(
                op("a", "map", "def f(p): return [type(p).__name__, p.left['id'], p.right and p.right['n'], len(p)]"),
                input={"channel": {"name": "pairs"}},
            ),
            steps=steps,
        )

    ORDER = send({"id": "o1", "c": "c1"}, topic="orders")

    def person(self, number: int) -> Dict[str, Any]:
        return send({"id": "c1", "n": number}, topic="people")

    def test_an_inner_join_waits_for_the_right_side(self) -> None:
        result = self.play([self.ORDER, self.person(1), self.person(2)])
        self.assertEqual(result["errors"], [])
        self.assertEqual(values(result), [["JoinedValue", "o1", 1, 2], ["JoinedValue", "o1", 2, 2]])

    def test_a_left_join_does_not(self) -> None:
        result = self.play([self.ORDER, self.person(1)], "left")
        self.assertEqual(values(result), [["JoinedValue", "o1", None, 2], ["JoinedValue", "o1", 1, 2]])

    def test_a_change_of_the_left_side_emits(self) -> None:
        result = self.play([self.person(1), self.ORDER, send({"id": "o1", "c": "c1", "x": 1}, topic="orders")])
        self.assertEqual(values(result), [["JoinedValue", "o1", 1, 2]] * 2)

    def test_a_changed_foreign_key_leaves_the_old_one(self) -> None:
        result = self.play([self.person(1), self.ORDER, send({"id": "o1", "c": "c2"}, topic="orders"), self.person(2)])
        self.assertEqual(values(result), [["JoinedValue", "o1", 1, 2]])

    def test_deletions(self) -> None:
        result = self.play([self.person(1), self.ORDER, send("c1", topic="drop-people")], "left")
        self.assertEqual(values(result), [["JoinedValue", "o1", 1, 2], ["JoinedValue", "o1", None, 2]])
        result = self.play([self.person(1), self.ORDER, send("o1", topic="drop-orders"), self.person(2)], "left")
        self.assertEqual(values(result), [["JoinedValue", "o1", 1, 2]])

    def test_changes_of_the_right_side_do_not_find_left_keys_that_are_no_text(self) -> None:
        result = self.play([self.person(1), send({"id": 7, "c": "c1"}, topic="orders"), self.person(2)])
        self.assertEqual(values(result), [["JoinedValue", 7, 1, 2]])

    def test_an_exception_of_the_extractor_is_only_logged(self) -> None:
        result = self.play([send({"id": "o1"}, topic="orders")])
        (error,) = result["errors"]
        self.assertEqual(
            (error["type"], error["logged"], error["field"], error["component"]["kind"]),
            ("KeyError", True, "spec.extractor", "KasprJoin"),
        )
        self.assertEqual(result["tables"]["orders"], [["o1", {"id": "o1"}]])

    def test_windows_of_its_tables_have_no_effect(self) -> None:
        window = {"tumbling": {"size": "10", "expires": "1s"}}
        write = "def f(v, t):\n    t[v['id']] = v"
        result = play(
            table("l", window=window), table("r", window=window), join("j", "l", "r", "def f(v): return v['c']"),
            agent(op("a", "map", write, {"l": "t"}), name="left", topic="left", out=[]),
            agent(op("a", "map", write, {"r": "t"}), name="right", topic="right", out=[]),
            agent(op("a", "map", "def f(p): return [p.left['id'], p.right['id']]"), input={"channel": {"name": "j-channel"}}),
            steps=[
                send({"id": "o1", "c": "c1"}, topic="left", timestamp=5),
                send({"id": "c1"}, topic="right", timestamp=100000),
            ],
        )  # fmt: skip
        self.assertEqual((result["errors"], values(result)), ([], [["o1", "c1"]]))

    def test_the_channel_is_called_after_the_join(self) -> None:
        result = play(
            table("l"), table("r"), join("j", "l", "r", "def f(v): return v"),
            agent(op("a", "map", "def f(p): return [p.left, p.right, context['event'].key]"), input={"channel": {"name": "j-channel"}}),
            steps=[{"send": {"channel": "j-channel", "value": {"left": 1, "right": None}}}],
        )  # fmt: skip
        self.assertEqual(values(result), [[1, None, None]])

    def test_other_channels_do_not_load(self) -> None:
        result = play(agent(op("a", "map", IDENTITY), input={"channel": {"name": "x"}}), steps=[])
        self.assertIn("output channel of no join", result["stopped"])
        self.assertEqual(result["errors"][0]["field"], "spec.input.channel")

    def test_an_unknown_table_does_not_load(self) -> None:
        result = play(table("l"), join("j", "l", "r", "def f(v): return v"), steps=[])
        self.assertEqual(failures(result), [("KeyError", "'r'")])


class Tasks(unittest.TestCase):
    """Tasks."""

    SEND = op("send", "topicSend", {"name": "out"})

    def test_the_first_operation_gets_no_value(self) -> None:
        result = play(
            table("t"),
            task(op("a", "map", "def f(t): return len(t)", {"t": "t"}), op("b", "map", "def f(v, x): return v + len(x)", {"t": "x"}), self.SEND),
            steps=[run()],
            tables={"t": [["k", 1]]},
        )  # fmt: skip
        self.assertEqual(values(result), [2])

    def test_generators_and_init(self) -> None:
        result = play(
            task(op("a", "map", code("def f():\n    n.append(1)\n    yield from n", "f")), self.SEND, init="n = []"),
            steps=[run(), run()],
        )
        self.assertEqual(values(result), [1, 1, 1])

    def test_a_first_topic_send_fails(self) -> None:
        message = "TopicOutSpec.should_skip() missing 1 required positional argument: 'value'"
        self.assertEqual(failures(play(task(self.SEND), steps=[run()])), [("TypeError", message)])

    def test_a_filter_fails(self) -> None:
        result = play(task(op("a", "filter", "def f(): return True")), steps=[run()])
        self.assertEqual(result["errors"][0]["type"], "AttributeError")

    def test_init_runs_again_after_an_error(self) -> None:
        spec = task(op("a", "map", "def f():\n    n.append(1)\n    return 1 / (len(n) - 2)"), self.SEND, init="n = []")
        self.assertEqual(values(play(spec, steps=[run(), run(), run()])), [-1.0, -1.0])

    def test_an_unknown_task_stops_the_test(self) -> None:
        self.assertEqual(play(steps=[run("x")])["stopped"], "the app has no task `x`")


class WebViews(unittest.TestCase):
    """Webviews."""

    def ask(self, body: str, response: Any = None, step: Any = None, **rest: Any) -> Dict[str, Any]:
        return play(webview(op("a", "map", body), response=response, **rest), steps=[step or request()])["responses"][0]

    def test_json(self) -> None:
        answer = self.ask("def f(request): return {'a': 1}")
        self.assertEqual(
            answer,
            {
                "step": 0, "status": 200, "headers": {"content-type": "application/json; charset=utf-8"},
                "body": {"a": 1}, "contentType": "application/json",
            },
        )  # fmt: skip

    def test_text_is_the_default(self) -> None:
        answer = self.ask("def f(request): return 'hello'", {})
        self.assertEqual((answer["status"], answer["body"], answer["contentType"]), (200, "hello", "text/plain"))

    def test_text_must_be_text(self) -> None:
        result = play(webview(op("a", "map", "def f(request): return {'a': 1}"), response={}), steps=[request()])
        answer = result["responses"][0]
        self.assertEqual((answer["status"], answer["contentType"]), (500, "text/plain"))
        self.assertIn("Server got itself in trouble", answer["body"])
        self.assertEqual(result["errors"][0]["type"], "TypeError")

    def test_no_value_is_an_empty_body(self) -> None:
        answer = self.ask("def f(request): return None", {})
        self.assertEqual(
            (answer["status"], answer["body"], answer["headers"]), (200, None, {"content-type": "text/plain"})
        )

    def test_html_and_binary(self) -> None:
        self.assertEqual(self.ask("def f(r): return '<p>'", {"contentType": "text/html"})["contentType"], "text/html")
        answer = self.ask("def f(r): return b'\\xff'", {"contentType": "application/octet-stream"})
        self.assertEqual(
            (answer["body"], answer["headers"]), ({"$base64": "/w=="}, {"content-type": "application/octet-stream"})
        )

    def test_the_last_value_answers(self) -> None:
        self.assertEqual(self.ask("def f(request):\n    yield 1\n    yield 2")["body"], 2)
        self.assertEqual(self.ask("async def f(request):\n    yield 1\n    yield 2")["body"], 2)

    def test_status_and_headers_of_the_spec(self) -> None:
        answer = self.ask(
            "def f(r): return 1", {"contentType": "application/json", "statusCode": 201, "headers": {"X-A": "b"}}
        )
        self.assertEqual((answer["status"], answer["headers"]["x-a"]), (201, "b"))

    def test_selectors_of_success(self) -> None:
        answer = self.ask(
            "def f(r): return 7",
            {
                "contentType": "application/json",
                "statusCodeSelector": {"onSuccess": code("def f(v): return 200 + v")},
                "headersSelector": {"onSuccess": code("def f(v): return {'X-V': str(v)}")},
                "bodySelector": {"onSuccess": code("def f(v): return [v]")},
            },
        )
        self.assertEqual((answer["status"], answer["headers"]["x-v"], answer["body"]), (207, "7", [7]))

    def test_an_exception_is_a_500_with_json(self) -> None:
        result = play(webview(op("a", "map", "def f(r): raise ValueError('bad')")), steps=[request()])
        answer = result["responses"][0]
        self.assertEqual(
            (answer["status"], answer["body"]), (500, {"operation": "a", "message": "bad", "cause": "bad"})
        )
        self.assertEqual((result["errors"][0]["type"], result["errors"][0]["handled"]), ("ValueError", True))

    def test_attributes_of_the_exception(self) -> None:
        body = """
        class Missing(Exception):
            status_code = 404
            code = "missing"
        def f(r): raise Missing("x")
        """
        answer = play(webview(op("a", "map", code(body, "f"))), steps=[request()])["responses"][0]
        self.assertEqual(answer["status"], 404)
        self.assertEqual(
            answer["body"], {"operation": "a", "message": "x", "cause": "x", "status_code": 404, "code": "missing"}
        )
        body += "Missing.to_response = lambda self: {'own': True}\n"
        body = body.replace("\nMissing.to", "\n        Missing.to")
        answer = play(webview(op("a", "map", code(body, "f"))), steps=[request()])["responses"][0]
        self.assertEqual((answer["status"], answer["body"]), (404, {"own": True}))

    def test_selectors_of_errors(self) -> None:
        answer = self.ask(
            "def f(r): raise LookupError('no')",
            {
                "contentType": "application/json",
                "statusCodeSelector": {"onError": code("def f(e): return 404 if e['message'] == 'no' else 500")},
                "headersSelector": {"onError": code("def f(e): return {'X-O': e['operation']}")},
                "bodySelector": {"onError": code("def f(e): return [e['cause'], type(e['cause_object']).__name__]")},
            },
        )
        self.assertEqual(
            (answer["status"], answer["headers"]["x-o"], answer["body"]), (404, "a", ["no", "LookupError"])
        )

    def test_an_exception_of_a_selector_of_success_is_an_error_of_the_request(self) -> None:
        answer = self.ask(
            "def f(r): return 1",
            {"contentType": "application/json", "bodySelector": {"onSuccess": code("def f(v): return 1 / 0")}},
        )
        self.assertEqual((answer["status"], answer["body"]["message"]), (500, "division by zero"))

    def test_headers_that_are_no_text_close_the_connection(self) -> None:
        answer = self.ask(
            "def f(r): return 1",
            {"contentType": "application/json", "headersSelector": {"onSuccess": code("def f(v): return {'A': v}")}},
        )
        self.assertIsNone(answer["status"])

    def test_a_status_that_no_standard_knows_fails(self) -> None:
        answer = self.ask("def f(r): return 1", {"contentType": "application/json", "statusCode": 299})
        self.assertEqual((answer["status"], answer["contentType"]), (500, "text/plain"))

    def test_a_content_type_among_the_headers_is_refused(self) -> None:
        answer = self.ask("def f(r): return 1", {"contentType": "application/json", "headers": {"Content-Type": "x/y"}})
        self.assertEqual((answer["status"], answer["contentType"]), (500, "text/plain"))

    def test_an_exception_of_init_is_a_bare_500(self) -> None:
        answer = self.ask("def f(r): return 1", init="1 / 0")
        self.assertEqual((answer["status"], answer["contentType"]), (500, "text/plain"))

    def test_init_runs_once_and_stays_after_an_error(self) -> None:
        spec = webview(
            op("a", "map", code("def f(request):\n    n.append(1)\n    return 1 / 0 if len(n) == 1 else len(n)", "f")),
            init="n = []",
        )
        result = play(spec, steps=[request(), request()])
        self.assertEqual([answer["body"] for answer in result["responses"]][1], 2)

    def test_a_first_filter_that_drops_gives_no_answer(self) -> None:
        result = play(webview(op("a", "filter", "def f(r): return False"), op("b", "map", IDENTITY)), steps=[request()])
        self.assertIsNone(result["responses"][0]["status"])

    def test_a_later_filter_that_drops_gives_an_empty_answer(self) -> None:
        result = play(
            webview(op("a", "map", "def f(r): return 1"), op("b", "filter", "def f(v): return False"), response={}),
            steps=[request()],
        )
        self.assertEqual((result["responses"][0]["status"], result["responses"][0]["body"]), (200, None))

    def test_an_empty_pipeline_answers(self) -> None:
        self.assertEqual(play(webview(response={}), steps=[request()])["responses"][0]["status"], 200)

    def test_route_parameters_and_tables_are_keywords(self) -> None:
        spec = webview(
            op("a", "map", "def f(request, id, t): return [id, t[id], dict(request.match_info)]", {"t": "t"}),
            path="/o/{id}",
        )
        result = play(table("t"), spec, steps=[request("/o/a%20b?x=1")], tables={"t": [["a b", 1]]})
        self.assertEqual(result["responses"][0]["body"], ["a b", 1, {"id": "a b"}])

    def test_later_operations_get_no_route_parameters(self) -> None:
        spec = webview(
            op("a", "map", "def f(request, id): return id"), op("b", "map", "def f(v): return v * 2"), path="/o/{id}"
        )
        self.assertEqual(play(spec, steps=[request("/o/x")])["responses"][0]["body"], "xx")

    def test_paths(self) -> None:
        spec = webview(op("a", "map", "def f(request, **parts): return parts"), path="/o/{id:[0-9]+}/x")
        result = play(spec, steps=[request("/o/12/x"), request("/o/a/x"), request("/o/12/x/")])
        self.assertEqual([(a["status"], a["body"]) for a in result["responses"]][0], (200, {"id": "12"}))
        self.assertEqual([a["status"] for a in result["responses"]][1:], [404, 404])

    def test_the_base_path(self) -> None:
        result = play(
            webview(op("a", "map", "def f(r): return r.path")), steps=[request("/base/view"), request("/view")],
            config={"webBasePath": "/base"},
        )  # fmt: skip
        self.assertEqual([a["status"] for a in result["responses"]], [200, 404])

    def test_methods(self) -> None:
        get = webview(op("a", "map", "def f(r): return 'get'"))
        post = webview(op("a", "map", "def f(r): return 'post'"), name="post", method="POST")
        steps = [request(), request(method="POST"), request(method="PUT"), request(method="HEAD")]
        answers = play(get, post, steps=steps)["responses"]
        self.assertEqual([a["status"] for a in answers], [200, 200, 405, 200])
        self.assertEqual([a["body"] for a in answers], ["get", "post", {"error": "Method PUT not allowed."}, None])

    def test_two_views_of_one_method_do_not_load(self) -> None:
        result = play(webview(op("a", "map", IDENTITY)), webview(op("a", "map", IDENTITY), name="b"), steps=[request()])
        self.assertIn("Duplicate WebView method 'GET'", result["stopped"])

    def test_the_request(self) -> None:
        body = """
        async def f(request):
            return [request.method, request.path, request.query["x"], request.query.getall("x"), request.query_string,
                    request.headers["x-a"], request.content_type, (await request.json())["n"],
                    await request.text(), (await request.read()).decode(), request.can_read_body]
        """
        step = request("/view?x=1&x=2", "POST", headers={"X-A": "b"}, body={"n": 5})
        self.assertEqual(
            self.ask(body, step=step, method="POST")["body"],
            ["POST", "/view", "1", ["1", "2"], "x=1&x=2", "b", "application/json", 5, '{"n": 5}', '{"n": 5}', True],
        )

    def test_forms(self) -> None:
        step = request("/view", "POST", headers={"Content-Type": "application/x-www-form-urlencoded"}, body="a=1&b=x+y")
        body = "async def f(request): return dict(await request.post())"
        self.assertEqual(self.ask(body, step=step, method="POST")["body"], {"a": "1", "b": "x y"})

    def test_topic_send_in_a_webview(self) -> None:
        ack = op("b", "topicSend", {"name": "out", "ack": True})
        result = play(webview(op("a", "map", "def f(r): return 1"), ack), steps=[request()])
        self.assertEqual((values(result), result["responses"][0]["body"]["offset"]), ([1], 0))
        through = op("b", "topicSend", {"name": "out", "passThrough": True})
        result = play(webview(op("a", "map", "def f(r): return 1"), through), steps=[request()])
        self.assertEqual((values(result), result["responses"][0]["body"]), ([1], 1))

    def test_a_webview_feeds_an_agent(self) -> None:
        result = play(
            webview(op("a", "map", "def f(r): return 1"), op("b", "topicSend", {"name": "in"}), response={}),
            agent(op("a", "map", IDENTITY)),
            steps=[request()],
        )
        self.assertEqual((values(result), result["responses"][0]["status"]), ([1], 200))


class Errors(unittest.TestCase):
    """Where an exception comes from."""

    def test_line_field_and_operation(self) -> None:
        block = code("import json\n\ndef f(value):\n    return helper(value)", "f")
        result = play(
            agent(
                op("x", "map", code(IDENTITY, "f")),
                op("enrich", "map", block),
                init="def helper(value):\n    return 1 / value",
            ),
            steps=[send(0)],
        )
        (error,) = result["errors"]
        self.assertEqual((error["step"], error["operation"]), (0, "enrich"))
        self.assertEqual(error["component"], {"kind": "KasprAgent", "name": "agent"})
        self.assertEqual((error["field"], error["line"]), ("spec.processors.init", 2))

    def test_frames(self) -> None:
        block = code("import json\n\ndef f(value):\n    return json.loads(value)", "f")
        (error,) = play(agent(op("enrich", "map", block)), steps=[send("{")])["errors"]
        self.assertEqual((error["type"], error["operation"], error["line"]), ("JSONDecodeError", "enrich", 4))
        self.assertEqual(error["field"], "spec.processors.operations[0].map")
        self.assertEqual((error["frames"][0]["function"], error["frames"][0]["line"]), ("f", 4))
        self.assertIn("json", error["frames"][-1]["file"])

    def test_the_top_level_of_a_block(self) -> None:
        (error,) = play(agent(op("a", "map", "x = 1\ny = 1 / 0\ndef f(v): return v")), steps=[send(1)])["errors"]
        self.assertEqual((error["line"], error["frames"][0]["function"]), (2, "<module>"))

    def test_syntax_errors(self) -> None:
        (error,) = play(agent(op("a", "map", "x = 1\ndef f(:\n")), steps=[send(1)])["errors"]
        self.assertEqual(
            (error["type"], error["line"], error["field"]), ("SyntaxError", 2, "spec.processors.operations[0].map")
        )

    def test_a_call_with_wrong_arguments_names_the_function(self) -> None:
        (error,) = play(agent(op("a", "map", "x = 1\n\ndef f(): return 1")), steps=[send(1)])["errors"]
        self.assertEqual((error["type"], error["line"], error["frames"][0]["function"]), ("TypeError", 3, "f"))

    def test_selectors(self) -> None:
        out = {"name": "out", "keySelector": code("def f(v):\n    return 1 / 0")}
        (error,) = play(agent(op("a", "map", IDENTITY), out=[out]), steps=[send(1)])["errors"]
        self.assertEqual(
            (error["field"], error["line"], error["operation"]), ("spec.output.topics[0].keySelector", 2, None)
        )
        spec = {"name": "x", "predicate": code("def f(v):\n    return 1 / 0")}
        (error,) = play(agent(op("send", "topicSend", spec)), steps=[send(1)])["errors"]
        self.assertEqual(
            (error["field"], error["operation"]), ("spec.processors.operations[0].topicSend.predicate", "send")
        )

    def test_exit_and_interrupt_are_errors(self) -> None:
        for statement, kind in (
            ("import sys; sys.exit(3)", "SystemExit"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ):
            with self.subTest(kind):
                body = code(f"def f(v):\n    if v:\n        return v\n    {statement}", "f")
                result = play(agent(op("a", "map", body)), steps=[send(0), send(1)])
                self.assertEqual(([e["type"] for e in result["errors"]], values(result)), ([kind], [1]))

    def test_memory(self) -> None:
        results = play_all(
            [agent(op("a", "map", "def f(v): return len(bytearray(v))"))],
            [{"steps": [send(4 << 30)]}, {"steps": [send(10)]}],
            memoryBytes=512 << 20,
        )
        if not sys.platform.startswith("linux"):
            self.skipTest("the system has no such limit")
        self.assertEqual((results[0]["errors"][0]["type"], values(results[1])), ("MemoryError", [10]))

    def test_recursion(self) -> None:
        result = play(agent(op("a", "map", "def f(v): return f(v)")), steps=[send(0)])
        self.assertEqual(result["errors"][0]["type"], "RecursionError")


class Process(unittest.TestCase):
    """The process and its isolation."""

    def test_output_is_captured(self) -> None:
        body = """
        def f(v):
            import sys, os
            print("out", v); print("err", file=sys.stderr); sys.stdout.buffer.write(b"bytes\\n")
            os.write(1, b"not a protocol line\\n"); os.system("echo neither")
            context["app"].log.info("logged %s", v)
        """
        result = play(agent(op("a", "map", body)), steps=[send(1)])
        self.assertEqual(result["output"], "out 1\nerr\nbytes\n[INFO] logged 1\n")

    def test_output_survives_a_close(self) -> None:
        body = code("import sys\ndef f(v):\n    print('x')\n    sys.stdout.close()\n    sys.stderr.close()", "f")
        results = play_all([agent(op("a", "map", body))], [{"steps": [send(1)]}, {"steps": [send(2)]}])
        self.assertEqual([(result["output"], result["errors"]) for result in results], [("x\n", []), ("x\n", [])])

    def test_output_is_bounded(self) -> None:
        result = play(agent(op("a", "map", "def f(v):\n    for _ in range(1000): print('x' * 1000)")), steps=[send(1)])
        self.assertLess(len(result["output"]), 70000)
        self.assertIn("more output was cut", result["output"])

    def test_there_is_no_network(self) -> None:
        body = """
        import socket
        def f(v):
            got = []
            for attempt in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: socket.getaddrinfo("localhost", 80),
                            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
                            lambda: socket.socket().bind(("127.0.0.1", 0))):
                try:
                    attempt()
                    got.append("allowed")
                except PermissionError as error:
                    got.append("--allow-network" in str(error))
            return got
        """
        self.assertEqual(values(play(agent(op("a", "map", code(body, "f"))), steps=[send(1)])), [[True] * 4])

    def test_network_can_be_allowed(self) -> None:
        body = code("import socket\ndef f(v):\n    socket.socket().bind(('127.0.0.1', 0))\n    return 'bound'", "f")
        self.assertEqual(values(play(agent(op("a", "map", body)), steps=[send(1)], allowNetwork=True)), ["bound"])

    @unittest.skipUnless(hasattr(os, "fork"), "no fork")
    def test_a_forked_child_does_not_continue_the_run(self) -> None:
        results = play_all(
            [agent(op("a", "map", "def f(v):\n    import os\n    os.fork()\n    return v"))],
            [{"steps": [send(1)]}, {"steps": [send(2)]}],
        )
        self.assertEqual([values(result) for result in results], [[1], [2]])

    def test_tasks_that_code_left_get_a_moment(self) -> None:
        body = """
        import asyncio
        async def later(app, v):
            await asyncio.sleep(0.01)
            await app.send("late", value=v)
        async def f(v):
            asyncio.create_task(later(context["app"], v))
            return v
        """
        reader = agent(op("a", "map", IDENTITY), name="late", topic="late", out=["end"])
        result = play(agent(op("a", "map", code(body, "f"))), reader, steps=[send(1)])
        self.assertEqual((values(result), values(result, "end")), ([1], [1]))

    def test_tasks_that_never_end_are_cancelled(self) -> None:
        body = code("import asyncio\nasync def f(v):\n    asyncio.create_task(asyncio.sleep(1000))\n    return v", "f")
        results = play_all([agent(op("a", "map", body))], [{"steps": [send(1)]}, {"steps": [send(2)]}])
        self.assertEqual([values(result) for result in results], [[1], [2]])

    def test_exceptions_of_such_tasks_are_reported(self) -> None:
        body = code(
            "import asyncio\nasync def g(): 1 / 0\nasync def f(v):\n    asyncio.create_task(g())\n    return v", "f"
        )
        (error,) = play(agent(op("a", "map", body)), steps=[send(1)])["errors"]
        self.assertEqual((error["type"], error["logged"], error["line"]), ("ZeroDivisionError", True, 2))

    def test_an_exit_in_such_a_task_ends_the_test_only(self) -> None:
        body = code(
            "import asyncio, sys\nasync def g(): sys.exit(1)\nasync def f(v):\n    if v: asyncio.create_task(g())\n    return v",
            "f",
        )
        results = play_all([agent(op("a", "map", body))], [{"steps": [send(1), send(2)]}, {"steps": [send(0)]}])
        self.assertIn("SystemExit", results[0]["stopped"])
        self.assertEqual((values(results[1]), results[1]["errors"]), ([0], []))

    def test_packages_come_from_the_path_of_the_plan(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "shop_prices.py"), "w", encoding="utf-8") as file:
                file.write("PRICE = 5\n")
            body = code("import shop_prices\ndef f(v): return shop_prices.PRICE", "f")
            self.assertEqual(values(play(agent(op("a", "map", body)), steps=[send(1)], path=[folder])), [5])

    def test_the_environment_is_restored(self) -> None:
        body = "import os\ndef f(v):\n    before = os.environ.get('SHOP_X')\n    os.environ['SHOP_X'] = '1'\n    return before"
        results = play_all([agent(op("a", "map", code(body, "f")))], [{"steps": [send(1)]}] * 2)
        self.assertEqual([values(result) for result in results], [[None], [None]])

    def test_an_unknown_app_or_step_stops_the_test(self) -> None:
        results = play_all([], [{"app": "x", "steps": []}, {"steps": [{}]}])
        self.assertEqual(results[0]["stopped"], "there is no app `x`")
        self.assertIn("step 0", results[1]["stopped"])

    def test_lone_surrogates_and_deep_values_are_reported(self) -> None:
        body = "def f(v):\n    deep = []\n    for _ in range(200): deep = [deep]\n    return ['\\ud800', deep]"
        ((text, deep),) = values(play(agent(op("a", "map", body)), steps=[send(1)]))
        self.assertEqual(text, "?")
        self.assertLess(len(json.dumps(deep)), 2000)

    def test_five_hundred_tests_are_independent(self) -> None:
        spec = [
            table("t", "def f(): return int"),
            agent(
                op("a", "filter", "def f(v): return v['n'] >= 0"),
                op("b", "map", "def f(v, t):\n    t[v['n']] += 1\n    return {**v, 'count': t[v['n']]}", {"t": "t"}),
            ),
        ]
        results = play_all(spec, [{"steps": [send({"n": 1}), send({"n": 1}), send({"n": -1})]}] * 500, alone=True)
        self.assertTrue(all(values(result)[1]["count"] == 2 for result in results))


class Shop(unittest.TestCase):
    """An app with a component of each kind but joins: paid orders are counted for each page."""

    COUNT = """
    def count(order, counts):
        key = "b:" + order["page"]
        counts[key] = counts[key] + 1
        return {"page": order["page"], "n": counts[key]}
    """
    SHOW = """
    def show(request, counts, page):
        return {"page": page, "n": counts["b:" + page]}
    """
    SWEEP = """
    def sweep(counts):
        for key, n in counts.items():
            yield {"page": key.decode()[2:], "n": n}
    """
    COMPONENTS = (
        table("counts", "def f(): return int", keySerializer="raw", **{"global": True}),
        agent(
            op("paid", "filter", "def f(order): return order['paid']"),
            op("count", "map", COUNT, {"counts": "counts"}),
            topic="orders",
            out=[
                {
                    "name": "order-counts",
                    "keySerializer": "raw",
                    "valueSerializer": "json",
                    "keySelector": code("def f(value): return value['page']"),
                }
            ],
        ),
        webview(op("show", "map", SHOW, {"counts": "counts"}), path="/counts/{page}"),
        task(
            op("read", "map", SWEEP, {"counts": "counts"}),
            op("send", "topicSend", {"name": "sweeps", "valueSerializer": "json"}),
            name="sweep",
        ),
    )

    def run_test(self, **test: Any) -> Dict[str, Any]:
        (result,) = play_all(self.COMPONENTS, [test])
        self.assertEqual((result["stopped"], result["errors"]), (None, []))
        return result

    def test_a_paid_order_is_counted(self) -> None:
        order = {"page": "book", "paid": True}
        result = self.run_test(
            tables={"counts": [["b:book", 1]]},
            steps=[send(order, topic="orders", key="book", headers={"source": "web"})],
        )
        self.assertEqual(
            [(record["topic"], record["key"], record["value"]) for record in result["sends"]],
            [("order-counts", "book", {"page": "book", "n": 2})],
        )
        self.assertEqual(result["tables"], {"counts": [["b:book", 2]]})

    def test_unpaid_ones_are_dropped(self) -> None:
        result = self.run_test(steps=[send({"page": "book", "paid": False}, topic="orders")])
        self.assertEqual((result["sends"], result["tables"]), ([], {"counts": []}))

    def test_what_the_page_says(self) -> None:
        result = self.run_test(tables={"counts": [["b:book", 7]]}, steps=[request("/counts/book")])
        (response,) = result["responses"]
        self.assertEqual((response["status"], response["body"]), (200, {"page": "book", "n": 7}))
        self.assertEqual(response["contentType"], "application/json")

    def test_the_nightly_task(self) -> None:
        result = self.run_test(tables={"counts": [["b:pen", 2], ["b:book", 7]]}, steps=[run("sweep")])
        self.assertEqual(values(result, "sweeps"), [{"page": "book", "n": 7}, {"page": "pen", "n": 2}])

    def test_all_steps_of_one_test(self) -> None:
        order = {"page": "book", "paid": True}
        result = self.run_test(
            tables={"counts": [["b:book", 1]]},
            steps=[
                send(order, topic="orders"), send({**order, "paid": False}, topic="orders"), send(order, topic="orders"),
                run("sweep"), request("/counts/book"),
            ],
        )  # fmt: skip
        self.assertEqual(values(result, "order-counts"), [{"page": "book", "n": 2}, {"page": "book", "n": 3}])
        self.assertEqual(values(result, "sweeps"), [{"page": "book", "n": 3}])
        self.assertEqual(result["responses"][0]["body"], {"page": "book", "n": 3})


class Coverage(unittest.TestCase):
    """What a test reached."""

    def reached(self, *components: Dict[str, Any], steps: List[Any], coverage: bool = True) -> Dict[str, Any]:
        result = play(*components, steps=steps, coverage=coverage)
        return {item["field"]: item for item in result["reached"]}

    def test_lines_branches_and_blocks(self) -> None:
        spec = {"name": "side", "predicate": code("def f(v): return v > 5"), "passThrough": True}
        found = self.reached(
            agent(
                op("a", "filter", "def f(v):\n    return v"),
                op("b", "map", "def f(v):\n    if v > 100:\n        return 1\n    return v"),
                op("c", "topicSend", spec),
                init="x = 1",
            ),
            steps=[send(1), send(0)],
        )
        self.assertEqual(found["spec.processors.init"]["lines"], [1])
        first = found["spec.processors.operations[0].filter"]
        self.assertEqual((first["passed"], first["dropped"], first["lines"]), (True, True, [1, 2]))
        self.assertEqual(found["spec.processors.operations[1].map"]["lines"], [1, 2, 4])
        predicate = found["spec.processors.operations[2].topicSend.predicate"]
        self.assertEqual((predicate.get("passed"), predicate.get("dropped")), (None, True))
        self.assertEqual(found["spec.processors.operations[2].topicSend"].get("passed"), None)
        self.assertIn("spec.output.topics[0]", found)

    def test_lines_only_if_asked(self) -> None:
        found = self.reached(agent(op("a", "map", IDENTITY)), steps=[send(1)], coverage=False)
        self.assertNotIn("lines", found["spec.processors.operations[0].map"])


if __name__ == "__main__":
    unittest.main()
