//! Peers that get the same work in the same run, where a Python with their packages was named: an AWS emulator in memory
//! (moto's server) and DuckDB.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::Command;
use watchkeep_core::Clock;

use crate::client::{Client, Prepared};
use crate::server::cpu;

/// Calls that the emulator gets: enough for a steady figure, few enough to wait for.
const EMULATOR_CALLS: usize = 100;
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The peers at hand.
pub struct Peers {
    python: Option<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl Peers {
    /// Those that `python` has; none without one.
    pub fn find(python: Option<&Path>, clock: Arc<dyn Clock>) -> Peers {
        if python.is_none() {
            println!("!!! SKIPPED: peers: no --python with moto and duckdb was named");
        }
        Peers { python: python.map(Path::to_owned), clock }
    }

    /// The emulator's processor time for one item of a request that holds `items`, in microseconds.
    /// `before` are the requests that make what this one needs.
    pub async fn emulator(&self, before: Vec<Prepared>, request: Prepared, items: usize) -> Result<Option<f64>> {
        let Some(python) = &self.python else { return Ok(None) };
        let port = free_port()?;
        let child = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("the emulator ended")?;
        let client = Client::new(format!("http://127.0.0.1:{port}"), self.clock.clone());
        let begun = self.clock.monotonic();
        while client.health().await.is_err() {
            anyhow::ensure!(self.clock.monotonic() - begun < START_TIMEOUT, "the emulator does not start");
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        for request in before {
            client.send(request.to(&client)?).await?;
        }
        let request = request.to(&client)?;
        // Once to warm up, and to see that it takes the request at all.
        if let Err(error) = client.send(request.clone()).await {
            println!("the emulator does not take it: {}", error.to_string().lines().next().unwrap_or_default());
            return Ok(None);
        }
        let before = cpu(pid)?;
        client.send_all(vec![request; EMULATOR_CALLS], 1).await?;
        Ok(Some((cpu(pid)? - before).as_secs_f64() * 1e6 / (EMULATOR_CALLS * items) as f64))
    }

    /// DuckDB's time to find a rare word among as many lines of the same shape, in milliseconds.
    pub async fn duckdb_rare_word(&self, lines: usize, every: usize, first: usize, word: &str) -> Result<Option<f64>> {
        let Some(python) = &self.python else { return Ok(None) };
        let program = format!(
            r#"
import duckdb, time
db = duckdb.connect()
db.execute("SET threads = 2")
db.execute("""CREATE TABLE lines AS SELECT '{{"level":"INFO","service":"checkout","host":"ip-10-0-3-' || (i % 32) || '.internal","requestId":"' || md5(i::VARCHAR)[:16] ||
  '","method":"GET","path":"/api/v1/items/' || (i * 7919 % 4096) || '","status":200,"latencyMs":' || (i * 31 % 1024) || ',"bytes":' || (i * 17 % 65536) || ',"message":"' ||
  CASE WHEN i % {every} = {first} THEN '{word}' ELSE 'request' END || ' for customer-' || (i * 13 % 16384) || ' handled by node-' || (i % 32) || ' after 0 retries, upstream answered"}}' AS message
  FROM range({lines}) t(i)""")
taken = []
for _ in range(5):
    begun = time.perf_counter()
    db.execute("SELECT message FROM lines WHERE contains(message, '{word}')").fetchall()
    taken.append(time.perf_counter() - begun)
print(sorted(taken)[2] * 1000)
"#
        );
        let output = Command::new(python).args(["-c", &program]).stderr(Stdio::inherit()).output().await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
