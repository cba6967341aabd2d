//! The doors through which fuzzing reaches the decoders: each takes any bytes and must come back. The targets in `fuzz/` call
//! them, and so does a test over the kept corpus.

use http::{HeaderMap, Method, Uri};
use watchkeep_model::{Operation, Protocol, Service, Structure, cloudwatch, events, logs, s3, xray};

use crate::protocol::{Call, Head, decode_request, decode_response};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// The targets by their names; a folder of `fuzz/corpus` is named like each.
pub const TARGETS: &[(&str, Target)] =
    &[("json", json), ("cbor", cbor), ("query", query), ("rest_json", rest_json), ("rest_xml", rest_xml)];

/// awsJson: a request and an answer.
pub fn json(bytes: &[u8]) {
    request::<cloudwatch::PutMetricDataInput>(&cloudwatch::SERVICE, "PutMetricData", Protocol::AwsJson10, bytes);
    request::<logs::PutLogEventsRequest>(&logs::SERVICE, "PutLogEvents", Protocol::AwsJson11, bytes);
    request::<events::PutTargetsRequest>(&events::SERVICE, "PutTargets", Protocol::AwsJson11, bytes);
    answer::<cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, "GetMetricData", Protocol::AwsJson10, bytes);
}

/// smithy-rpc-v2-cbor: a request and an answer.
pub fn cbor(bytes: &[u8]) {
    request::<cloudwatch::PutMetricDataInput>(&cloudwatch::SERVICE, "PutMetricData", Protocol::RpcV2Cbor, bytes);
    request::<cloudwatch::PutMetricAlarmInput>(&cloudwatch::SERVICE, "PutMetricAlarm", Protocol::RpcV2Cbor, bytes);
    answer::<cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, "GetMetricData", Protocol::RpcV2Cbor, bytes);
}

/// awsQuery: a form and an XML answer.
pub fn query(bytes: &[u8]) {
    request::<cloudwatch::PutMetricDataInput>(&cloudwatch::SERVICE, "PutMetricData", Protocol::AwsQuery, bytes);
    answer::<cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, "GetMetricData", Protocol::AwsQuery, bytes);
}

/// restJson1: a request and an answer.
pub fn rest_json(bytes: &[u8]) {
    request::<xray::PutTraceSegmentsRequest>(&xray::SERVICE, "PutTraceSegments", Protocol::RestJson, bytes);
    answer::<xray::BatchGetTracesResult>(&xray::SERVICE, "BatchGetTraces", Protocol::RestJson, bytes);
}

/// restXml: a request and an answer.
pub fn rest_xml(bytes: &[u8]) {
    request::<s3::DeleteObjectsRequest>(&s3::SERVICE, "DeleteObjects", Protocol::RestXml, bytes);
    answer::<s3::ListObjectsV2Output>(&s3::SERVICE, "ListObjectsV2", Protocol::RestXml, bytes);
}

fn request<I: Structure + Default>(service: &'static Service, operation: &str, protocol: Protocol, bytes: &[u8]) {
    let Some(operation) = service.operation(operation) else { return };
    let uri = Uri::from_static("/bucket?delete");
    let head = Head { method: &Method::POST, uri: &uri, headers: &HeaderMap::new() };
    let call = Call { service, operation, protocol };
    let _ = decode_request(&call, &head, bytes, &mut I::default());
}

fn answer<O: Structure + Default>(service: &'static Service, operation: &str, protocol: Protocol, bytes: &[u8]) {
    let Some(operation): Option<&'static Operation> = service.operation(operation) else { return };
    let call = Call { service, operation, protocol };
    for status in [http::StatusCode::OK, http::StatusCode::BAD_REQUEST] {
        let _ = decode_response(&call, status, &HeaderMap::new(), bytes, &mut O::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    /// The kept inputs, and random damage to them.
    #[test]
    fn the_corpus_is_survived_whole_and_damaged() {
        for (name, target) in TARGETS {
            let folder = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let mut kept: Vec<Vec<u8>> = Vec::new();
            for file in std::fs::read_dir(folder).unwrap() {
                kept.push(std::fs::read(file.unwrap().path()).unwrap());
            }
            assert!(!kept.is_empty(), "{name}");
            kept.iter().for_each(|bytes| target(bytes));
            let damage = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
            let mut runner = TestRunner::new(Config::with_cases(400));
            runner
                .run(&damage, |(file, place, byte, cut)| {
                    let mut bytes = file.get(&kept).clone();
                    let at = place.index(bytes.len());
                    bytes[at] = byte;
                    if cut {
                        bytes.truncate(at);
                    }
                    target(&bytes);
                    Ok(())
                })
                .unwrap();
        }
    }
}
