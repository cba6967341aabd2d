//! One call of an HTTP API that somebody names, with method, headers and body: what [`Webhooks::post`] is for webhooks, for APIs
//! whose answers matter. It reaches what webhooks reach.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::limits::CALL_ANSWER_BYTES_MAX;
use crate::webhook::{EndpointError, Webhooks};

/// A call. Its headers may hold secrets, so it is not shown.
pub struct ApiCall {
    /// `GET`, `POST` and the like.
    pub method: String,
    /// With its query.
    pub url: String,
    /// Besides those of HTTP itself.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Bytes,
    /// How long it may take, connecting included.
    pub time: Duration,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct ApiAnswer {
    /// Its status.
    pub status: u16,
    /// Its header `Retry-After`.
    pub retry_after: Option<String>,
    /// Its body, or so much of it as anybody reads (64 KiB).
    pub body: Vec<u8>,
}

/// Why there is no answer. No text shows the URL or a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It cannot be sent.
    #[error("{0}")]
    Refused(String),
    /// None came in time.
    #[error("no answer in time")]
    Timeout,
    /// The other side could not be reached, or did not answer in HTTP.
    #[error("{0}")]
    Failed(String),
}

impl Webhooks {
    /// Calls once, and follows no redirection.
    ///
    /// # Errors
    ///
    /// [`CallError`]; a status of any kind is an answer.
    pub async fn call(&self, call: ApiCall) -> Result<ApiAnswer, CallError> {
        let refused = |reason: &str| CallError::Refused(reason.to_owned());
        let url = self.parse(&call.url).map_err(|error| CallError::Refused(error.to_string()))?;
        let method = Method::from_bytes(call.method.as_bytes()).map_err(|_| refused("the method is none of HTTP"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("a header's name is none"))?;
            let value = HeaderValue::from_str(value).map_err(|_| refused("a header's value cannot be one"))?;
            headers.insert(name, value);
        }
        let client = self.client().as_ref().map_err(|error| CallError::Failed(error.clone()))?;
        let request = client.request(method, url).headers(headers).body(call.body).timeout(call.time);
        let mut response = request.send().await.map_err(|error| of_error(&error))?;
        let retry_after = response.headers().get(http::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while body.len() < CALL_ANSWER_BYTES_MAX
            && let Ok(Some(piece)) = response.chunk().await
        {
            body.extend_from_slice(&piece);
        }
        body.truncate(CALL_ANSWER_BYTES_MAX);
        Ok(ApiAnswer { status: response.status().as_u16(), retry_after, body })
    }
}

fn of_error(error: &reqwest::Error) -> CallError {
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() {
        return CallError::Timeout;
    }
    match error.is_builder() || innermost.is::<EndpointError>() {
        true => CallError::Refused(innermost.to_string()),
        false => CallError::Failed(innermost.to_string()),
    }
}
