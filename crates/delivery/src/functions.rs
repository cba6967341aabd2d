//! Functions behind HTTP: the payload is POSTed to the URL that the settings give a function, and what comes back is the answer. So
//! the Runtime Interface Emulator in Lambda's container images serves, and anything else that takes JSON. Source: "Invoke" of
//! Lambda's API (payload, answer, `X-Amz-Function-Error`).

use std::collections::BTreeMap;
use std::time::Duration;

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{Functions, InvokeError};

use crate::limits::{CONNECT_TIME, FUNCTION_ANSWER_BYTES_MAX};

/// The functions that the settings name.
#[derive(Debug)]
pub struct HttpFunctions {
    client: reqwest::Client,
    urls: BTreeMap<String, String>,
}

impl HttpFunctions {
    /// Functions by name, each at a URL.
    ///
    /// # Errors
    ///
    /// What building an HTTP client can meet, as missing root certificates.
    pub fn new(urls: impl IntoIterator<Item = (String, String)>) -> Result<HttpFunctions, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(HttpFunctions { client, urls: urls.into_iter().collect() })
    }

    async fn post(&self, function: &str, payload: Vec<u8>, time_max: Duration) -> Result<Vec<u8>, InvokeError> {
        let name = function.split_once(':').map_or(function, |(name, _)| name);
        let url = self.urls.get(function).or_else(|| self.urls.get(name));
        let url = url.ok_or_else(|| InvokeError::Unknown(function.to_owned()))?;
        let failed = |error: reqwest::Error| InvokeError::Failed(error.without_url().to_string());
        let post = self.client.post(url).timeout(time_max).header("content-type", "application/json").body(payload);
        let mut response = post.send().await.map_err(failed)?;
        let (status, has_failed) = (response.status(), response.headers().contains_key("x-amz-function-error"));
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            answer.extend(&piece);
            if answer.len() > FUNCTION_ANSWER_BYTES_MAX {
                return Err(InvokeError::Failed("the function's answer is larger than 6 MB".to_owned()));
            }
        }
        match status.as_u16() {
            200..=299 if !has_failed => Ok(answer),
            200..=299 => Err(InvokeError::Failed("the function failed".to_owned())),
            status => Err(InvokeError::Failed(format!("the function answered {status}"))),
        }
    }
}

impl Functions for HttpFunctions {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        time_max: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        Box::pin(self.post(function, payload, time_max))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers as its payload says: by itself, or by a failure.
    async fn answer(request: http::Request<hyper::body::Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
        let payload = request.into_body().collect().await.unwrap().to_bytes();
        let answer = http::Response::builder();
        let (answer, body) = match &payload[..] {
            b"500" => (answer.status(500), Bytes::new()),
            b"302" => (answer.status(302).header("location", "/elsewhere"), Bytes::new()),
            b"error" => (answer.header("X-Amz-Function-Error", "Unhandled"), Bytes::new()),
            b"large" => (answer, Bytes::from(vec![b'x'; FUNCTION_ANSWER_BYTES_MAX + 1])),
            _ => (answer, payload),
        };
        Ok(answer.body(Full::new(body)).unwrap())
    }

    async fn url() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                tokio::spawn(async move {
                    server.serve_connection(TokioIo::new(stream), service_fn(answer)).await.ok();
                });
            }
        });
        url
    }

    #[tokio::test]
    async fn functions_are_called_by_name_and_their_failures_are_told() {
        let url = url().await;
        let functions = HttpFunctions::new([("echo".to_owned(), url.clone()), ("echo:2".to_owned(), url)]).unwrap();
        let failed = |reason: &str| Err(InvokeError::Failed(reason.to_owned()));
        let cases = [
            ("echo", "{}", Ok(b"{}".to_vec())),
            ("echo:2", "2", Ok(b"2".to_vec())),
            ("echo:live", "3", Ok(b"3".to_vec())),
            ("other", "4", Err(InvokeError::Unknown("other".to_owned()))),
            ("echo", "500", failed("the function answered 500")),
            ("echo", "302", failed("the function answered 302")),
            ("echo", "error", failed("the function failed")),
            ("echo", "large", failed("the function's answer is larger than 6 MB")),
        ];
        for (function, payload, expected) in cases {
            let answer = functions.invoke(function, payload.into(), Duration::from_secs(60)).await;
            assert_eq!(answer, expected, "{function} {payload}");
        }
    }
}
