//! Building the program.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::{cargo, output, run, say};
use crate::space::{self, Large};
use crate::{Options, root};

/// A build in the dev profile, and what it leaves in the target directory.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    name: &'static str,
    megabytes: u64,
    /// What an incremental build notes for the next time besides.
    megabytes_incremental: u64,
}

/// All that the tests run.
pub const TESTS: Build = Build { name: "the build of the tests", megabytes: 1500, megabytes_incremental: 1200 };

/// What clippy looks at.
pub const CHECKS: Build = Build { name: "clippy's build", megabytes: 250, megabytes_incremental: 600 };

/// The program in the release profile, which is never incremental.
const OPTIMIZED: Build = Build { name: "the optimized build", megabytes: 1000, megabytes_incremental: 0 };

/// Files that are made beside those that they replace: the largest programs, and what is noted of the largest crates.
const MEGABYTES_AGAIN: u64 = 300;

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
    let (arguments, size): (&[&str], _) = match profile {
        // With all tests, since what they need gives some dependencies further features: the program by itself would compile
        // everything above those once again.
        Profile::Dev => (&["build", "--locked", "--workspace", "--bins", "--tests"], &TESTS),
        Profile::Release => (&["build", "--locked", "-p", "watchkeep", "--release"], &OPTIMIZED),
    };
    let folder = ensure_space(profile, size)?;
    run(&mut cargo(arguments))?;
    Ok(folder.join("watchkeep"))
}

/// Refuses to begin a build for which the disk has no room; where it will be made.
pub fn ensure_space(profile: Profile, build: &Build) -> Result<PathBuf> {
    let Build { name, mut megabytes, megabytes_incremental } = *build;
    if std::env::var_os("CARGO_INCREMENTAL").is_none_or(|value| value != "0") {
        megabytes += megabytes_incremental;
    }
    let folder = target_directory()?.join(match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    });
    space::ensure(&Large { name, megabytes, megabytes_again: MEGABYTES_AGAIN }, &folder)?;
    Ok(folder)
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
