//! VictoriaMetrics, where its program is on the path: the same points, put by its text format, and the same reads.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use watchkeep_core::Clock;

use crate::plain::escaped;
use crate::program::Program;

/// The names that distributions give the program.
const PROGRAMS: [&str; 3] = ["victoria-metrics", "victoria-metrics-prod", "victoriametrics"];
const FLAGS: [&str; 3] = ["-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.latencyOffset=0s"];

/// A running VictoriaMetrics.
pub struct VictoriaMetrics(Program);

impl VictoriaMetrics {
    /// Starts it on a data directory of its own; `None`, and a line that says so, if there is no such program.
    pub async fn start(clock: Arc<dyn Clock>) -> Result<Option<VictoriaMetrics>> {
        Ok(Program::start("VictoriaMetrics", &PROGRAMS, &FLAGS, clock).await?.map(VictoriaMetrics))
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Result<Duration> {
        self.0.cpu()
    }

    /// Puts lines of Prometheus's text format.
    pub async fn import(&self, lines: String) -> Result<()> {
        self.0.http.post("/api/v1/import/prometheus", lines).await.map(drop)
    }

    /// Makes what was put visible and writes it out.
    pub async fn flush(&self) -> Result<()> {
        self.0.http.get("/internal/force_flush").await?;
        self.0.http.get("/internal/force_merge").await.map(drop)
    }

    /// How long a query over a range takes.
    pub async fn query_range(&self, query: &str, start_s: i64, end_s: i64, step_s: i64) -> Result<Duration> {
        let query = escaped(query);
        let begun = self.0.clock.monotonic();
        let path = format!("/api/v1/query_range?query={query}&start={start_s}&end={end_s}&step={step_s}&nocache=1");
        let answer = self.0.http.get(&path).await?;
        ensure!(answer.len() > 1000, "VictoriaMetrics found next to nothing: {}", String::from_utf8_lossy(&answer));
        Ok(self.0.clock.monotonic() - begun)
    }

    /// Ends it in order, which writes out what is in memory; the bytes of its data files then.
    pub async fn stored_bytes(self) -> Result<u64> {
        self.0.stored_bytes("data").await
    }
}
