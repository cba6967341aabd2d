//! How requests are written and answered: in Protocol Buffers or JSON over HTTP, or over gRPC ("OTLP/HTTP Response", "Failures").

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpAnswer;

use crate::bounds::{self, Kind, Unread};
use crate::grpc::{self, Code};
use crate::messages::Status;

/// How long an exporter shall wait before it tries again, seconds.
const RETRY_AFTER: &str = "1";

/// What exporters send of one kind of signal.
pub(crate) trait Request: Message + Default + DeserializeOwned {
    /// What such a message holds.
    const KIND: &'static Kind;
}

/// What they are answered.
pub(crate) trait Response: Message {
    /// The response in JSON, as OTLP has it.
    fn json(&self) -> Value;
}

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Protocol Buffers over HTTP.
    Binary,
    /// JSON over HTTP.
    Json,
    /// Protocol Buffers over gRPC.
    Grpc,
}

impl Encoding {
    /// What a client of OTLP/HTTP speaks.
    ///
    /// # Errors
    /// Status 415 if that is neither, or it is compressed other than with gzip.
    pub(crate) fn of_http(headers: &HeaderMap) -> Result<Encoding, ServiceError> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let coding = header(CONTENT_ENCODING).unwrap_or("identity").trim().to_ascii_lowercase();
        if !matches!(&*coding, "gzip" | "x-gzip" | "identity" | "") {
            return Err(unsupported("The body may be compressed with gzip only."));
        }
        match media_type(header(CONTENT_TYPE)) {
            "application/x-protobuf" => Ok(Encoding::Binary),
            "application/json" => Ok(Encoding::Json),
            _ => Err(unsupported("The content type must be application/x-protobuf or application/json.")),
        }
    }

    /// What a client of OTLP/gRPC speaks.
    ///
    /// # Errors
    /// Status 415 if it speaks something else.
    pub(crate) fn of_grpc(headers: &HeaderMap) -> Result<Encoding, ServiceError> {
        match media_type(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())) {
            "application/grpc" | "application/grpc+proto" => Ok(Encoding::Grpc),
            _ => Err(unsupported("The content type must be application/grpc.")),
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Status 400 if it cannot be read, 413 if it holds too much.
    pub(crate) fn read<R: Request>(self, headers: &HeaderMap, body: &[u8]) -> Result<R, ServiceError> {
        match self {
            Encoding::Binary => binary(body),
            Encoding::Grpc => binary(&grpc::message(headers, body)?),
            Encoding::Json => {
                bounds::check_json(body).map_err(unread)?;
                serde_json::from_slice(body).map_err(|error| unreadable(&format!("The body cannot be read: {error}.")))
            }
        }
    }

    /// The answer of success, be it partial.
    pub(crate) fn success(self, response: &impl Response) -> HttpAnswer {
        match self {
            Encoding::Binary => HttpAnswer::new(200, "application/x-protobuf", response.encode_to_vec()),
            Encoding::Grpc => grpc::success(&response.encode_to_vec()),
            Encoding::Json => HttpAnswer::new(200, "application/json", response.json().to_string()),
        }
    }

    /// The answer of failure.
    pub(crate) fn failure(self, error: &ServiceError) -> HttpAnswer {
        let code = Code::of_status(error.status);
        // Exporters try again what has this status, and not 408.
        let status = if code == Code::Unavailable { 503 } else { error.status };
        let told = Status { code: code as i32, message: error.message.clone() };
        let answer = match self {
            Encoding::Grpc => return grpc::failure(code, &error.message),
            Encoding::Binary => HttpAnswer::new(status, "application/x-protobuf", told.encode_to_vec()),
            Encoding::Json => {
                let body = json!({ "code": told.code, "message": told.message });
                HttpAnswer::new(status, "application/json", body.to_string())
            }
        };
        if status == 503 { answer.with_header("retry-after", RETRY_AFTER) } else { answer }
    }
}

fn binary<R: Request>(body: &[u8]) -> Result<R, ServiceError> {
    bounds::check_binary(body, R::KIND).map_err(unread)?;
    R::decode(body).map_err(|error| unreadable(&format!("The body cannot be read: {error}.")))
}

fn media_type(content_type: Option<&str>) -> &str {
    content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

fn unread(unread: Unread) -> ServiceError {
    match unread {
        Unread::Malformed => unreadable("The body is no message of OTLP."),
        Unread::TooLong => unreadable("A histogram has too many buckets."),
        Unread::TooMany => too_large(),
    }
}

/// The error of a request that cannot be read.
pub(crate) fn unreadable(message: &str) -> ServiceError {
    ServiceError::common("SerializationException", "MalformedInput", 400, message)
}

/// The error of a request that holds too much.
pub(crate) fn too_large() -> ServiceError {
    let message = "The request holds too much. Send smaller batches.";
    ServiceError::common("RequestEntityTooLarge", "RequestEntityTooLarge", 413, message)
}

fn unsupported(message: &str) -> ServiceError {
    ServiceError::common("UnsupportedMediaType", "UnsupportedMediaType", 415, message)
}
