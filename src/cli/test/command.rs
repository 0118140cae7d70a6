//! Runs `test`, once or whenever a file changes.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use super::{
    args::{TestArgs, TestFormat},
    run::{Run, run_once},
    watch::Changes,
};
use crate::cli::{error::Error, program::program_name};

/// Runs tests, and prints their results.
///
/// The exit code is 0 if all tests passed, 1 if a test failed or a manifest or test file is invalid, and 2 if a file
/// cannot be read.
pub(crate) fn test(args: TestArgs) -> Result<ExitCode, Error> {
    let limits = args.limits();
    if !args.watch {
        return Ok(ExitCode::from(print(&args, run_once(&args, &limits)?)?));
    }
    let mut changes = Changes::new()?;
    loop {
        match run_once(&args, &limits) {
            Ok(run) => {
                changes.add(run.files().into_iter())?;
                print(&args, run)?;
            }
            Err(error) => eprintln!("{}: {error}", program_name()),
        }
        changes.add(args.paths.iter().map(PathBuf::as_path))?;
        eprintln!("waiting for changes; press Ctrl-C to stop");
        changes.wait();
    }
}

/// Prints the results of a run. Returns the exit code.
fn print(args: &TestArgs, run: Run) -> Result<u8, Error> {
    let terminal = args.format == TestFormat::Human && io::stdout().is_terminal();
    let mut out = anstream::AutoStream::auto(io::stdout()).lock();
    let printed = run.print(args.format, terminal, &mut out).and_then(|()| out.flush());
    match printed {
        // The reader, such as `head`, closed the pipe because it needs no more lines.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.map_err(Error::Output)?,
    }
    let mut errors = anstream::stderr().lock();
    // A closed standard error leaves no place to report the failure.
    let _ = run.print_refusals(io::stderr().is_terminal(), &mut errors);
    Ok(run.exit_code())
}
