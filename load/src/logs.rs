//! PutLogEvents, and what searches of the lines cost afterwards.

use anyhow::{Result, ensure};
use watchkeep_model::Protocol;
use watchkeep_model::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, FilterLogEventsRequest, GetLogEventsRequest, InputLogEvent,
    PutLogEventsRequest, SERVICE, operations,
};

use crate::client::Client;
use crate::peers::Peers;
use crate::report::{Budget, Report};
use crate::server::Server;

const GROUP: &str = "/load/app";
const STREAMS: usize = 8;
const LINES_A_CALL: usize = 1000;
const CONNECTIONS: usize = 4;
/// Every so-many-th line holds the rare word.
const RARE_EVERY: usize = 100_000;
/// The first that does.
const RARE_FIRST: usize = 777;
const RARE_WORD: &str = "xylophone";
const SEARCHES: usize = 10;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Measures all of it.
pub async fn run(client: &Client, server: &mut Server, peers: &Peers, lines: usize, report: &mut Report) -> Result<()> {
    let group = CreateLogGroupRequest { log_group_name: GROUP.to_owned(), ..Default::default() };
    let mut made = vec![client.prepare::<operations::CreateLogGroup>(&SERVICE, Protocol::AwsJson11, &group)?];
    for stream in 0..STREAMS {
        let input = CreateLogStreamRequest { log_group_name: GROUP.to_owned(), log_stream_name: stream_name(stream) };
        made.push(client.prepare::<operations::CreateLogStream>(&SERVICE, Protocol::AwsJson11, &input)?);
    }
    for request in &made {
        client.send(request.clone()).await?;
    }
    // A day that is over: its segments are compacted at once, as those of all but the newest day are.
    let start = client.clock.now().floor_to(DAY_MS).0 - 2 * DAY_MS;
    let (mut raw_bytes, mut cpu) = (0, std::time::Duration::ZERO);
    let mut sample = None;
    // In portions, so that the generator does not hold all lines at once.
    for portion in (0..lines / LINES_A_CALL).collect::<Vec<_>>().chunks(64) {
        let mut requests = Vec::new();
        for &call in portion {
            let input = put(call, start, lines);
            raw_bytes += input.log_events.iter().map(|event| event.message.len()).sum::<usize>();
            requests.push(client.prepare::<operations::PutLogEvents>(&SERVICE, Protocol::AwsJson11, &input)?);
        }
        sample = requests.first().cloned().or(sample);
        let before = server.cpu()?;
        client.send_all(requests, CONNECTIONS).await?;
        cpu += server.cpu()? - before;
    }
    let micros = cpu.as_secs_f64() * 1e6 / lines as f64;
    let peer = match sample {
        Some(request) => peers.emulator(made, request, LINES_A_CALL).await?,
        None => None,
    };
    let peer = peer.map_or(String::new(), |peer| format!("emulator in memory {peer:.1} ({:.1} times)", peer / micros));
    let bytes_a_line = raw_bytes / lines.max(1);
    report.row(
        format!("PutLogEvents, 1,000 x {bytes_a_line} bytes: us a line"),
        Budget::AtMost(3.0),
        format!("{micros:.2}"),
        peer,
    );

    let before = server.cpu()?;
    server.rest().await?;
    let micros = (server.cpu()? - before).as_secs_f64() * 1e6 / lines as f64;
    report.row("sealing and compaction after that: us a line", Budget::None, format!("{micros:.2}"), "");
    report.row("memory after that, MB", Budget::None, format!("{:.0}", server.memory_mb()?), "");
    let rare = (RARE_FIRST..lines).step_by(RARE_EVERY).count();
    let duckdb = peers.duckdb_rare_word(lines, RARE_EVERY, RARE_FIRST, RARE_WORD).await?;
    let median = client.median(SEARCHES, || search(client, RARE_WORD.to_owned(), rare)).await?;
    let ms = median.as_secs_f64() * 1e3;
    let peer = duckdb.map_or(String::new(), |peer| format!("DuckDB {peer:.0} ({:.1} times)", peer / ms));
    report.row(format!("rare word in {lines} JSON lines: ms"), Budget::AtMost(20.0), format!("{ms:.1}"), peer);

    let before = server.cpu()?;
    let begun = client.clock.monotonic();
    search(client, "%xyl[a-p]phone%".to_owned(), rare).await?;
    let wall = client.clock.monotonic() - begun;
    let core_seconds = (server.cpu()? - before).as_secs_f64();
    let rate = raw_bytes as f64 / 1e6 / core_seconds.max(0.01);
    report.row(
        "a pattern with nothing to skip by: MB of raw text a core-second",
        Budget::AtLeast(700.0),
        format!("{rate:.0}"),
        format!("wall {:.0} ms", wall.as_secs_f64() * 1e3),
    );

    let median = client.median(SEARCHES, || newest(client)).await?;
    report.row(
        "GetLogEvents, the newest 20 of a stream: ms",
        Budget::AtMost(3.0),
        format!("{:.2}", median.as_secs_f64() * 1e3),
        "",
    );
    report.row("memory after all of this, MB", Budget::AtMost(200.0), format!("{:.0}", server.memory_mb()?), "");
    let stored = server.segment_bytes("log_events")? as f64 / 1e6;
    report.row(
        format!("stored bytes of {:.0} MB of lines, MB", raw_bytes as f64 / 1e6),
        Budget::AtMost(50.0),
        format!("{stored:.0}"),
        "",
    );
    Ok(())
}

fn stream_name(stream: usize) -> String {
    format!("web-{stream}")
}

fn put(call: usize, start: i64, lines: usize) -> PutLogEventsRequest {
    let event = |number: usize| InputLogEvent {
        timestamp: start + (number as f64 / lines as f64 * DAY_MS as f64) as i64,
        message: line(number),
    };
    PutLogEventsRequest {
        log_group_name: GROUP.to_owned(),
        log_stream_name: stream_name(call % STREAMS),
        log_events: (call * LINES_A_CALL..(call + 1) * LINES_A_CALL).map(event).collect(),
        ..Default::default()
    }
}

/// A line as services write them: ten fields that vary as such fields do, one of them a random id; 250 bytes or so.
fn line(number: usize) -> String {
    // A multiplicative hash: the same lines in every run.
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (level, status) = match mixed >> 59 {
        0 => ("ERROR", 500),
        1 | 2 => ("WARN", 404),
        _ => ("INFO", 200),
    };
    let service = ["checkout", "cart", "search", "payment", "catalog", "accounts", "shipping", "gateway"];
    let service = service.get(skewed(mixed >> 8, 8)).copied().unwrap_or_default();
    let word = if number % RARE_EVERY == RARE_FIRST { RARE_WORD } else { "request" };
    format!(
        r#"{{"level":"{level}","service":"{service}","host":"ip-10-0-3-{}.internal","requestId":"{:016x}","method":"GET","path":"/api/v1/items/{}","status":{status},"latencyMs":{},"bytes":{},"message":"{word} for customer-{} handled by node-{} after {} retries, upstream answered"}}"#,
        mixed >> 3 & 0x1f,
        mixed,
        skewed(mixed >> 40, 4096),
        skewed(mixed >> 30, 1024),
        mixed >> 20 & 0xffff,
        skewed(mixed >> 12, 16_384),
        mixed >> 5 & 0x1f,
        skewed(mixed >> 17, 4),
    )
}

/// A number below `below`, small ones more often: as paths, customers and durations are spread.
fn skewed(mixed: u64, below: u64) -> usize {
    let uniform = (mixed & 0xffff) as f64 / 65_536.0;
    (uniform * uniform * below as f64) as usize
}

async fn search(client: &Client, pattern: String, expected: usize) -> Result<()> {
    let (mut found, mut token) = (0, None);
    loop {
        let input = FilterLogEventsRequest {
            log_group_name: Some(GROUP.to_owned()),
            filter_pattern: Some(pattern.clone()),
            next_token: token,
            ..Default::default()
        };
        let output = client.call::<operations::FilterLogEvents>(&SERVICE, input).await?;
        found += output.events.map_or(0, |events| events.len());
        token = output.next_token;
        if token.is_none() {
            break;
        }
    }
    ensure!(found == expected, "{pattern}: {found} events, not {expected}");
    Ok(())
}

async fn newest(client: &Client) -> Result<()> {
    let input = GetLogEventsRequest {
        log_group_name: Some(GROUP.to_owned()),
        log_stream_name: stream_name(3),
        limit: Some(20),
        ..Default::default()
    };
    let output = client.call::<operations::GetLogEvents>(&SERVICE, input).await?;
    ensure!(output.events.map_or(0, |events| events.len()) == 20, "not 20 events");
    Ok(())
}
