//! Invariant G-2: no identified call is answered without its record. An [`Answered`] can only be had from
//! [`IdentifiedCall::answer`], which waits for [`AuditSink::record`](watchkeep_core::ports::AuditSink::record) first, and the
//! way of a call (`crate::calls`) can end in nothing else.

use std::sync::Arc;

use http::Response;
use serde_json::{Map, Value};
use watchkeep_core::Caller;
use watchkeep_core::ports::{Capture, FinishedCall};
use watchkeep_model::ServiceError;

use crate::kind::Kind;
use crate::respond::ResponseBody;
use crate::shared::{Shared, only_reads};

/// A call whose operation is known, and which is owed a record and an answer.
pub(crate) struct IdentifiedCall<K> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) kind: K,
    pub(crate) caller: Caller,
    pub(crate) host: Option<String>,
    pub(crate) tls: Option<(String, String)>,
    pub(crate) request_parameters: Option<Map<String, Value>>,
}

/// The answer of a call that has been recorded.
pub(crate) struct Answered(Response<ResponseBody>);

impl Answered {
    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        self.0
    }
}

impl<K: Kind> IdentifiedCall<K> {
    /// Notes the input for the record, as far as the record shall have it.
    pub(crate) fn note_input(&mut self, input: &K::Input) {
        if self.capture() == Capture::Parameters {
            self.request_parameters = K::parameters(input);
        }
    }

    /// Records the outcome, and then answers.
    pub(crate) async fn answer(self, outcome: Result<K::Output, ServiceError>) -> Answered {
        let capture = self.capture();
        let IdentifiedCall { shared, kind, caller, host, tls, request_parameters } = self;
        let request_id = Arc::clone(&caller.request_id);
        let service = kind.service().name;
        let operation = kind.operation().name;
        let response_elements = match &outcome {
            Ok(output) if capture == Capture::Parameters && !only_reads(kind.operation()) => K::elements(output),
            _ => None,
        };
        let error = outcome.as_ref().err().map(|error| (kind.told_code(error), error.message.clone()));
        match &error {
            Some((code, message)) => tracing::debug!(service, operation, %code, %message, %request_id, "call failed"),
            None => tracing::debug!(service, operation, %request_id, "call answered"),
        }
        let finished = FinishedCall {
            service,
            operation,
            api_version: kind.service().api_version,
            caller,
            finished_at: shared.ports.clock.now(),
            request_parameters,
            response_elements,
            error,
            host,
            tls,
        };
        shared.ports.audit.record(finished).await;
        Answered(match outcome {
            Ok(output) => kind.success(&shared, output, &request_id),
            Err(error) => kind.failure(&error, &request_id),
        })
    }

    fn capture(&self) -> Capture {
        self.shared.ports.audit.capture(self.kind.service().name, self.kind.operation().name)
    }
}
