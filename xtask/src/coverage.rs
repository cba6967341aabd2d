//! The pages of the documentation that are made from the program's own tables: which AWS operations are routed, and the
//! settings. The program prints them; nobody writes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::build::{Profile, build};
use crate::process::{output, say};
use crate::{Options, root};

/// The pages, by their names in `docs/`.
const PAGES: &[&str] = &["coverage", "settings"];

/// Writes the pages; with `--check` only says whether they are current.
pub fn coverage(options: &Options) -> Result<()> {
    let binary = build(Profile::Dev)?;
    if options.has("--check") {
        return check(&binary);
    }
    for name in PAGES {
        fs::write(page(name), text(&binary, name)?)?;
        say(&format!("wrote {}", page(name).display()));
    }
    Ok(())
}

/// Whether the pages are what the program prints.
pub fn check(binary: &Path) -> Result<()> {
    for name in PAGES {
        let current = fs::read_to_string(page(name)).unwrap_or_default();
        ensure!(current == text(binary, name)?, "docs/{name}.md is out of date: run `make coverage`");
    }
    Ok(())
}

fn page(name: &str) -> PathBuf {
    root().join("docs").join(name).with_extension("md")
}

fn text(binary: &Path, name: &str) -> Result<String> {
    output(Command::new(binary).args(["reference", name]))
}
