//! Which packages bring the modules that code imports.

use super::{app_context::AppSummary, python::is_standard_module};
use crate::api::distribution::normalize;

/// Modules of the framework's images: its own, and those of its requirements in all versions.
///
/// Source: the framework's requirements, as pip resolves them.
#[rustfmt::skip]
const OF_IMAGES: &[&str] = &[
    "aiohappyeyeballs", "aiohttp", "aiohttp_cors", "aiokafka", "aiosignal", "async_timeout", "attr", "attrs",
    "benedict", "certifi", "charset_normalizer", "click", "colorclass", "colorlog", "croniter", "dateutil", "faust",
    "frozenlist", "fsutil", "idna", "intervaltree", "kafka", "kaspr", "marshmallow", "mmh3", "mode", "multidict",
    "mypy_extensions", "opentracing", "packaging", "pip", "pkg_resources", "prometheus_client", "propcache",
    "psutil", "pytz", "requests", "rocksdict", "setuptools", "six", "slugify", "sortedcontainers",
    "terminaltables", "text_unidecode", "typing_extensions", "tzdata", "urllib3", "venusian", "wheel", "yaml", "yarl",
];

/// Modules whose distribution has another name.
///
/// Source: the files in the wheels of the distributions on the Python Package Index. Published tables of modules and
/// distributions also name unrelated distributions, which would be an invitation to install them.
#[rustfmt::skip]
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("Crypto", "pycryptodome"), ("Levenshtein", "Levenshtein"), ("MySQLdb", "mysqlclient"), ("OpenSSL", "pyOpenSSL"),
    ("PIL", "Pillow"), ("attr", "attrs"), ("avro", "avro"), ("bs4", "beautifulsoup4"), ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"), ("dotenv", "python-dotenv"), ("elasticsearch", "elasticsearch"),
    ("fitz", "PyMuPDF"), ("git", "GitPython"), ("grpc", "grpcio"), ("jose", "python-jose"), ("jwt", "PyJWT"),
    ("kubernetes", "kubernetes"), ("ldap", "python-ldap"), ("lxml", "lxml"), ("magic", "python-magic"),
    ("markdown", "Markdown"), ("msgpack", "msgpack"), ("nacl", "PyNaCl"), ("psycopg2", "psycopg2-binary"),
    ("pymysql", "PyMySQL"), ("serial", "pyserial"), ("skimage", "scikit-image"), ("sklearn", "scikit-learn"),
    ("slack", "slackclient"), ("snappy", "python-snappy"), ("socketio", "python-socketio"),
    ("telegram", "python-telegram-bot"), ("usb", "pyusb"), ("websocket", "websocket-client"), ("xgboost", "xgboost"),
    ("yaml", "PyYAML"), ("zmq", "pyzmq"), ("zstd", "zstd"), ("confluent_kafka", "confluent-kafka"),
    ("fastavro", "fastavro"), ("flask", "Flask"), ("django", "Django"), ("jinja2", "Jinja2"), ("sqlalchemy", "SQLAlchemy"),
    ("haversine", "haversine"), ("geopy", "geopy"), ("shapely", "shapely"), ("pyarrow", "pyarrow"),
];

/// Packages that many others need, and that an app therefore has without naming them; and packages that share their
/// first name.
#[rustfmt::skip]
const OFTEN_INDIRECT: &[&str] = &[
    "anyio", "azure", "backports", "bson", "cffi", "botocore", "cryptography", "dateutil", "google", "grpc", "h11", "httpcore", "httpx", "isodate", "jinja2",
    "jmespath", "joblib", "jsonschema", "markupsafe", "matplotlib", "numpy", "opentelemetry", "pandas", "protobuf", "pyarrow",
    "pydantic", "pydantic_core", "pygments", "rich", "s3transfer", "scipy", "sniffio", "starlette", "threadpoolctl", "tqdm", "urllib3", "zope",
];

/// Returns the distribution to add for a module that neither the image nor a package of the app brings. Returns `None`
/// if the module is there, or if that is not certain.
pub(super) fn missing(module: &str, app: &AppSummary) -> Option<String> {
    if is_standard_module(module) || OF_IMAGES.contains(&module) || app.packages.any {
        return None;
    }
    if !app.packages.names.is_empty() && OFTEN_INDIRECT.contains(&module) {
        return None;
    }
    let distribution = DISTRIBUTIONS.iter().find(|(known, _)| *known == module).map(|(_, name)| *name);
    let distribution = distribution.unwrap_or(module);
    let (wanted, module) = (normalize(distribution), normalize(module));
    // `opencv-python-headless` brings `cv2` too, and `psycopg2` the module of its binary package.
    let is_named = app.packages.names.iter().any(|name| {
        *name == wanted
            || name.contains(&module)
            || name.starts_with(&wanted)
            || wanted.starts_with(name.as_str())
    });
    (!is_named).then(|| distribution.to_owned())
}
