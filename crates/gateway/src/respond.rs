//! Responses as hyper sends them.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;
use watchkeep_model::ServiceError;

/// An answer that cannot be told to its end: the connection is cut, so that the client does not take it for whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be told to its end")]
pub(crate) struct CutShort;

/// The body of a response: whole, or in pieces as they come.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, CutShort>;

fn full(body: Bytes) -> ResponseBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// A response whose body is there.
pub(crate) fn whole(response: Response<Vec<u8>>) -> Response<ResponseBody> {
    response.map(|body| full(Bytes::from(body)))
}

/// A response whose body comes in pieces.
pub(crate) fn streamed(response: Response<Vec<u8>>, pieces: BoxStream<'static, Vec<u8>>) -> Response<ResponseBody> {
    response.map(|first| {
        let first = futures_util::stream::iter((!first.is_empty()).then_some(first));
        let frames = first.chain(pieces).map(|piece| Ok(Frame::data(Bytes::from(piece))));
        StreamBody::new(frames).boxed_unsync()
    })
}

/// A response whose body comes in pieces, and whose length is in its headers.
pub(crate) fn piecewise(
    response: Response<Vec<u8>>,
    pieces: BoxStream<'static, Result<Bytes, ServiceError>>,
) -> Response<ResponseBody> {
    let cut = |error: ServiceError| {
        tracing::error!(code = %error.code, message = %error.message, "an answer is cut short");
        CutShort
    };
    response.map(|_| StreamBody::new(pieces.map(move |piece| piece.map(Frame::data).map_err(cut))).boxed_unsync())
}

/// A response whose body is there, and what follows it. HTTP/1.1 clients are told no trailers unless they ask.
pub(crate) fn with_trailers(body: Bytes, trailers: HeaderMap) -> Response<ResponseBody> {
    if trailers.is_empty() {
        return Response::new(full(body));
    }
    let frames = futures_util::stream::iter([Ok(Frame::data(body)), Ok(Frame::trailers(trailers))]);
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// Adds headers, whose names are in lower case; one that HTTP does not allow is left out, as the call itself has succeeded.
pub(crate) fn add_headers(headers: &mut HeaderMap, further: &[(&'static str, String)]) {
    for (name, value) in further {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(headers.insert(HeaderName::from_static(name), value)),
            Err(_) => tracing::warn!(name, "a reply's header holds characters that no header may hold"),
        }
    }
}

/// A response in JSON, of the doors that speak no AWS protocol.
pub(crate) fn json_response(status: u16, value: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(value.to_string().into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    whole(response)
}
