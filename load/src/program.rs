//! Programs of peers: found on the path, run on a data directory of their own, watched as the server is.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use watchkeep_core::Clock;

use crate::plain::Http;
use crate::server::{cpu, memory_mb};

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A program that runs.
pub struct Program {
    /// Its HTTP side.
    pub http: Http,
    /// The time of measurements.
    pub clock: Arc<dyn Clock>,
    data: TempDir,
    pid: u32,
    child: Child,
}

impl Program {
    /// Starts the first of `names` that is on the path, with its data folder and port in the flags that all of VictoriaMetrics'
    /// programs have; `None`, and a line that says so, if there is no such program.
    pub async fn start(what: &str, names: &[&str], flags: &[&str], clock: Arc<dyn Clock>) -> Result<Option<Program>> {
        let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
        let mut programs = folders.iter().flatten().flat_map(|folder| names.iter().map(|name| folder.join(name)));
        let Some(program) = programs.find(|program| program.is_file()) else {
            println!("!!! SKIPPED: {what}: none of {names:?} is on the path");
            return Ok(None);
        };
        let data = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .arg(format!("-storageDataPath={}", data.path().display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().with_context(|| format!("{what} ended"))?;
        let program = Program { http: Http::new(port), clock, data, pid, child };
        let begun = program.clock.monotonic();
        while program.http.get("/health").await.is_err() {
            ensure!(program.clock.monotonic() - begun < START_TIMEOUT, "{what} does not start");
            program.clock.sleep(Duration::from_millis(100)).await;
        }
        Ok(Some(program))
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(self.pid)
    }

    /// Resident memory, in megabytes.
    pub fn memory_mb(&self) -> Result<f64> {
        memory_mb(self.pid)
    }

    /// Ends it in order, which writes out what is in memory; the bytes of the files below this folder of its data then.
    pub async fn stored_bytes(mut self, folder: &str) -> Result<u64> {
        let pid = rustix::process::Pid::from_raw(self.pid as i32).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait().await?;
        bytes_below(&self.data.path().join(folder))
    }
}

/// The bytes of all files below a folder.
pub fn bytes_below(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.exists() {
                sum += std::fs::metadata(&path)?.len();
            }
        }
    }
    Ok(sum)
}
