//! PutTraceSegments, and the same documents as datagrams.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Result, ensure};
use watchkeep_model::Protocol;
use watchkeep_model::xray::{BatchGetTracesRequest, PutTraceSegmentsRequest, SERVICE, operations};

use crate::client::Client;
use crate::report::{Budget, Report};
use crate::server::Server;

const SEGMENTS: usize = 50_000;
const SEGMENTS_A_CALL: usize = 25;
const CONNECTIONS: usize = 8;
const DATAGRAMS: usize = 200_000;
const DATAGRAMS_A_TRACE: usize = 100;
/// What an X-Ray SDK sends before each document.
const DATAGRAM_HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";
/// Datagrams sent before the sender looks at the time again, and the pause between, so that the rate is asked for evenly.
const BURST: usize = 200;
const BURST_PAUSE: Duration = Duration::from_micros(1800);
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Measures the processor time per segment.
pub async fn run(client: &Client, server: &Server, report: &mut Report) -> Result<()> {
    let now = client.clock.now().0 as f64 / 1000.0;
    let requests = (0..SEGMENTS / SEGMENTS_A_CALL).map(|call| {
        let documents = (0..SEGMENTS_A_CALL).map(|number| document(now, call * SEGMENTS_A_CALL + number)).collect();
        let input = PutTraceSegmentsRequest { trace_segment_documents: documents };
        client.prepare::<operations::PutTraceSegments>(&SERVICE, Protocol::RestJson, &input)
    });
    let requests = requests.collect::<Result<Vec<_>>>()?;
    let before = server.cpu()?;
    client.send_all(requests, CONNECTIONS).await?;
    let micros = (server.cpu()? - before).as_secs_f64() * 1e6 / SEGMENTS as f64;
    report.row("PutTraceSegments, 25 a call: us a segment", Budget::AtMost(8.0), format!("{micros:.1}"), "");
    datagrams(client, server, report).await
}

/// How many segments a second arrive of those that are sent as fast as the budget asks.
async fn datagrams(client: &Client, server: &Server, report: &mut Report) -> Result<()> {
    let now = client.clock.now().0 as f64 / 1000.0;
    let trace_id = |trace: usize| format!("1-{:08x}-{:024x}", now as u64, (trace as u128) << 64 | 0xdadadada);
    let (address, clock) = (server.xray_address, client.clock.clone());
    let documents = (0..DATAGRAMS).map(|number| {
        let id = number + 1;
        format!(
            r#"{DATAGRAM_HEADER}{{"trace_id":"{}","id":"{id:016x}","name":"cart","start_time":{now:.3},"end_time":{now:.3}}}"#,
            trace_id(number / DATAGRAMS_A_TRACE)
        )
    });
    let documents: Vec<String> = documents.collect();
    let sent = tokio::task::spawn_blocking(move || -> Result<Duration> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(address)?;
        let begun = clock.monotonic();
        for (burst, documents) in documents.chunks(BURST).enumerate() {
            for document in documents {
                socket.send(document.as_bytes())?;
            }
            while clock.monotonic() - begun < BURST_PAUSE * (burst as u32 + 1) {
                std::thread::yield_now();
            }
        }
        Ok(clock.monotonic() - begun)
    });
    let took = sent.await??;
    let begun = client.clock.monotonic();
    let mut arrived = 0;
    // Batches may still be on their way; what is missing at the end was dropped.
    while arrived < DATAGRAMS && client.clock.monotonic() - begun < ARRIVAL_TIMEOUT {
        arrived = 0;
        for traces in (0..DATAGRAMS / DATAGRAMS_A_TRACE).collect::<Vec<_>>().chunks(5) {
            let input = BatchGetTracesRequest {
                trace_ids: traces.iter().map(|&trace| trace_id(trace)).collect(),
                ..Default::default()
            };
            let output = client.call::<operations::BatchGetTraces>(&SERVICE, input).await?;
            let segments = output.traces.iter().flatten().map(|trace| trace.segments.as_ref().map_or(0, Vec::len));
            arrived += segments.sum::<usize>();
        }
    }
    ensure!(arrived > 0, "no datagram arrived");
    report.row(
        format!("X-Ray segments over UDP, {DATAGRAMS} at full speed: a second that arrive"),
        Budget::AtLeast(100_000.0),
        format!("{:.0}", arrived as f64 / took.as_secs_f64()),
        format!("{:.1} % lost", (DATAGRAMS - arrived) as f64 * 100.0 / DATAGRAMS as f64),
    );
    Ok(())
}

fn document(now: f64, number: usize) -> String {
    format!(
        r#"{{"trace_id":"1-{:08x}-{number:024x}","id":"{number:016x}","name":"cart","start_time":{:.3},"end_time":{now:.3},"http":{{"request":{{"method":"GET","url":"https://shop.example/cart/{number}"}},"response":{{"status":200}}}},"annotations":{{"customer":{}}},"subsegments":[{{"id":"{:016x}","name":"stock","start_time":{:.3},"end_time":{now:.3},"namespace":"remote"}}]}}"#,
        now as u64,
        now - 0.25,
        number % 1000,
        number + (1 << 32),
        now - 0.125,
    )
}
