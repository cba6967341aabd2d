//! The API over HTTP/1.1: requests are encoded by the tables of `watchkeep-model`, signed, and sent over kept connections.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use watchkeep_core::{BoxFuture, Clock, Region};
use watchkeep_model::cloudwatch::{self, PutMetricDataInput};
use watchkeep_model::logs::{
    self, CreateLogGroupRequest, CreateLogStreamRequest, PutLogEventsRequest, PutLogEventsResponse,
};
use watchkeep_model::sqs::{
    self, CreateQueueRequest, CreateQueueResult, DeleteMessageRequest, ReceiveMessageRequest, ReceiveMessageResult,
};
use watchkeep_model::{Operation, OperationType, Protocol, Service, Structure, Unit};
use watchkeep_wire::protocol::{self, Call};
use watchkeep_wire::sigv4::Signer;

use crate::api::{Api, ApiError};
use crate::limits::{ANSWER_BYTES_MAX, REQUEST_TIMEOUT};

/// An access key.
#[derive(Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token of a temporary key.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// An endpoint that cannot be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the agent's endpoint must be an http:// URL with a host: {0}")]
pub struct InvalidEndpoint(pub String);

/// The API behind an endpoint.
pub struct HttpApi {
    authority: Authority,
    client: Client<HttpConnector, Full<Bytes>>,
    clock: Arc<dyn Clock>,
    metrics: Door,
    logs: Door,
    queues: Door,
}

/// One service of the API.
struct Door {
    service: &'static Service,
    protocol: Protocol,
    signer: Signer,
}

impl HttpApi {
    /// The API at `http://host:port`. No connection is made yet.
    ///
    /// # Errors
    ///
    /// [`InvalidEndpoint`] for other URLs.
    pub fn new(
        endpoint: &Uri,
        credentials: Credentials,
        region: Region,
        clock: Arc<dyn Clock>,
    ) -> Result<HttpApi, InvalidEndpoint> {
        let authority = endpoint.authority().filter(|_| endpoint.scheme() == Some(&Scheme::HTTP));
        let authority = authority.cloned().ok_or_else(|| InvalidEndpoint(endpoint.to_string()))?;
        let door = |service: &'static Service, protocol| {
            let Credentials { access_key_id, secret_access_key, session_token } = credentials.clone();
            let signer =
                Signer::new(access_key_id, secret_access_key, session_token, region.as_str(), service.signing_name);
            Door { service, protocol, signer }
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(HttpApi {
            authority,
            client: Client::builder(TokioExecutor::new()).build(connector),
            clock,
            metrics: door(&cloudwatch::SERVICE, Protocol::RpcV2Cbor),
            logs: door(&logs::SERVICE, Protocol::AwsJson11),
            queues: door(&sqs::SERVICE, Protocol::AwsJson10),
        })
    }

    /// Makes one call, and waits for its answer as long as a request may take.
    async fn call<O: OperationType>(&self, door: &Door, input: &O::Input) -> Result<O::Output, ApiError>
    where
        O::Input: Structure,
        O::Output: Structure + Default,
    {
        let mut output = O::Output::default();
        tokio::select! {
            outcome = self.exchange(door, O::OPERATION, input, &mut output) => outcome?,
            () = self.clock.sleep(REQUEST_TIMEOUT) => {
                return Err(unavailable(format!("{} does not answer", self.authority)));
            }
        }
        Ok(output)
    }

    async fn exchange(
        &self,
        door: &Door,
        operation: &'static Operation,
        input: &dyn Structure,
        output: &mut dyn Structure,
    ) -> Result<(), ApiError> {
        let call = Call { service: door.service, operation, protocol: door.protocol };
        let request = self.signed(door, &call, input)?;
        let response = self.client.request(request).await.map_err(|error| unavailable(full_message(&error)))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| unavailable(full_message(&*error)))?.to_bytes();
        match protocol::decode_response(&call, parts.status, &parts.headers, &body, output) {
            Ok(()) => Ok(()),
            Err(error) => Err(ApiError::answered(parts.status.as_u16(), error.code.into_owned(), error.message)),
        }
    }

    fn signed(&self, door: &Door, call: &Call, input: &dyn Structure) -> Result<Request<Full<Bytes>>, ApiError> {
        // None of these happens but by a mistake of ours, which the next request has, too.
        let refused = |message: String| ApiError::Refused { code: "ValidationException".to_owned(), message };
        let (mut parts, body) = protocol::encode_request(call, input).into_parts();
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone());
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = uri.path_and_query(path).build().map_err(|error| refused(error.to_string()))?;
        door.signer.sign(&mut parts, &body, self.clock.now()).map_err(|error| refused(error.to_string()))?;
        Ok(Request::from_parts(parts, Full::new(body.into())))
    }
}

impl Api for HttpApi {
    fn put_metric_data(&self, input: PutMetricDataInput) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async move {
            let Unit {} = self.call::<cloudwatch::operations::PutMetricData>(&self.metrics, &input).await?;
            Ok(())
        })
    }

    fn create_log_group(&self, input: CreateLogGroupRequest) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async move {
            let Unit {} = self.call::<logs::operations::CreateLogGroup>(&self.logs, &input).await?;
            Ok(())
        })
    }

    fn create_log_stream(&self, input: CreateLogStreamRequest) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async move {
            let Unit {} = self.call::<logs::operations::CreateLogStream>(&self.logs, &input).await?;
            Ok(())
        })
    }

    fn put_log_events(&self, input: PutLogEventsRequest) -> BoxFuture<'_, Result<PutLogEventsResponse, ApiError>> {
        Box::pin(async move { self.call::<logs::operations::PutLogEvents>(&self.logs, &input).await })
    }

    fn create_queue(&self, input: CreateQueueRequest) -> BoxFuture<'_, Result<CreateQueueResult, ApiError>> {
        Box::pin(async move { self.call::<sqs::operations::CreateQueue>(&self.queues, &input).await })
    }

    fn receive_message(&self, input: ReceiveMessageRequest) -> BoxFuture<'_, Result<ReceiveMessageResult, ApiError>> {
        Box::pin(async move { self.call::<sqs::operations::ReceiveMessage>(&self.queues, &input).await })
    }

    fn delete_message(&self, input: DeleteMessageRequest) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async move {
            let Unit {} = self.call::<sqs::operations::DeleteMessage>(&self.queues, &input).await?;
            Ok(())
        })
    }
}

impl fmt::Debug for HttpApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpApi").field("authority", &self.authority).finish_non_exhaustive()
    }
}

fn unavailable(message: String) -> ApiError {
    ApiError::Unavailable { message }
}

/// The error's text with those of its causes.
fn full_message(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    message
}
