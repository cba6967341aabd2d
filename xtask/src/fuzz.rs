//! `cargo xtask fuzz`: every fuzz target for some seconds. The corpora it starts from are also run by `make test`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, is_available, output, run, say};
use crate::{Options, root};

/// Runs every target of every crate that has some.
pub fn fuzz(options: &Options) -> Result<()> {
    let seconds = options.number("--seconds", 60)?;
    if !is_available("cargo", &["+nightly", "fuzz", "--version"]) {
        bail!(
            "this needs a nightly toolchain and cargo-fuzz: `rustup toolchain install nightly`, `cargo install cargo-fuzz`"
        );
    }
    for folder in crates()? {
        for target in output(cargo(&["+nightly", "fuzz", "list"]).env_remove("CARGO").current_dir(&folder))?.lines() {
            say(&format!("fuzzing {target} for {seconds} s"));
            let limit = format!("-max_total_time={seconds}");
            run(cargo(&["+nightly", "fuzz", "run", target, "--", &limit, "-rss_limit_mb=4096"]).current_dir(&folder))?;
        }
    }
    Ok(())
}

fn crates() -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root().join("crates")).context("reading crates/")?;
    let mut folders = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if folder.join("fuzz/Cargo.toml").exists() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}
