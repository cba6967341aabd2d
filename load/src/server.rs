//! The server under load: a process of its own, watched through /proc.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use watchkeep_core::Clock;

use crate::client::{ACCESS_KEY_ID, Client, SECRET};

/// How long background work may take to come to rest.
const REST_TIMEOUT: Duration = Duration::from_secs(180);
/// Half seconds without work after which there is none left: compaction looks every ten seconds.
const QUIET_ROUNDS: usize = 24;

/// A running server.
pub struct Server {
    /// Its endpoint, `http://ADDRESS`.
    pub endpoint: String,
    /// Where it takes X-Ray's datagrams.
    pub xray_address: SocketAddr,
    /// From the start of the process to the first answer of /health.
    pub started_after: Duration,
    binary: PathBuf,
    child: Child,
    pid: u32,
    data: TempDir,
    clock: Arc<dyn Clock>,
}

impl Server {
    /// Starts the program on a data directory of its own and waits until it answers.
    pub async fn start(binary: &Path, clock: Arc<dyn Clock>) -> Result<Server> {
        let data = tempfile::tempdir()?;
        // The system's choice; free again as soon as it is known.
        let xray_address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let (child, endpoint, started_after) = launch(binary, data.path(), xray_address, &clock).await?;
        let pid = child.id().context("the server ended")?;
        Ok(Server { endpoint, xray_address, started_after, binary: binary.to_owned(), child, pid, data, clock })
    }

    /// Ends the server in order and starts it again on the same data; how long that took from its start to its first answer.
    pub async fn restart(&mut self) -> Result<Duration> {
        self.stop().await?;
        let launched = launch(&self.binary, self.data.path(), self.xray_address, &self.clock).await?;
        (self.child, self.endpoint, self.started_after) = launched;
        self.pid = self.child.id().context("the server ended")?;
        Ok(self.started_after)
    }

    /// Processor time so far, all threads.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(self.pid)
    }

    /// Resident memory, in megabytes.
    pub fn memory_mb(&self) -> Result<f64> {
        memory_mb(self.pid)
    }

    /// The bytes of the table's compacted segments. Those that were compacted into them lie there for some minutes more, and
    /// are not counted.
    pub fn segment_bytes(&self, table: &str) -> Result<u64> {
        Ok(self.segment_bytes_by_day(table)?.values().sum())
    }

    /// The same for each day that there are rows of.
    pub fn segment_bytes_by_day(&self, table: &str) -> Result<BTreeMap<PathBuf, u64>> {
        let folder = self.data.path().join("data").join(table);
        if !folder.is_dir() {
            return Ok(BTreeMap::new());
        }
        let days = std::fs::read_dir(&folder)?.map(|entry| {
            let day = entry?.path();
            let bytes = bytes_below(&day)?;
            Ok((day, bytes))
        });
        days.collect()
    }

    /// Waits until sealing and compaction have come to rest: longer than either waits before it looks for work.
    pub async fn rest(&self) -> Result<()> {
        self.quiet(QUIET_ROUNDS).await
    }

    /// Waits for so many half seconds with next to no processor time.
    pub async fn quiet(&self, rounds: usize) -> Result<()> {
        let begun = self.clock.monotonic();
        let mut quiet = 0;
        while quiet < rounds {
            let before = self.cpu()?;
            self.clock.sleep(Duration::from_millis(500)).await;
            quiet = if self.cpu()? - before <= Duration::from_millis(20) { quiet + 1 } else { 0 };
            if self.clock.monotonic() - begun > REST_TIMEOUT {
                bail!("the server does not come to rest");
            }
        }
        Ok(())
    }

    /// Ends the server in order.
    pub async fn stop(&mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_raw(self.pid as i32).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.child.wait().await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// Starts the program on these data and waits until it answers: the process, its endpoint, and how long that took.
async fn launch(
    binary: &Path,
    data: &Path,
    xray_address: SocketAddr,
    clock: &Arc<dyn Clock>,
) -> Result<(Child, String, Duration)> {
    let begun = clock.monotonic();
    let mut child = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0", "--xray-listen", &xray_address.to_string()])
        .args(["--auth", "enforced", "--data-dir"])
        .arg(data)
        .env("WATCHKEEP_ROOT_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("WATCHKEEP_ROOT_SECRET_ACCESS_KEY", SECRET)
        .env("WATCHKEEP_DATA_SEAL_AFTER", "5")
        .env("WATCHKEEP_LOG_LEVEL", "warn")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let stdout = child.stdout.take().context("the server has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let endpoint = loop {
        let line = lines.next_line().await?.context("the server ended before it listened")?;
        if let Some(endpoint) = line.strip_prefix("listening on ") {
            break endpoint.to_owned();
        }
    };
    let client = Client::new(endpoint.clone(), clock.clone());
    ensure!(client.health().await?, "the server is not healthy");
    let started_after = clock.monotonic().saturating_sub(begun);
    Ok((child, endpoint, started_after))
}

/// Resident memory of a process, in megabytes.
pub fn memory_mb(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}

/// Processor time of a process so far.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field, the command's name, may hold anything; the fields after its closing bracket are numbers.
    let (_, fields) = stat.rsplit_once(')').context("an odd /proc/PID/stat")?;
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") && level(&path) > 0 {
                sum += std::fs::metadata(&path)?.len();
            }
        }
    }
    Ok(sum)
}

/// How often a segment was compacted: the second number of its file's name.
fn level(path: &Path) -> u32 {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.split('-').nth(1).and_then(|level| level.parse().ok()).unwrap_or(0)
}
