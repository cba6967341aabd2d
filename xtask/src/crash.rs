//! `cargo xtask crash`: the server is killed under load at random moments, and everything that it had acknowledged must be
//! there afterwards exactly once. The clients are stock ones, so the driver is Python: `tests/python/crash.py`.

use std::process::Command;

use anyhow::Result;

use crate::build::{Profile, build};
use crate::process::run;
use crate::{Options, environment, root};

/// Runs `--rounds` rounds against an optimized server.
pub fn crash(options: &Options) -> Result<()> {
    rounds(options.number("--rounds", 50)?, options.value("--seed"), Profile::Release)
}

/// Runs so many rounds; `seed` repeats the moments of an earlier run.
pub fn rounds(rounds: u64, seed: Option<&str>, profile: Profile) -> Result<()> {
    let python = environment::python()?;
    let binary = build(profile)?;
    let mut command = Command::new(python);
    command.current_dir(root().join("tests/python")).arg("crash.py").args(["--rounds", &rounds.to_string()]);
    if let Some(seed) = seed {
        command.args(["--seed", seed]);
    }
    run(command.env("WATCHKEEP_BINARY", binary))
}
