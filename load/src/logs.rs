//! PutLogEvents, and what searches of the lines cost afterwards.

use anyhow::{Result, ensure};
use watchkeep_model::logs::{FilterLogEventsRequest, GetLogEventsRequest, SERVICE, operations};

use crate::client::Client;
use crate::lines::{GROUP, LINES_A_CALL, Lines, RARE_EVERY, RARE_FIRST, RARE_WORD, stream_name};
use crate::peers::Peers;
use crate::report::{Budget, Report};
use crate::server::Server;

const SEARCHES: usize = 10;

/// Measures all of it.
pub async fn run(client: &Client, server: &mut Server, peers: &Peers, lines: usize, report: &mut Report) -> Result<()> {
    let lines = Lines::new(lines, &*client.clock);
    let put = lines.put(client, server).await?;
    let (raw_bytes, lines) = (put.raw_bytes, lines.count);
    let micros = put.cpu.as_secs_f64() * 1e6 / lines as f64;
    let peer = peers.emulator(put.made, put.sample, LINES_A_CALL).await?;
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
    search(client, "%x[x-z]l[a-p]ph[n-p]ne%".to_owned(), rare).await?;
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
