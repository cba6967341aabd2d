//! `cargo xtask fuzz`: every fuzz target for some seconds. The corpora it starts from are also run by `make test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{is_available, output, run, say};
use crate::{Options, root};

/// What one input may take: memory in megabytes, time in seconds.
const LIMITS: [&str; 2] = ["-rss_limit_mb=4096", "-timeout=10"];

/// Runs every target of every crate that has some. What it finds on the way is kept in `target/fuzz` for the next time, so
/// that the corpora in the repository stay as small as people made them.
pub fn fuzz(options: &Options) -> Result<()> {
    let seconds = options.number("--seconds", 60)?;
    if !is_available("cargo", &["+nightly", "fuzz", "--version"]) {
        bail!(
            "this needs a nightly toolchain and cargo-fuzz: `rustup toolchain install nightly`, `cargo install cargo-fuzz`"
        );
    }
    let limit = format!("-max_total_time={seconds}");
    for folder in crates()? {
        for target in output(&mut nightly_fuzz(&folder, &["list"]))?.lines() {
            say(&format!("fuzzing {target} for {seconds} s"));
            let kept = folder.join("fuzz/corpus").join(target);
            let found = root().join("target/fuzz").join(folder.file_name().unwrap_or_default()).join(target);
            std::fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
            let mut command = nightly_fuzz(&folder, &["run", target]);
            run(command.arg(found).arg(kept).args(["--", &limit]).args(LIMITS))?;
        }
    }
    Ok(())
}

/// `cargo +nightly fuzz` in a crate. It is rustup's `cargo` that knows `+nightly`, not the toolchain's that `CARGO` names; and
/// `CARGO` would be taken further on, too.
fn nightly_fuzz(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz"]).args(arguments).env_remove("CARGO").current_dir(folder);
    command
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
