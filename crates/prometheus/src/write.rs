//! Remote write: samples of series become measurements. A sample that cannot be taken is refused by itself, all others of the
//! request are kept: whoever sends the request again would fail again. Sources: "Remote-Write 1.0 specification", "2.0".

mod batch;
pub(crate) mod messages;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use prost::Message;
use watchkeep_core::ports::{MetricPlace, Publisher};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::{HttpAnswer, HttpRequest};

use crate::Prometheus;
use crate::errors::{bad_data, of_metrics};
use crate::limits::{REASONS_MAX, WRITE_DECODED_BYTES_MAX, WRITE_MEASUREMENTS};
use batch::{Batch, Refusals};
use messages::{v1, v2};

const SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";
const HISTOGRAMS_WRITTEN: &str = "x-prometheus-remote-write-histograms-written";
const EXEMPLARS_WRITTEN: &str = "x-prometheus-remote-write-exemplars-written";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Takes a request.
pub(crate) async fn write(
    prometheus: &Prometheus,
    place: &MetricPlace,
    request: &HttpRequest,
) -> Result<HttpAnswer, ServiceError> {
    let version = version(&request.headers)?;
    let body = decompressed(&request.body)?;
    let malformed = |error: prost::DecodeError| bad_data(format!("the request is malformed: {error}"));
    let batch = match version {
        Version::One => Batch::of_v1(v1::WriteRequest::decode(body.as_slice()).map_err(malformed)?)?,
        Version::Two => Batch::of_v2(v2::Request::decode(body.as_slice()).map_err(malformed)?)?,
    };
    drop(body);
    let Batch { measurements, metadata, mut refusals } = batch;
    for (name, metadata) in metadata {
        prometheus.metadata.put(place, &name, metadata);
    }
    let mut written = 0;
    let mut measurements = measurements.into_iter().peekable();
    while measurements.peek().is_some() {
        let part: Vec<_> = measurements.by_ref().take(WRITE_MEASUREMENTS).collect();
        let count = part.len();
        let refused = prometheus.sink.put(place, Publisher::Client, part).await.map_err(of_metrics)?;
        written += count - refused.len().min(count);
        refused.into_iter().for_each(|refused| refusals.add(refused.reason));
    }
    answered(written, &refusals)
}

/// All is well; or some samples were refused; or all.
fn answered(written: usize, refusals: &Refusals) -> Result<HttpAnswer, ServiceError> {
    if refusals.count == 0 {
        return Ok(counted(HttpAnswer::empty(204), written));
    }
    let mut text = format!("{} of {} samples were refused: ", refusals.count, refusals.count + written);
    text.push_str(&refusals.reasons.join("; "));
    if refusals.has_more {
        text.push_str("; and others");
    }
    if written == 0 {
        return Err(bad_data(text));
    }
    Ok(counted(HttpAnswer::new(400, "text/plain; charset=utf-8", text + "\n"), written))
}

/// A request of which nothing is kept, as far as is known.
pub(crate) fn failure(error: &ServiceError) -> HttpAnswer {
    counted(HttpAnswer::new(error.status, "text/plain; charset=utf-8", format!("{}\n", error.message)), 0)
}

fn counted(answer: HttpAnswer, samples: usize) -> HttpAnswer {
    answer
        .with_header(SAMPLES_WRITTEN, samples.to_string())
        .with_header(HISTOGRAMS_WRITTEN, "0")
        .with_header(EXEMPLARS_WRITTEN, "0")
}

fn unsupported(reason: String) -> ServiceError {
    ServiceError::common("UnsupportedMediaType", "UnsupportedMediaType", 415, reason)
}

pub(crate) fn too_large(reason: String) -> ServiceError {
    ServiceError::common("RequestEntityTooLarge", "RequestEntityTooLarge", 413, reason)
}

/// The version that the headers name: the parameter `proto` of the content type, without which it is the first.
fn version(headers: &HeaderMap) -> Result<Version, ServiceError> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let coding = header(CONTENT_ENCODING);
    if !coding.is_empty() && !coding.eq_ignore_ascii_case("snappy") {
        return Err(unsupported(format!("content coding {coding:?} is not supported, use snappy")));
    }
    let content_type = header(CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    // Senders of the first version need not say anything.
    if !media_type.is_empty() && media_type != "application/x-protobuf" {
        return Err(unsupported(format!("content type {content_type:?} is not supported, use application/x-protobuf")));
    }
    match parts.find_map(|part| part.strip_prefix("proto=")) {
        None | Some("prometheus.WriteRequest") => Ok(Version::One),
        Some("io.prometheus.write.v2.Request") => Ok(Version::Two),
        Some(other) => Err(unsupported(format!("protobuf message {other:?} is not supported"))),
    }
}

/// The bytes in a snappy block.
fn decompressed(body: &[u8]) -> Result<Vec<u8>, ServiceError> {
    let malformed = |error: snap::Error| bad_data(format!("the body is no snappy block: {error}"));
    let length = snap::raw::decompress_len(body).map_err(malformed)?;
    if length > WRITE_DECODED_BYTES_MAX {
        return Err(too_large(format!("the request has more than {WRITE_DECODED_BYTES_MAX} bytes")));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(malformed)
}

/// Reads any bytes as the body of either version, for fuzzing.
pub(crate) fn decode_any(body: &[u8]) {
    let Ok(body) = decompressed(body) else { return };
    if let Ok(request) = v1::WriteRequest::decode(body.as_slice()) {
        let _ = Batch::of_v1(request);
    }
    if let Ok(request) = v2::Request::decode(body.as_slice()) {
        let _ = Batch::of_v2(request);
    }
}

impl Refusals {
    fn add(&mut self, reason: String) {
        self.count += 1;
        if self.reasons.contains(&reason) {
            return;
        }
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        } else {
            self.has_more = true;
        }
    }
}
