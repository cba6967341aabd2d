//! `cargo xtask lint`: what a machine can say of the code without running it.

use anyhow::Result;

use crate::build::{CHECKS, Profile, ensure_space};
use crate::process::{cargo, is_available, run, say, skip};
use crate::{Options, boundaries, licences};

/// Runs all checks, the quick ones first.
pub fn lint(_: &Options) -> Result<()> {
    say("formatting");
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    say("crate boundaries");
    boundaries::check()?;
    say("licences of dependencies");
    licences::check()?;
    advisories()?;
    say("clippy");
    ensure_space(Profile::Dev, &CHECKS)?;
    run(&mut cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}

/// Known vulnerabilities, where cargo-deny and its database are on this machine: it works without a network then.
fn advisories() -> Result<()> {
    if !is_available("cargo", &["deny", "--version"]) {
        skip("advisories", "cargo-deny is not installed (`cargo install cargo-deny`)");
        return Ok(());
    }
    let home = std::env::var_os("CARGO_HOME").map(Into::into).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    if !home.is_some_and(|home: std::path::PathBuf| home.join("advisory-dbs").exists()) {
        skip("advisories", "cargo-deny has no advisory database here (`cargo deny fetch` with a network)");
        return Ok(());
    }
    say("advisories");
    run(&mut cargo(&["deny", "--offline", "check", "advisories"]))
}
