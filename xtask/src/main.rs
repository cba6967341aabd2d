//! The project's own tool: `cargo xtask <command>`. The Makefile names the commands that a person runs.

mod bench;
mod boundaries;
mod build;
mod coverage;
mod crash;
mod environment;
mod fuzz;
mod licences;
mod lint;
mod models;
mod process;
mod run;
mod space;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

/// A command: its name, what it takes, what it is for, and what carries it out.
struct Task {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&Options) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task { name: "run", usage: "[-- FLAGS]", help: "build an optimized binary and run `watchkeep up`", run: run::run },
    Task {
        name: "test",
        usage: "[--only rust|python|node|crash]",
        help: "set up what the tests need and run them all",
        run: test::test,
    },
    Task {
        name: "lint",
        usage: "",
        help: "formatting, clippy, licences, advisories, crate boundaries",
        run: lint::lint,
    },
    Task {
        name: "bench",
        usage: "[--only micro|load]",
        help: "micro-benchmarks, then the load generator; writes docs/performance.md",
        run: bench::bench,
    },
    Task {
        name: "crash",
        usage: "[--rounds N] [--seed N]",
        help: "kill the server under load, again and again, and look for what is missing",
        run: crash::crash,
    },
    Task {
        name: "fuzz",
        usage: "[--seconds N]",
        help: "fuzz every decoder and reader (needs cargo-fuzz and a nightly toolchain)",
        run: fuzz::fuzz,
    },
    Task {
        name: "models",
        usage: "",
        help: "extract the API facts of the newest botocore on PyPI into models/*.json",
        run: models::models,
    },
    Task {
        name: "coverage",
        usage: "[--check]",
        help: "write docs/coverage.md and docs/settings.md from the program's tables",
        run: coverage::coverage,
    },
    Task { name: "dist", usage: "", help: "one optimized binary in target/dist", run: build::dist },
];

/// What stands after the command's name.
struct Options {
    arguments: Vec<String>,
}

impl Options {
    /// Whether a flag was given.
    fn has(&self, flag: &str) -> bool {
        self.arguments.iter().any(|argument| argument == flag)
    }

    /// The value after an option.
    fn value(&self, option: &str) -> Option<&str> {
        let at = self.arguments.iter().position(|argument| argument == option)?;
        self.arguments.get(at + 1).map(String::as_str)
    }

    /// The number after an option.
    fn number(&self, option: &str, default: u64) -> Result<u64> {
        let Some(text) = self.value(option) else { return Ok(default) };
        text.parse().with_context(|| format!("{option} takes a number, not {text:?}"))
    }

    /// What follows `--`.
    fn rest(&self) -> &[String] {
        let at = self.arguments.iter().position(|argument| argument == "--");
        at.and_then(|at| self.arguments.get(at + 1..)).unwrap_or_default()
    }
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "help".to_owned());
    match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.run)(&Options { arguments: arguments.collect() }),
        None if matches!(name.as_str(), "help" | "--help" | "-h") => {
            println!("cargo xtask <command>\n");
            for task in TASKS {
                println!("  {:<44} {}", format!("{} {}", task.name, task.usage), task.help);
            }
            Ok(())
        }
        None => bail!("no command {name:?}; `cargo xtask help` lists them"),
    }
}

/// The root of the work tree.
fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}
