//! Responses as hyper sends them.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

/// The body of a response: whole, or in pieces as they come.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// A response whose body is there.
pub(crate) fn whole(response: Response<Vec<u8>>) -> Response<ResponseBody> {
    response.map(|body| Full::new(Bytes::from(body)).boxed_unsync())
}

/// A response whose body comes in pieces.
pub(crate) fn streamed(response: Response<Vec<u8>>, pieces: BoxStream<'static, Vec<u8>>) -> Response<ResponseBody> {
    response.map(|first| {
        let first = futures_util::stream::iter((!first.is_empty()).then_some(first));
        let frames = first.chain(pieces).map(|piece| Ok(Frame::data(Bytes::from(piece))));
        StreamBody::new(frames).boxed_unsync()
    })
}

/// A response in JSON, of the doors that speak no AWS protocol.
pub(crate) fn json_response(status: u16, value: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(value.to_string().into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    whole(response)
}
