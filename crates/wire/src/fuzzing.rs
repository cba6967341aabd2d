//! The doors through which fuzzing reaches the decoders: each takes any bytes and must come back. The targets in `fuzz/` call
//! them, and so does a test over the kept corpus.

mod http;

use ::http::{HeaderMap, Method, StatusCode, Uri};
use watchkeep_model::{
    Operation, OperationType as _, Protocol, Service, Structure, cloudwatch, events, logs, s3, xray,
};

use crate::event_stream::{Decoder, decode_event};
use crate::protocol::{Call, Head, decode_request, decode_response};

pub use http::{aws_chunked, request, sigv4};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// The targets by their names; a folder of `fuzz/corpus` is named like each.
pub const TARGETS: &[(&str, Target)] = &[
    ("json", json),
    ("cbor", cbor),
    ("query", query),
    ("rest_json", rest_json),
    ("rest_xml", rest_xml),
    ("event_stream", event_stream),
    ("aws_chunked", aws_chunked),
    ("sigv4", sigv4),
    ("request", request),
];

/// awsJson: a request and an answer.
pub fn json(bytes: &[u8]) {
    input::<cloudwatch::PutMetricDataInput>(&cloudwatch::SERVICE, "PutMetricData", Protocol::AwsJson10, bytes);
    input::<logs::PutLogEventsRequest>(&logs::SERVICE, "PutLogEvents", Protocol::AwsJson11, bytes);
    input::<events::PutTargetsRequest>(&events::SERVICE, "PutTargets", Protocol::AwsJson11, bytes);
    answer::<cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, "GetMetricData", Protocol::AwsJson10, bytes);
}

/// smithy-rpc-v2-cbor: a request and an answer.
pub fn cbor(bytes: &[u8]) {
    input::<cloudwatch::PutMetricDataInput>(&cloudwatch::SERVICE, "PutMetricData", Protocol::RpcV2Cbor, bytes);
    input::<cloudwatch::PutMetricAlarmInput>(&cloudwatch::SERVICE, "PutMetricAlarm", Protocol::RpcV2Cbor, bytes);
    answer::<cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, "GetMetricData", Protocol::RpcV2Cbor, bytes);
}

/// awsQuery: a form and an XML answer.
pub fn query(bytes: &[u8]) {
    input::<cloudwatch::PutMetricDataInput>(&cloudwatch::SERVICE, "PutMetricData", Protocol::AwsQuery, bytes);
    answer::<cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, "GetMetricData", Protocol::AwsQuery, bytes);
}

/// restJson1: a request and an answer.
pub fn rest_json(bytes: &[u8]) {
    input::<xray::PutTraceSegmentsRequest>(&xray::SERVICE, "PutTraceSegments", Protocol::RestJson, bytes);
    answer::<xray::BatchGetTracesResult>(&xray::SERVICE, "BatchGetTraces", Protocol::RestJson, bytes);
}

/// restXml: a request and an answer.
pub fn rest_xml(bytes: &[u8]) {
    input::<s3::DeleteObjectsRequest>(&s3::SERVICE, "DeleteObjects", Protocol::RestXml, bytes);
    answer::<s3::ListObjectsV2Output>(&s3::SERVICE, "ListObjectsV2", Protocol::RestXml, bytes);
}

/// Messages of an event stream and their events, in every protocol that has streams: as they are, and once more as if the
/// lengths and the checksums of the first were right, since those cannot be guessed.
pub fn event_stream(bytes: &[u8]) {
    messages(bytes);
    messages(&framed(bytes));
}

fn messages(bytes: &[u8]) {
    let mut decoder = Decoder::new();
    // Two pieces: whatever comes first must be kept until the rest is there.
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    for piece in [first, rest] {
        decoder.push(piece);
        while let Ok(Some(message)) = decoder.next() {
            let operation = logs::operations::StartLiveTail::OPERATION;
            for protocol in [Protocol::AwsJson11, Protocol::RpcV2Cbor] {
                let call = Call { service: &logs::SERVICE, operation, protocol };
                let _ = decode_event(&call, &message, &mut logs::StartLiveTailResponseStream::default());
            }
            let operation = s3::operations::SelectObjectContent::OPERATION;
            let call = Call { service: &s3::SERVICE, operation, protocol: Protocol::RestXml };
            let _ = decode_event(&call, &message, &mut s3::SelectObjectContentEventStream::default());
        }
    }
}

/// The bytes as one message: the length of the whole and both checksums set to what they must be.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let (Some(headers), Some(content)) = (bytes.get(4..8), bytes.get(12..)) else { return Vec::new() };
    let content = content.len().checked_sub(4).and_then(|length| content.get(..length)).unwrap_or(content);
    let total = u32::try_from(content.len() + 16).unwrap_or(u32::MAX);
    let mut frame = [&total.to_be_bytes(), headers].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(content);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn input<I: Structure + Default>(service: &'static Service, operation: &str, protocol: Protocol, bytes: &[u8]) {
    let Some(operation) = service.operation(operation) else { return };
    let uri = Uri::from_static("/bucket?delete");
    let head = Head { method: &Method::POST, uri: &uri, headers: &HeaderMap::new() };
    let call = Call { service, operation, protocol };
    let _ = decode_request(&call, &head, bytes, &mut I::default());
}

fn answer<O: Structure + Default>(service: &'static Service, operation: &str, protocol: Protocol, bytes: &[u8]) {
    let Some(operation): Option<&'static Operation> = service.operation(operation) else { return };
    let call = Call { service, operation, protocol };
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let _ = decode_response(&call, status, &HeaderMap::new(), bytes, &mut O::default());
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::{Random, SeededRandom};

    use super::*;

    fn kept(target: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// The kept inputs, the same with damage, and random ones.
    #[test]
    fn every_target_survives_its_corpus_damage_and_noise() {
        let random = SeededRandom::new(17);
        let below = |limit: usize| usize::try_from(random.next_u64()).unwrap() % limit.max(1);
        for (name, target) in TARGETS {
            let kept = kept(name);
            assert!(!kept.is_empty(), "{name}");
            kept.iter().for_each(|bytes| target(bytes));
            for round in 0..1500 {
                let mut bytes = kept[round % kept.len()].clone();
                for _ in 0..=below(3) {
                    let at = below(bytes.len());
                    match below(4) {
                        0 => bytes.truncate(at),
                        1 => bytes.extend_from_within(at..),
                        2 => bytes.insert(at, below(256) as u8),
                        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
                    }
                }
                target(&bytes);
            }
            for round in 0..1500 {
                let noise: Vec<u8> = (0..round % 64).map(|_| below(256) as u8).collect();
                target(&noise);
            }
        }
    }
}
