//! The load generator: what durable writes and reads cost over the wire, against a real server process.
//!
//! It starts an optimized server in mode enforced on a data directory of its own, drives it with signed requests as stock
//! clients make them, and measures the server's processor time per item (steady where wall time is not) and the latency of
//! reads. Where a peer's programs are at hand (an AWS emulator, DuckDB), it gives them the same work in the same run.

mod alarms;
mod client;
mod comparison;
mod insights;
mod lines;
mod logs;
mod metrics;
mod missed;
mod peers;
mod plain;
mod program;
mod queues;
mod report;
mod series;
mod server;
mod traces;
mod trails;
mod victoria;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Parser;
use watchkeep_core::{Clock, SystemClock};

use crate::client::Client;
use crate::report::{Budget, Report};
use crate::server::Server;

/// What a run is told.
#[derive(Debug, Parser)]
struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// The page to write.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Log lines to put.
    #[arg(long, default_value_t = 1_000_000)]
    lines: usize,
    /// Datapoints to put in each protocol.
    #[arg(long, default_value_t = 200_000)]
    datapoints: usize,
    /// Messages to send, receive and delete.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Messages that a restart finds.
    #[arg(long, default_value_t = 1_000_000)]
    backlog: usize,
    /// Numbers of alarms to measure, growing.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    alarms: Vec<usize>,
    /// A Python with the peers' packages (moto, duckdb).
    #[arg(long)]
    python: Option<PathBuf>,
    /// Only this part, for a closer look; of a page only the section of `insights` can be written alone.
    #[arg(long)]
    only: Option<Part>,
}

/// What is measured apart from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Metrics,
    /// Many series; by itself, as it fills the memory that series may have.
    Series,
    Logs,
    /// Questions about log lines, beside databases.
    Insights,
    Traces,
    Trails,
    /// Their share of a core, and the latency of notifications.
    Alarms,
    Queues,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let is_whole = options.only.is_none_or(|only| only == Part::Insights);
    anyhow::ensure!(is_whole || options.report.is_none(), "of the page only the section of insights is written alone");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut report = Report::default();
    report.row(
        "yardstick of the machine: one core sorts ten million numbers, ms",
        Budget::None,
        yardstick(&*clock),
        "",
    );
    let mut server = Server::start(&options.binary, clock.clone()).await?;
    report.row(
        "start to /health, ms",
        Budget::AtMost(100.0),
        format!("{:.0}", server.started_after.as_secs_f64() * 1e3),
        "",
    );
    report.row("idle memory, MB", Budget::AtMost(30.0), format!("{:.0}", server.memory_mb()?), "");
    report.row(
        "binary, MB",
        Budget::AtMost(60.0),
        format!("{:.0}", std::fs::metadata(&options.binary)?.len() as f64 / 1e6),
        "",
    );

    // The journal's files are made ready in the background.
    server.quiet(4).await?;
    let client = Client::new(server.endpoint.clone(), clock.clone());
    let peers = peers::Peers::find(options.python.as_deref(), clock.clone());
    let is_wanted = |part| options.only.is_none_or(|only| only == part);
    if is_wanted(Part::Metrics) {
        metrics::run(&client, &server, &peers, options.datapoints, &mut report).await.context("metrics")?;
    }
    if is_wanted(Part::Logs) {
        logs::run(&client, &mut server, &peers, options.lines, &mut report).await.context("logs")?;
    }
    if is_wanted(Part::Traces) {
        traces::run(&client, &server, &mut report).await.context("traces")?;
    }
    if is_wanted(Part::Trails) {
        trails::run(&client, &server, &mut report).await.context("trails")?;
    }
    if is_wanted(Part::Series) {
        series::run(&client, &server, &mut report).await.context("many series")?;
    }
    server.stop().await?;
    apart(options, &is_wanted, &clock, &mut report).await?;
    print!("{}", report.table());
    let mut page = match &options.report {
        Some(path) if options.only.is_some() => {
            std::fs::read_to_string(path).with_context(|| path.display().to_string())?
        }
        _ => report.page(options.lines, options.datapoints),
    };
    if is_wanted(Part::Insights) {
        let server = Server::start(&options.binary, clock.clone()).await?;
        let section = questions(options, server, &clock).await.context("insights")?;
        print!("{section}");
        page = comparison::replaced(&page, &section);
    }
    if let Some(path) = &options.report {
        std::fs::write(path, page).with_context(|| path.display().to_string())?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// The section on questions about log lines.
async fn questions(options: &Options, mut server: Server, clock: &Arc<dyn Clock>) -> Result<String> {
    server.quiet(4).await?;
    let client = Client::new(server.endpoint.clone(), clock.clone());
    let compared = insights::run(&client, &server, options.lines).await?;
    server.stop().await?;
    Ok(compared.section(&report::circumstances(&yardstick(&**clock))))
}

/// What has a server of its own.
async fn apart(
    options: &Options,
    is_wanted: &impl Fn(Part) -> bool,
    clock: &Arc<dyn Clock>,
    report: &mut Report,
) -> Result<()> {
    if is_wanted(Part::Queues) {
        let mut server = Server::start(&options.binary, clock.clone()).await?;
        let client = Client::new(server.endpoint.clone(), clock.clone());
        let counts = (options.messages, options.backlog);
        queues::run(&client, &mut server, counts.0, counts.1, report).await.context("queues")?;
        server.stop().await?;
    }
    if is_wanted(Part::Alarms) {
        let mut server = Server::start(&options.binary, clock.clone()).await?;
        let client = Client::new(server.endpoint.clone(), clock.clone());
        alarms::run(&client, &server, &options.alarms, report).await.context("alarms")?;
        server.stop().await?;
    }
    Ok(())
}

/// The same work on every machine, so that figures of two runs can be compared: the median of three goes, in milliseconds.
fn yardstick(clock: &dyn Clock) -> String {
    let mut taken: Vec<f64> = (0..3)
        .map(|_| {
            let mut numbers: Vec<u64> = (1..=10_000_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let begun = clock.monotonic();
            numbers.sort_unstable();
            std::hint::black_box(numbers);
            (clock.monotonic() - begun).as_secs_f64() * 1e3
        })
        .collect();
    taken.sort_unstable_by(f64::total_cmp);
    format!("{:.0}", taken.get(1).copied().unwrap_or_default())
}
