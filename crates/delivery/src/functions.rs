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
