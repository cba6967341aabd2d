//! Entries for fuzzing: any bytes, whatever their first says, never make a panic.

use std::sync::Arc;

use http::HeaderMap;
use watchkeep_core::ports::{
    IfAbsent, LogEventInput, LogSink, LogSinkError, Measurement, MetricPlace, MetricSink, MetricsError, Publisher,
    RefusedMeasurement, Unstored,
};
use watchkeep_core::{AccountId, BoxFuture, ManualClock, Proof, Region, TimestampMs};

use crate::Metrics;
use crate::answer::{Encoding, Request};
use crate::cumulative::Streams;
use crate::logs::Logs;

/// Takes everything.
struct Nowhere;

impl MetricSink for Nowhere {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: Publisher,
        _: Vec<Measurement>,
    ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

impl LogSink for Nowhere {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: &'a str,
        _: &'a str,
        _: IfAbsent,
        _: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>> {
        Box::pin(std::future::ready(Ok(Unstored::default())))
    }
}

/// A request of metrics: in JSON, over gRPC or binary, as the first byte has it.
pub fn export(bytes: &[u8]) {
    let Some((headers, request)) = read(bytes) else { return };
    let now = TimestampMs(1_768_480_245_000);
    let metrics =
        Metrics { sink: Arc::new(Nowhere), clock: Arc::new(ManualClock::new(now)), streams: Streams::new(now) };
    run(metrics.export(&place(), &headers, request));
}

/// A request of logs, likewise.
pub fn export_logs(bytes: &[u8]) {
    let Some((headers, request)) = read(bytes) else { return };
    let logs = Logs { sink: Arc::new(Nowhere), clock: Arc::new(ManualClock::new(TimestampMs(1_768_480_245_000))) };
    run(logs.export(&place(), Proof::AccessKey, &headers, request));
}

fn read<R: Request>(bytes: &[u8]) -> Option<(HeaderMap, R)> {
    let (first, body) = bytes.split_first()?;
    let encoding = match first {
        b'{' => Encoding::Json,
        0 | 1 => Encoding::Grpc,
        _ => Encoding::Binary,
    };
    let body = if encoding == Encoding::Binary { body } else { bytes };
    let mut headers = HeaderMap::new();
    headers.insert("grpc-encoding", http::HeaderValue::from_static("gzip"));
    let request = encoding.read(&headers, body).ok()?;
    Some((headers, request))
}

fn place() -> MetricPlace {
    MetricPlace { account: AccountId::DEFAULT, region: Region::default() }
}

/// Nothing in it waits.
fn run(work: impl Future) {
    let _ = Box::pin(work).as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}
