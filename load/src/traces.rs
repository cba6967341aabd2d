//! PutTraceSegments.

use anyhow::Result;
use watchkeep_model::Protocol;
use watchkeep_model::xray::{PutTraceSegmentsRequest, SERVICE, operations};

use crate::client::Client;
use crate::report::Report;
use crate::server::Server;

const SEGMENTS: usize = 50_000;
const SEGMENTS_A_CALL: usize = 25;
const CONNECTIONS: usize = 8;

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
    report.row("PutTraceSegments, 25 a call: us a segment", "8", format!("{micros:.1}"), "");
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
