//! Runs every command of `docs/command-line.md`.

use std::collections::BTreeSet;

use super::SUBCOMMANDS;
use crate::{
    docs::{Shell, commands, page},
    harness::{Namespace, condition, plane},
};

#[test]
fn every_command_of_the_page_works() {
    let namespace = Namespace::new("page");
    let shell = Shell::new(plane(), &namespace.name);
    namespace.apply(&page("examples/application.yaml"));
    namespace.wait_for("kasprapp", "shop", |app| condition(app, "Ready", "True", "Healthy"));
    let commands = commands(&page("docs/command-line.md"));
    for step in &commands {
        shell.run(step);
    }
    // The page has an example of each subcommand.
    let all: BTreeSet<&str> = commands.iter().flat_map(|step| step.command.split_whitespace()).collect();
    for subcommand in SUBCOMMANDS {
        assert!(all.contains(subcommand), "the page has no example of {subcommand}");
    }
}
