//! A receiver that speaks Firehose's HTTP endpoint protocol, as the intakes of observability vendors do. Source: "Understand HTTP
//! endpoint delivery request and response specifications".

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use watchkeep_core::{BoxFuture, Clock};

use crate::limits::{ANSWER_BYTES_MAX, ANSWER_TIME, CONNECT_TIME};
use crate::{Batch, DeliveryError, Target};

/// An HTTP endpoint.
pub struct HttpEndpointTarget {
    client: reqwest::Client,
    url: String,
    /// Handed to the endpoint as it is; never shown.
    access_key: Option<String>,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    request_id: &'a str,
    timestamp: i64,
    records: Vec<Record>,
}

#[derive(Serialize)]
struct Record {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    error_message: Option<String>,
}

impl HttpEndpointTarget {
    /// The endpoint of this URL.
    ///
    /// # Errors
    ///
    /// What building an HTTP client can meet, as missing root certificates.
    pub fn new(
        url: String,
        access_key: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<HttpEndpointTarget, reqwest::Error> {
        // A receiver that redirects is not the one that the settings name.
        let client = reqwest::Client::builder()
            .timeout(ANSWER_TIME)
            .connect_timeout(CONNECT_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(HttpEndpointTarget { client, url, access_key, clock })
    }

    async fn post(&self, batch: &Batch) -> Result<(), DeliveryError> {
        let records = batch.records.iter().map(|record| Record { data: STANDARD.encode(record) }).collect();
        let request = Request { request_id: &batch.id, timestamp: self.clock.now().0, records };
        let refused = |error: &dyn std::fmt::Display| DeliveryError::Refused(error.to_string());
        let body = serde_json::to_vec(&request).map_err(|error| refused(&error))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let body = encoder.write_all(&body).and_then(|()| encoder.finish()).map_err(|error| refused(&error))?;
        let mut post = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .header("x-amz-firehose-protocol-version", "1.0")
            .header("x-amz-firehose-request-id", &batch.id)
            .header("x-amz-firehose-source-arn", &batch.source_arn)
            .body(body);
        if let Some(key) = &self.access_key {
            post = post.header("x-amz-firehose-access-key", key);
        }
        let later = |error: reqwest::Error| DeliveryError::Later(error.without_url().to_string());
        let mut response = post.send().await.map_err(later)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(later)? {
            answer.extend(&piece);
            if answer.len() > ANSWER_BYTES_MAX {
                return Err(DeliveryError::Later("the endpoint's answer is too long".to_owned()));
            }
        }
        let answer: Option<Answer> = serde_json::from_slice(&answer).ok();
        let said = || answer.as_ref().and_then(|answer| answer.error_message.clone()).unwrap_or_default();
        match (status.as_u16(), &answer) {
            (200, Some(answer)) if answer.request_id == batch.id => Ok(()),
            (200, _) => Err(DeliveryError::Later("the endpoint answered 200 without the id of the request".to_owned())),
            // A larger batch than it takes does not become smaller by waiting.
            (413, _) => Err(DeliveryError::Refused(format!("the endpoint answered 413 {}", said()))),
            (status, _) => Err(DeliveryError::Later(format!("the endpoint answered {status} {}", said()))),
        }
    }
}

impl Target for HttpEndpointTarget {
    fn deliver<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.post(batch))
    }
}

impl std::fmt::Debug for HttpEndpointTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpEndpointTarget").field("url", &self.url).finish_non_exhaustive()
    }
}
