//! The log lines that are put and searched, and putting them: durable, a thousand a call, over several connections.

use std::time::Duration;

use anyhow::{Context as _, Result};
use watchkeep_core::Clock;
use watchkeep_model::Protocol;
use watchkeep_model::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest, SERVICE, operations,
};

use crate::client::{Client, Prepared};
use crate::server::Server;

/// The log group that they are put into.
pub const GROUP: &str = "/load/app";
/// Its streams; each call is for another one.
pub const STREAMS: usize = 8;
/// Lines of one call.
pub const LINES_A_CALL: usize = 1000;
/// Every so-many-th line holds the rare word.
pub const RARE_EVERY: usize = 100_000;
/// The first that does.
pub const RARE_FIRST: usize = 777;
/// The rare word.
pub const RARE_WORD: &str = "xylophone";

const CONNECTIONS: usize = 4;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Lines of one day.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// How many.
    pub count: usize,
    /// When the day begins, in milliseconds since the epoch.
    pub start_ms: i64,
}

/// What putting them took.
pub struct Put {
    /// The bytes of all lines.
    pub raw_bytes: usize,
    /// The server's processor time.
    pub cpu: Duration,
    /// The requests that make the group and its streams.
    pub made: Vec<Prepared>,
    /// One of the requests that put lines.
    pub sample: Prepared,
}

impl Lines {
    /// So many lines (whole calls of them), of a day that is over: its segments are compacted at once, as those of all but the
    /// newest day are.
    pub fn new(count: usize, clock: &dyn Clock) -> Lines {
        let count = (count / LINES_A_CALL).max(1) * LINES_A_CALL;
        Lines { count, start_ms: clock.now().floor_to(DAY_MS).0 - 2 * DAY_MS }
    }

    /// The first moment after the day, in milliseconds since the epoch.
    pub fn end_ms(&self) -> i64 {
        self.start_ms + DAY_MS
    }

    /// When a line was written, in milliseconds since the epoch.
    pub fn time_ms(&self, number: usize) -> i64 {
        self.start_ms + (number as f64 / self.count as f64 * DAY_MS as f64) as i64
    }

    /// Puts all of them into a new group.
    pub async fn put(&self, client: &Client, server: &Server) -> Result<Put> {
        let group = CreateLogGroupRequest { log_group_name: GROUP.to_owned(), ..Default::default() };
        let mut made = vec![client.prepare::<operations::CreateLogGroup>(&SERVICE, Protocol::AwsJson11, &group)?];
        for stream in 0..STREAMS {
            let log_stream_name = stream_name(stream);
            let input = CreateLogStreamRequest { log_group_name: GROUP.to_owned(), log_stream_name };
            made.push(client.prepare::<operations::CreateLogStream>(&SERVICE, Protocol::AwsJson11, &input)?);
        }
        for request in &made {
            client.send(request.clone()).await?;
        }
        let (mut raw_bytes, mut cpu, mut sample) = (0, Duration::ZERO, None);
        // In portions, so that the generator does not hold all lines at once.
        for portion in (0..self.count / LINES_A_CALL).collect::<Vec<_>>().chunks(64) {
            let mut requests = Vec::new();
            for &call in portion {
                let input = self.call(call);
                raw_bytes += input.log_events.iter().map(|event| event.message.len()).sum::<usize>();
                requests.push(client.prepare::<operations::PutLogEvents>(&SERVICE, Protocol::AwsJson11, &input)?);
            }
            sample = sample.or(requests.first().cloned());
            let before = server.cpu()?;
            client.send_all(requests, CONNECTIONS).await?;
            cpu += server.cpu()? - before;
        }
        Ok(Put { raw_bytes, cpu, made, sample: sample.context("no lines")? })
    }

    fn call(&self, call: usize) -> PutLogEventsRequest {
        let event = |number: usize| InputLogEvent { timestamp: self.time_ms(number), message: line(number) };
        PutLogEventsRequest {
            log_group_name: GROUP.to_owned(),
            log_stream_name: stream_name(call % STREAMS),
            log_events: (call * LINES_A_CALL..(call + 1) * LINES_A_CALL).map(event).collect(),
            ..Default::default()
        }
    }
}

/// The name of a stream.
pub fn stream_name(stream: usize) -> String {
    format!("web-{stream}")
}

/// A line as services write them: ten fields that vary as such fields do, one of them a random id; 250 bytes or so.
pub fn line(number: usize) -> String {
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
