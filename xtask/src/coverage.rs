//! `docs/coverage.md`: which AWS operations are routed. The program prints it from its routing tables; nobody writes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::build::{Profile, build};
use crate::process::{output, say};
use crate::{Options, root};

/// Writes the page; with `--check` only says whether it is current.
pub fn coverage(options: &Options) -> Result<()> {
    let binary = build(Profile::Dev)?;
    if options.has("--check") {
        return check(&binary);
    }
    fs::write(page(), text(&binary)?)?;
    say(&format!("wrote {}", page().display()));
    Ok(())
}

/// Whether the page is what the program prints.
pub fn check(binary: &Path) -> Result<()> {
    let current = fs::read_to_string(page()).unwrap_or_default();
    ensure!(current == text(binary)?, "docs/coverage.md is out of date: run `make coverage`");
    Ok(())
}

fn page() -> PathBuf {
    root().join("docs/coverage.md")
}

fn text(binary: &Path) -> Result<String> {
    output(Command::new(binary).arg("coverage"))
}
