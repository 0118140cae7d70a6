//! Arguments and output of `schema`.

use std::path::{Path, PathBuf};

use clap::{Args, builder::PossibleValuesParser};
use serde_json::Value;

use super::kinds::{KindSchema, kind_schemas, manifest_schema};
use crate::{
    api::{GROUP, Kind},
    cli::{
        error::Error,
        output::{create_dir, write_file, write_stdout},
        test::test_file_schema,
    },
};

/// Name of the schema of test files.
const TEST: &str = "test";

/// File with the schema of manifests of any kind.
const MANIFESTS: &str = "kaspr.json";

/// File with the schema of test files.
const TEST_FILES: &str = "kaspr-test.json";

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub(in crate::cli) struct SchemaArgs {
    /// Kind, or 'test' for test files. The default is one schema for manifests of all kinds, which editors need; with
    /// --out all schemas
    #[arg(value_name = "KIND|test", ignore_case = true, value_parser = PossibleValuesParser::new(names()))]
    of: Option<String>,
    /// Write files to this directory instead of standard output: GROUP/KIND_VERSION.json for each kind, kaspr.json for
    /// manifests of all kinds, and kaspr-test.json for test files
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A schema, and its file below the directory.
struct SchemaFile {
    /// What the user requests.
    name: &'static str,
    path: String,
    schema: Value,
}

/// Prints a schema, or writes schemas to a directory.
///
/// # Errors
///
/// Standard output or a file cannot be written.
pub(in crate::cli) fn schema(args: SchemaArgs) -> Result<(), Error> {
    let SchemaArgs { of, out } = args;
    let mut files = schema_files();
    // Without a directory, there is only one schema to print: the one of that name, or of all kinds.
    match (&of, &out) {
        (Some(of), _) => files.retain(|file| file.name.eq_ignore_ascii_case(of)),
        (None, None) => files.retain(|file| file.path == MANIFESTS),
        (None, Some(_)) => {}
    }
    files.into_iter().try_for_each(|file| write(out.as_deref(), &file))
}

fn write(directory: Option<&Path>, file: &SchemaFile) -> Result<(), Error> {
    let text = format!("{:#}\n", file.schema);
    let Some(directory) = directory else { return write_stdout(&text) };
    let path = directory.join(&file.path);
    path.parent().map_or(Ok(()), create_dir)?;
    write_file(path, &text)
}

fn names() -> impl Iterator<Item = &'static str> {
    Kind::ALL.map(Kind::name).into_iter().chain([TEST])
}

fn schema_files() -> Vec<SchemaFile> {
    let kinds = kind_schemas();
    let all = manifest_schema(&kinds);
    let of_kind = |KindSchema { kind, version, schema }| SchemaFile {
        name: kind.name(),
        path: format!("{GROUP}/{}_{version}.json", kind.name().to_lowercase()),
        schema,
    };
    let mut files: Vec<SchemaFile> = kinds.into_iter().map(of_kind).collect();
    files.push(SchemaFile { name: "", path: MANIFESTS.to_owned(), schema: all });
    files.push(SchemaFile { name: TEST, path: TEST_FILES.to_owned(), schema: test_file_schema() });
    files
}
