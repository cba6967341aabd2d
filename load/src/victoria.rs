//! VictoriaMetrics, where its program is on the path: the same points, put by its text format, and the same reads.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use watchkeep_core::Clock;

use crate::server::cpu;

/// The names that distributions give the program.
const PROGRAMS: [&str; 3] = ["victoria-metrics", "victoria-metrics-prod", "victoriametrics"];
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running VictoriaMetrics.
pub struct VictoriaMetrics {
    endpoint: String,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    data: TempDir,
    pid: u32,
    clock: Arc<dyn Clock>,
    child: Child,
}

impl VictoriaMetrics {
    /// Starts it on a data directory of its own; `None`, and a line that says so, if there is no such program.
    pub async fn start(clock: Arc<dyn Clock>) -> Result<Option<VictoriaMetrics>> {
        let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
        let programs = folders.iter().flatten().flat_map(|folder| PROGRAMS.map(|name| folder.join(name)));
        let Some(program) = programs.into_iter().find(|program| program.is_file()) else {
            println!("!!! SKIPPED: VictoriaMetrics: none of {PROGRAMS:?} is on the path");
            return Ok(None);
        };
        let data = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .arg(format!("-storageDataPath={}", data.path().display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .args(["-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.latencyOffset=0s"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("VictoriaMetrics ended")?;
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        let victoria = VictoriaMetrics { endpoint: format!("http://127.0.0.1:{port}"), http, data, pid, clock, child };
        let begun = victoria.clock.monotonic();
        while victoria.get("/health").await.is_err() {
            ensure!(victoria.clock.monotonic() - begun < START_TIMEOUT, "VictoriaMetrics does not start");
            victoria.clock.sleep(Duration::from_millis(100)).await;
        }
        Ok(Some(victoria))
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(self.pid)
    }

    /// Puts lines of Prometheus's text format.
    pub async fn import(&self, lines: String) -> Result<()> {
        let request = Request::post(format!("{}/api/v1/import/prometheus", self.endpoint));
        self.exchange(request.body(Full::from(lines))?).await.map(drop)
    }

    /// Makes what was put visible and writes it out.
    pub async fn flush(&self) -> Result<()> {
        self.get("/internal/force_flush").await?;
        self.get("/internal/force_merge").await.map(drop)
    }

    /// How long a query over a range takes.
    pub async fn query_range(&self, query: &str, start_s: i64, end_s: i64, step_s: i64) -> Result<Duration> {
        let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let begun = self.clock.monotonic();
        let path = format!("/api/v1/query_range?query={query}&start={start_s}&end={end_s}&step={step_s}&nocache=1");
        let answer = self.get(&path).await?;
        ensure!(answer.len() > 1000, "VictoriaMetrics found next to nothing: {}", String::from_utf8_lossy(&answer));
        Ok(self.clock.monotonic() - begun)
    }

    /// Ends it in order, which writes out what is in memory; the bytes of its data files then.
    pub async fn stored_bytes(mut self) -> Result<u64> {
        let pid = rustix::process::Pid::from_raw(self.pid as i32).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait().await?;
        let mut sum = 0;
        let mut folders: Vec<PathBuf> = vec![self.data.path().join("data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if Path::new(&path).exists() {
                    sum += std::fs::metadata(&path)?.len();
                }
            }
        }
        Ok(sum)
    }

    async fn get(&self, path: &str) -> Result<Bytes> {
        self.exchange(Request::get(format!("{}{path}", self.endpoint)).body(Full::default())?).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Bytes> {
        let answer = self.http.request(request).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        ensure!(parts.status.is_success(), "{}: {}", parts.status, String::from_utf8_lossy(&body));
        Ok(body)
    }
}
