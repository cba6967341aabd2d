//! VictoriaLogs, where its program is on the path: the same lines, put as JSON, and the same questions. It keeps the fields of a
//! line and not the line.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use watchkeep_core::Clock;

use super::Told;
use super::answer::{Answer, Rows};
use super::measure::measured;
use super::questions::QUESTIONS;
use crate::lines::{LINES_A_CALL, Lines, STREAMS, line, stream_name};
use crate::plain::escaped;
use crate::program::Program;

const PROGRAMS: [&str; 2] = ["victoria-logs", "victoria-logs-prod"];
const FLAGS: [&str; 2] = ["-retentionPeriod=100y", "-loggerLevel=ERROR"];
const INSERT: &str = "/insert/jsonline?_stream_fields=stream&_time_field=time&_msg_field=message";
/// How long it may take until all lines can be found.
const VISIBLE_AFTER: Duration = Duration::from_secs(60);

/// Puts the lines into it and asks it everything; `None`, and a line that says so, if there is no such program.
pub async fn run(lines: Lines, clock: Arc<dyn Clock>) -> Result<Option<Told>> {
    let Some(program) = Program::start("VictoriaLogs", &PROGRAMS, &FLAGS, clock).await? else { return Ok(None) };
    let before = program.cpu()?;
    for call in 0..lines.count / LINES_A_CALL {
        let stream = stream_name(call % STREAMS);
        let mut body = String::new();
        for number in call * LINES_A_CALL..(call + 1) * LINES_A_CALL {
            let line = line(number);
            let fields = line.strip_prefix('{').context("a line is an object")?;
            body += &format!("{{\"time\":{},\"stream\":\"{stream}\",{fields}\n", lines.time_ms(number));
        }
        program.http.post(INSERT, body).await?;
    }
    for path in ["/internal/force_flush", "/internal/force_merge"] {
        program.http.get(path).await?;
    }
    let all = lines.count.to_string();
    let begun = program.clock.monotonic();
    while ask(&program, "* | stats count() as n", &["n"]).await? != [[all.clone()]] {
        ensure!(program.clock.monotonic() - begun < VISIBLE_AFTER, "VictoriaLogs does not find all lines");
        program.clock.sleep(Duration::from_millis(200)).await;
    }
    let mut merged = program.cpu()?;
    loop {
        program.clock.sleep(Duration::from_secs(2)).await;
        let now = program.cpu()?;
        if now - merged < Duration::from_millis(30) {
            break;
        }
        merged = now;
    }
    let load = program.cpu()? - before;
    let mut answers: Vec<Option<Answer>> = Vec::new();
    for question in QUESTIONS {
        let (query, columns) = question.victoria;
        let go = || ask(&program, query, columns);
        answers.push(Some(measured(&*program.clock, || program.cpu(), go).await.context(question.what)?));
    }
    let memory_mb = program.memory_mb()?;
    let bytes = program.stored_bytes("partitions").await?;
    Ok(Some(Told { who: "VictoriaLogs", load, bytes, memory_mb, answers }))
}

async fn ask(program: &Program, query: &str, columns: &[&str]) -> Result<Rows> {
    let answer = program.http.get(&format!("/select/logsql/query?query={}", escaped(query))).await?;
    let rows = serde_json::Deserializer::from_slice(&answer).into_iter::<serde_json::Value>().map(|row| {
        let row = row?;
        let value = |name: &&str| row.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        Ok(columns.iter().map(value).collect())
    });
    rows.collect()
}
