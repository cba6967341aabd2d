//! Handing events in: into a group and a stream that are made when the service misses them.

use std::sync::Arc;

use watchkeep_model::logs::{CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest};

use crate::api::{Api, ApiError};

/// Errors after which the same batch would be refused again (the CloudWatch agent gives it up, too).
const HOPELESS: &[&str] = &["InvalidParameterException", "DataAlreadyAcceptedException", "ValidationException"];

/// Where a host's events go.
#[derive(Debug, Clone)]
pub(super) struct Ship {
    api: Arc<dyn Api>,
    stream: String,
}

/// What became of events.
#[derive(Debug)]
pub(super) enum Outcome {
    /// They were acknowledged, or refused for ever (which was told): it goes on behind them.
    Settled,
    /// They were refused, and may be accepted later.
    Refused,
    /// The service does not answer.
    Outage(ApiError),
}

impl Ship {
    pub(super) fn new(api: Arc<dyn Api>, stream: String) -> Ship {
        Ship { api, stream }
    }

    /// Hands events in, once.
    pub(super) async fn hand_in(&self, group: &str, events: &[InputLogEvent]) -> Outcome {
        let mut outcome = self.put(group, events).await;
        if matches!(&outcome, Err(error) if error.is("ResourceNotFoundException")) {
            outcome = match self.create(group).await {
                Ok(()) => self.put(group, events).await,
                failed => failed,
            };
        }
        match outcome {
            Ok(()) => Outcome::Settled,
            Err(error @ ApiError::Unavailable { .. }) => Outcome::Outage(error),
            Err(error) if HOPELESS.iter().any(|&code| error.is(code)) => {
                tracing::warn!(group, events = events.len(), %error, "log events were refused and are given up");
                Outcome::Settled
            }
            Err(error) => {
                tracing::warn!(group, %error, "log events were refused; it is tried again");
                Outcome::Refused
            }
        }
    }

    async fn put(&self, group: &str, events: &[InputLogEvent]) -> Result<(), ApiError> {
        let input = PutLogEventsRequest {
            log_group_name: group.to_owned(),
            log_stream_name: self.stream.clone(),
            log_events: events.to_vec(),
            ..Default::default()
        };
        let answer = self.api.put_log_events(input).await?;
        if let Some(rejected) = answer.rejected_log_events_info {
            tracing::warn!(group, ?rejected, "the service left out some log events because of their time");
        }
        Ok(())
    }

    async fn create(&self, group: &str) -> Result<(), ApiError> {
        let stream =
            || CreateLogStreamRequest { log_group_name: group.to_owned(), log_stream_name: self.stream.clone() };
        match self.api.create_log_stream(stream()).await {
            Err(error) if error.is("ResourceNotFoundException") => {}
            other => return made(other),
        }
        let input = CreateLogGroupRequest { log_group_name: group.to_owned(), ..Default::default() };
        made(self.api.create_log_group(input).await)?;
        made(self.api.create_log_stream(stream()).await)
    }
}

/// That something exists already is as good as having made it.
fn made(outcome: Result<(), ApiError>) -> Result<(), ApiError> {
    match outcome {
        Err(error) if error.is("ResourceAlreadyExistsException") => Ok(()),
        other => other,
    }
}
