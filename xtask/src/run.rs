//! `cargo xtask run`: everything useful on this host, in one process.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build::{Profile, build};
use crate::process::say;
use crate::{Options, root};

/// Builds the optimized program and becomes it.
pub fn run(options: &Options) -> Result<()> {
    say("building watchkeep (the first build compiles all dependencies: some minutes; later ones take seconds)");
    let binary = build(Profile::Release)?;
    say("watchkeep up (Ctrl-C stops it; its data stays in ./watchkeep-data)");
    let error = Command::new(&binary).arg("up").args(options.rest()).current_dir(root()).exec();
    Err(error).with_context(|| format!("starting {}", binary.display()))
}
