//! `cargo xtask test`: every test there is, from fast to real.

use std::process::Command;

use anyhow::{Result, bail};

use crate::build::{self, Profile, build};
use crate::process::{cargo, run, say};
use crate::space::{self, Large};
use crate::{Options, coverage, crash, environment, root};

/// Rounds of the crash test in `make test`; `make crash` does more.
const CRASH_ROUNDS: u64 = 20;

/// The data of the servers and stores that run at the same time, journals above all: 370 MB at the most.
const DATA: Large = Large { name: "the tests' data", megabytes: 500, megabytes_again: 500 };

/// A family of tests.
struct Suite {
    name: &'static str,
    help: &'static str,
    run: fn() -> Result<()>,
}

const SUITES: &[Suite] = &[
    Suite {
        name: "rust",
        help: "units, properties, corpora, and the store on its databases and object stores",
        run: rust,
    },
    Suite { name: "python", help: "AWS CLI, boto3 and the X-Ray SDK against a real server process", run: python },
    Suite { name: "node", help: "the AWS SDK for JavaScript against a real server process", run: node },
    Suite {
        name: "crash",
        help: "kill -9 under load, and what is left afterwards",
        run: || crash::rounds(CRASH_ROUNDS, None, Profile::Dev),
    },
];

/// Runs all suites, or the one named by `--only`.
pub fn test(options: &Options) -> Result<()> {
    let only = options.value("--only");
    let suites: Vec<&Suite> = SUITES.iter().filter(|suite| only.is_none_or(|only| only == suite.name)).collect();
    if suites.is_empty() {
        bail!("no such suite; there are: {}", SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", "));
    }
    space::ensure(&DATA, &std::env::temp_dir())?;
    for suite in suites {
        say(&format!("tests: {} ({})", suite.name, suite.help));
        (suite.run)()?;
    }
    Ok(())
}

fn rust() -> Result<()> {
    let python = environment::python()?;
    build::ensure_space(Profile::Dev, &build::TESTS)?;
    run(cargo(&["test", "--locked", "--workspace", "--quiet"]).env("WATCHKEEP_TEST_PYTHON", python))
}

fn python() -> Result<()> {
    let python = environment::python()?;
    let prometheus = environment::prometheus()?;
    let binary = build(Profile::Dev)?;
    coverage::check(&binary)?;
    let mut tests = Command::new(python);
    tests.args(["-m", "pytest", "-q", "-rs"]).current_dir(root().join("tests/python")).env("WATCHKEEP_BINARY", binary);
    if let Some(program) = prometheus {
        tests.env("WATCHKEEP_TEST_PROMETHEUS", program);
    }
    run(&mut tests)
}

fn node() -> Result<()> {
    let folder = environment::node()?;
    let binary = build(Profile::Dev)?;
    run(Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .current_dir(folder)
        .env("WATCHKEEP_BINARY", binary))
}
