//! Building the program.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::{cargo, output, run, say};
use crate::{Options, root};

/// How the program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build: what the tests drive.
    Dev,
    /// Optimized: what is run and measured.
    Release,
}

/// Builds the program and says where it is.
pub fn build(profile: Profile) -> Result<PathBuf> {
    let (arguments, folder): (&[&str], _) = match profile {
        Profile::Dev => (&["build", "--locked", "-p", "watchkeep"], "debug"),
        Profile::Release => (&["build", "--locked", "-p", "watchkeep", "--release"], "release"),
    };
    run(&mut cargo(arguments))?;
    Ok(target_directory()?.join(folder).join("watchkeep"))
}

/// `cargo xtask dist`: one optimized binary in `target/dist`.
pub fn dist(_: &Options) -> Result<()> {
    let built = build(Profile::Release)?;
    let folder = root().join("target/dist");
    fs::create_dir_all(&folder)?;
    let binary = folder.join("watchkeep");
    fs::copy(&built, &binary).with_context(|| format!("copying {}", built.display()))?;
    say(&format!("{} ({:.1} MB)", binary.display(), fs::metadata(&binary)?.len() as f64 / 1e6));
    Ok(())
}

fn target_directory() -> Result<PathBuf> {
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    Ok(metadata["target_directory"].as_str().context("cargo metadata names no target directory")?.into())
}
