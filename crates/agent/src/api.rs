//! What the agent asks of the service: a few operations, so that tests can stand in for it.

use watchkeep_core::BoxFuture;
use watchkeep_model::cloudwatch::PutMetricDataInput;
use watchkeep_model::logs::{CreateLogGroupRequest, CreateLogStreamRequest, PutLogEventsRequest, PutLogEventsResponse};
use watchkeep_model::sqs::{
    CreateQueueRequest, CreateQueueResult, DeleteMessageRequest, ReceiveMessageRequest, ReceiveMessageResult,
};

/// The service, as the agent sees it. Every call is made once; repeating it is the caller's affair.
pub trait Api: Send + Sync + std::fmt::Debug {
    /// CloudWatch's PutMetricData.
    fn put_metric_data(&self, input: PutMetricDataInput) -> BoxFuture<'_, Result<(), ApiError>>;

    /// CloudWatch Logs' CreateLogGroup.
    fn create_log_group(&self, input: CreateLogGroupRequest) -> BoxFuture<'_, Result<(), ApiError>>;

    /// CloudWatch Logs' CreateLogStream.
    fn create_log_stream(&self, input: CreateLogStreamRequest) -> BoxFuture<'_, Result<(), ApiError>>;

    /// CloudWatch Logs' PutLogEvents.
    fn put_log_events(&self, input: PutLogEventsRequest) -> BoxFuture<'_, Result<PutLogEventsResponse, ApiError>>;

    /// SQS's CreateQueue.
    fn create_queue(&self, input: CreateQueueRequest) -> BoxFuture<'_, Result<CreateQueueResult, ApiError>>;

    /// SQS's ReceiveMessage.
    fn receive_message(&self, input: ReceiveMessageRequest) -> BoxFuture<'_, Result<ReceiveMessageResult, ApiError>>;

    /// SQS's DeleteMessage.
    fn delete_message(&self, input: DeleteMessageRequest) -> BoxFuture<'_, Result<(), ApiError>>;
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The service understood the request and does not do it.
    #[error("{code}: {message}")]
    Refused {
        /// The error's code, as `ResourceNotFoundException`.
        code: String,
        /// Its text.
        message: String,
    },
    /// The service cannot be reached, is overloaded, or failed: later the same request may succeed.
    #[error("{message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
}

impl ApiError {
    /// Whether this is the service's error of this code.
    pub fn is(&self, expected: &str) -> bool {
        matches!(self, ApiError::Refused { code, .. } if code == expected)
    }

    /// The error of an answer: some refusals only mean "not now".
    pub fn answered(status: u16, code: String, message: String) -> ApiError {
        let not_now = [
            "Throttling",
            "LimitExceeded",
            "TooManyRequests",
            "ServiceUnavailable",
            "InternalFailure",
            "InternalServiceFault",
        ];
        if status >= 500 || status == 429 || not_now.iter().any(|prefix| code.starts_with(prefix)) {
            ApiError::Unavailable { message: format!("{code}: {message}") }
        } else {
            ApiError::Refused { code, message }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_refusals_mean_not_now() {
        for (status, code, later) in [
            (400, "InvalidParameterException", false),
            (400, "ResourceNotFoundException", false),
            (403, "AccessDeniedException", false),
            (400, "ThrottlingException", true),
            (400, "LimitExceededException", true),
            (429, "TooManyRequestsException", true),
            (503, "ServiceUnavailableException", true),
            (500, "Whatever", true),
        ] {
            let error = ApiError::answered(status, code.to_owned(), String::new());
            assert_eq!(matches!(error, ApiError::Unavailable { .. }), later, "{code}");
            assert_eq!(error.is(code), !later);
        }
    }
}
