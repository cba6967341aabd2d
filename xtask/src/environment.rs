//! What the tests need besides Rust: a Python environment with stock AWS clients in `.test-env/`, and the JavaScript SDK in
//! `tests/node/node_modules`. Both are made from pinned lists, once, and again when the lists change. Besides, a Prometheus: the
//! host's, or else Debian's package unpacked in `.test-env/`, where there is apt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{is_available, run, say, skip};
use crate::root;
use crate::space::{self, Large};

/// The Python environment: 437 MB, and 111 MB of packages before they are unpacked.
const PYTHON: Large = Large { name: "the tests' Python environment", megabytes: 550, megabytes_again: 550 };

/// The JavaScript SDK: 26 MB, and as much in npm's cache.
const NODE: Large = Large { name: "the tests' JavaScript SDK", megabytes: 60, megabytes_again: 60 };

/// Prometheus: 113 MB, and 19 MB of the package that it comes in.
const PROMETHEUS: Large = Large { name: "the tests' Prometheus", megabytes: 135, megabytes_again: 135 };

/// The Python of the test environment, with everything in `tests/python/requirements.txt`.
pub fn python() -> Result<PathBuf> {
    let folder = root().join(".test-env");
    let requirements = root().join("tests/python/requirements.txt");
    let python = folder.join("bin/python");
    if is_current(&folder.join("installed"), &requirements)? && python.exists() {
        return Ok(python);
    }
    ensure!(is_available("python3", &["-m", "venv", "--help"]), "the tests need Python 3 with its venv module");
    say("setting up the tests' Python environment in .test-env");
    // Of an older list, or of a set-up that did not get to its end, nothing is wanted.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    space::ensure(&PYTHON, &folder)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    // Packages go where they are used and nowhere else: no cache in the home directory, no bytecode of what no test imports.
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--no-compile",
            "-r",
        ])
        .arg(&requirements))?;
    fs::copy(&requirements, folder.join("installed"))?;
    Ok(python)
}

/// Makes `tests/node/node_modules` current; the folder of the tests.
pub fn node() -> Result<PathBuf> {
    let folder = root().join("tests/node");
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.installed");
    if !is_current(&installed, &lock)? {
        ensure!(is_available("npm", &["--version"]), "the tests need Node with npm");
        say("setting up the tests' JavaScript SDK in tests/node/node_modules");
        space::ensure(&NODE, &folder)?;
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
        fs::copy(&lock, &installed)?;
    }
    Ok(folder)
}

/// The Prometheus which the tests run beside Watchkeep, with `promtool` in the same folder; `None` if the host has none and none
/// can be had, which is said loudly here and by the tests.
pub fn prometheus() -> Result<Option<PathBuf>> {
    let folder = root().join(".test-env/prometheus");
    let program = folder.join("usr/bin/prometheus");
    if program.exists() {
        return Ok(Some(program));
    }
    if is_available("prometheus", &["--version"]) && is_available("promtool", &["--version"]) {
        return Ok(Some("prometheus".into()));
    }
    let what = "tests beside a real Prometheus";
    if !is_available("apt-get", &["--version"]) || !is_available("dpkg", &["--version"]) {
        skip(what, "no `prometheus` on the path, and no apt to get Debian's package with");
        return Ok(None);
    }
    say("setting up Prometheus in .test-env/prometheus");
    space::ensure(&PROMETHEUS, &root())?;
    // Only what is whole is ever seen under the name that is looked for.
    let unpacked = root().join(".test-env/prometheus.new");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).with_context(|| format!("removing {}", unpacked.display()))?;
    }
    fs::create_dir_all(&unpacked)?;
    let had = run(Command::new("apt-get").args(["download", "--quiet=2", "prometheus"]).current_dir(&unpacked))
        .and_then(|()| {
            let file = fs::read_dir(&unpacked)?.next().context("apt-get left no package")??.path();
            run(Command::new("dpkg").arg("--extract").arg(&file).arg(&unpacked))?;
            Ok(fs::remove_file(file)?)
        });
    if let Err(error) = had {
        skip(what, &format!("Debian's package cannot be had: {error:#}"));
        return Ok(None);
    }
    fs::rename(&unpacked, &folder)?;
    Ok(Some(program))
}

/// Whether what was installed is what the list asks for.
fn is_current(installed: &Path, wanted: &Path) -> Result<bool> {
    let wanted = fs::read(wanted).with_context(|| format!("reading {}", wanted.display()))?;
    Ok(fs::read(installed).is_ok_and(|installed| installed == wanted))
}
