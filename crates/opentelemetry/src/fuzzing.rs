//! Entries for fuzzing: any bytes, whatever their first says, never make a panic.

use std::sync::Arc;

use http::HeaderMap;
use watchkeep_core::ports::{Measurement, MetricPlace, MetricSink, MetricsError, Publisher, RefusedMeasurement};
use watchkeep_core::{AccountId, BoxFuture, ManualClock, Region, TimestampMs};

use crate::Metrics;
use crate::answer::Encoding;
use crate::cumulative::Streams;

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

/// A request of metrics: in JSON, over gRPC or binary, as the first byte has it.
pub fn export(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let encoding = match first {
        b'{' => Encoding::Json,
        0 | 1 => Encoding::Grpc,
        _ => Encoding::Binary,
    };
    let body = if encoding == Encoding::Binary { body } else { bytes };
    let mut headers = HeaderMap::new();
    headers.insert("grpc-encoding", http::HeaderValue::from_static("gzip"));
    let Ok(request) = encoding.read(&headers, body) else { return };
    let now = TimestampMs(1_768_480_245_000);
    let metrics =
        Metrics { sink: Arc::new(Nowhere), clock: Arc::new(ManualClock::new(now)), streams: Streams::new(now) };
    let place = MetricPlace { account: AccountId::DEFAULT, region: Region::default() };
    let mut work = Box::pin(metrics.export(&place, &headers, request));
    // Nothing in it waits.
    let _ = work.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}
