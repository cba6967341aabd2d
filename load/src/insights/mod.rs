//! What is asked of many JSON log lines in Logs Insights QL and SQL, beside databases that are given the same lines and the same
//! questions. No figure counts before the answers are the same.

mod answer;
mod databases;
mod measure;
mod questions;
mod victoria_logs;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use watchkeep_model::logs::{GetQueryResultsRequest, SERVICE, StartQueryRequest, operations};

use crate::client::Client;
use crate::comparison::{Comparison, Figure};
use crate::lines::{GROUP, LINES_A_CALL, Lines, STREAMS, line, stream_name};
use crate::server::Server;
use answer::{Answer, Rows};
use measure::measured;
use questions::{Budget, Language, QUESTIONS};

/// What somebody told of the lines.
pub struct Told {
    /// Who.
    pub who: &'static str,
    /// Processor time until the lines are durable and compacted.
    pub load: Duration,
    /// The bytes that they take then.
    pub bytes: u64,
    /// Resident memory after all questions, in megabytes.
    pub memory_mb: f64,
    /// The answers to the questions, where there is one.
    pub answers: Vec<Option<Answer>>,
}

/// Puts the lines and asks everything, of Watchkeep and of whoever else is at hand.
pub async fn run(client: &Client, server: &Server, count: usize) -> Result<Comparison> {
    let lines = Lines::new(count, &*client.clock);
    let (own, raw_bytes, put) = watchkeep(client, server, lines).await?;
    let mut peers = Vec::new();
    if let Some(python) = databases::python().await {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("lines.ndjson");
        write(lines, &file)?;
        for who in ["DuckDB", "chDB"] {
            peers.extend(databases::run(&python, who, &file).await.context(who)?);
        }
    }
    peers.extend(victoria_logs::run(lines, client.clock.clone()).await.context("VictoriaLogs")?);
    for peer in &peers {
        for ((question, own), other) in QUESTIONS.iter().zip(&own.answers).zip(&peer.answers) {
            if let (Some(own), Some(other)) = (own, other) {
                answer::compare(question, peer.who, &own.rows, &other.rows)?;
            }
        }
    }
    Ok(compared(lines, raw_bytes, put, &own, &peers))
}

async fn watchkeep(client: &Client, server: &Server, lines: Lines) -> Result<(Told, usize, Duration)> {
    let before = server.cpu()?;
    let put = lines.put(client, server).await?;
    server.rest().await?;
    let load = server.cpu()? - before;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let go = || ask(client, lines, question.language);
        let answer = measured(&*client.clock, || server.cpu(), go).await.context(question.what)?;
        println!("{}: {:.2} ms of a processor, {:.1} ms", question.what, answer.cpu_ms, answer.wall_ms);
        answers.push(Some(answer));
    }
    let (memory_mb, bytes) = (server.memory_mb()?, server.segment_bytes("log_events")?);
    Ok((Told { who: "Watchkeep", load, bytes, memory_mb, answers }, put.raw_bytes, put.cpu))
}

/// Asks the server, and waits for the answer as the console does, but more often.
async fn ask(client: &Client, lines: Lines, language: Language) -> Result<Rows> {
    let (query_language, query_string) = match language {
        Language::Ql(text) => ("CWLI", text),
        Language::Sql(text) => ("SQL", text),
    };
    let input = StartQueryRequest {
        query_language: Some(query_language.to_owned()),
        log_group_name: matches!(language, Language::Ql(_)).then(|| GROUP.to_owned()),
        start_time: lines.start_ms / 1000,
        end_time: lines.end_ms() / 1000,
        query_string: query_string.to_owned(),
        ..Default::default()
    };
    let query_id = client.call::<operations::StartQuery>(&SERVICE, input).await?.query_id.context("no query")?;
    let mut pause = Duration::from_millis(1);
    loop {
        let input = GetQueryResultsRequest { query_id: query_id.clone(), ..Default::default() };
        let output = client.call::<operations::GetQueryResults>(&SERVICE, input).await?;
        match output.status.as_deref() {
            Some("Complete") => {
                let rows = output.results.unwrap_or_default().into_iter().map(|row| {
                    let shown = row.into_iter().filter(|field| field.field.as_deref() != Some("@ptr"));
                    shown.map(|field| field.value.unwrap_or_default()).collect()
                });
                return Ok(rows.collect());
            }
            Some("Scheduled" | "Running") => {}
            other => bail!("the query ended as {other:?}"),
        }
        client.clock.sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(50));
    }
}

/// Writes the lines for databases: an object a line with time, stream and message.
fn write(lines: Lines, file: &Path) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(file)?);
    for number in 0..lines.count {
        let stream = stream_name(number / LINES_A_CALL % STREAMS);
        let message = serde_json::Value::String(line(number));
        writeln!(file, r#"{{"time":{},"stream":"{stream}","message":{message}}}"#, lines.time_ms(number))?;
    }
    Ok(file.flush()?)
}

fn compared(lines: Lines, raw_bytes: usize, put: Duration, own: &Told, peers: &[Told]) -> Comparison {
    let mut table = Comparison::new(lines.count, raw_bytes, peers.iter().map(|peer| peer.who));
    let megabytes_a_second = |cpu: Duration| raw_bytes as f64 / 1e6 / cpu.as_secs_f64().max(1e-3);
    let of_peers = |figure: fn(&Told) -> f64| peers.iter().map(|peer| Some(figure(peer))).collect::<Vec<_>>();
    table.told(format!(
        "Put durably at {:.0} MB of raw lines a second of a processor, before sealing and compaction.",
        megabytes_a_second(put)
    ));
    let micros = |load: Duration| load.as_secs_f64() * 1e6 / lines.count as f64;
    let loads = peers.iter().map(|peer| Some(micros(peer.load))).collect();
    let loaded = Figure { own: micros(own.load), wall_ms: None, peers: loads };
    table.row("put, sealed, compacted (peers: loaded, merged): us of a processor a line", None, loaded);
    let stored = Figure { own: own.bytes as f64 / 1e6, wall_ms: None, peers: of_peers(|peer| peer.bytes as f64 / 1e6) };
    let millions = lines.count as f64 / 1e6;
    table.row("stored: MB", Some(50.0 * millions), stored);
    for (at, question) in QUESTIONS.iter().enumerate() {
        let Some(Some(answer)) = own.answers.get(at) else { continue };
        let of_peer = |peer: &Told| Some(peer.answers.get(at)?.as_ref()?.cpu_ms);
        let figure =
            Figure { own: answer.cpu_ms, wall_ms: Some(answer.wall_ms), peers: peers.iter().map(of_peer).collect() };
        let budget = question.budget.map(|budget| match budget {
            Budget::AMillion(ms) => ms * millions,
            Budget::Always(ms) => ms,
        });
        table.row(question.what, budget, figure);
    }
    let memory = Figure { own: own.memory_mb, wall_ms: None, peers: of_peers(|peer| peer.memory_mb) };
    table.row("resident memory after all questions: MB", Some(200.0), memory);
    table
}
