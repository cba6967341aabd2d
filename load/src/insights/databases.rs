//! DuckDB and chDB, each in a Python process of its own, from an environment that is made for them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Told;
use super::answer::{Answer, Rows};
use super::questions::{QUESTIONS, Question};

const PACKAGES: &str = include_str!("../../peers.txt");
const PROGRAM: &str = include_str!("peer.py");

/// The Python that has both; `None`, and a line that says so, if it cannot be made.
pub async fn python() -> Option<PathBuf> {
    match environment(&std::env::temp_dir().join("watchkeep-peers")).await {
        Ok(python) => Some(python),
        Err(error) => {
            println!("!!! SKIPPED: DuckDB and chDB: {error:#}");
            None
        }
    }
}

async fn environment(folder: &Path) -> Result<PathBuf> {
    let (python, installed) = (folder.join("bin/python"), folder.join("installed"));
    if python.exists() && std::fs::read_to_string(&installed).is_ok_and(|list| list == PACKAGES) {
        return Ok(python);
    }
    let run = async |command: &mut Command| -> Result<()> {
        let status = command.stdout(Stdio::null()).status().await?;
        ensure!(status.success(), "{command:?} ended with {status}");
        Ok(())
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(folder)).await?;
    let list = folder.join("peers.txt");
    std::fs::write(&list, PACKAGES)?;
    let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "-r"];
    run(Command::new(&python).args(options).arg(&list)).await?;
    std::fs::rename(&list, &installed)?;
    Ok(python)
}

/// Loads the lines of a file into a database and asks it everything.
pub async fn run(python: &Path, who: &'static str, lines: &Path) -> Result<Option<Told>> {
    let (kind, sql): (&str, fn(&Question) -> &str) = match who {
        "DuckDB" => ("duckdb", |question| question.duckdb),
        _ => ("chdb", |question| question.chdb),
    };
    let folder = tempfile::tempdir()?;
    let questions: Vec<&str> = QUESTIONS.iter().map(sql).collect();
    let request = serde_json::json!({ "lines": lines, "questions": questions }).to_string();
    let mut child = Command::new(python)
        .args(["-c", PROGRAM, kind])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(request.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{who} ended with {}", output.status);
    // A database may write to the same place what it thinks of its progress.
    let last = output.stdout.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let measured: Measured = serde_json::from_slice(last)?;
    let answer = |of: Asked| Answer { rows: of.rows, cpu_ms: of.cpu * 1e3, wall_ms: of.wall * 1e3 };
    Ok(Some(Told {
        who,
        load: Duration::from_secs_f64(measured.load),
        bytes: measured.bytes,
        memory_mb: measured.memory / 1e6,
        answers: measured.answers.into_iter().map(|of| of.map(answer)).collect(),
    }))
}

/// What `peer.py` writes: seconds and bytes.
#[derive(Deserialize)]
struct Measured {
    load: f64,
    bytes: u64,
    memory: f64,
    answers: Vec<Option<Asked>>,
}

#[derive(Deserialize)]
struct Asked {
    rows: Rows,
    cpu: f64,
    wall: f64,
}
