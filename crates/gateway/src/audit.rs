//! Invariant G-2: no identified call is answered without its record. An [`Answered`] can only be had from
//! [`IdentifiedCall::answer`], which waits for [`AuditSink::record`](watchkeep_core::ports::AuditSink::record) first, and the
//! way of a call (`crate::calls`) can end in nothing else.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use serde_json::{Map, Value};
use watchkeep_core::Caller;
use watchkeep_core::ports::{Capture, FinishedCall};
use watchkeep_model::{Protocol, ServiceError, Structure};
use watchkeep_wire::members::members_json;
use watchkeep_wire::protocol::{Call, Dialect, encode_error, encode_response};
use watchkeep_wire::service::{CallResult, Reply};

use crate::events::follow;
use crate::respond::{ResponseBody, whole};
use crate::shared::{Phase, Shared, only_reads};

/// A call whose operation is known, and which is owed a record and an answer.
pub(crate) struct IdentifiedCall {
    pub(crate) shared: Arc<Shared>,
    pub(crate) call: Call,
    pub(crate) caller: Caller,
    pub(crate) dialect: Dialect,
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

impl IdentifiedCall {
    /// Notes the input for the record, as far as the record shall have it.
    pub(crate) fn note_input(&mut self, input: &dyn Structure) {
        if self.capture() == Capture::Parameters {
            self.request_parameters = Some(members_json(input));
        }
    }

    /// Records the outcome, and then answers.
    pub(crate) async fn answer(self, outcome: CallResult) -> Answered {
        let capture = self.capture();
        let IdentifiedCall { shared, call, caller, dialect, host, tls, request_parameters } = self;
        let request_id = Arc::clone(&caller.request_id);
        let service = call.service.name;
        let operation = call.operation.name;
        let response_elements = match &outcome {
            Ok(reply) if capture == Capture::Parameters && !only_reads(call.operation) => {
                Some(members_json(reply.output.as_ref()))
            }
            _ => None,
        };
        let error = outcome.as_ref().err().map(|error| (told_code(call.protocol, error), error.message.clone()));
        match &error {
            Some((code, message)) => tracing::debug!(service, operation, %code, %message, %request_id, "call failed"),
            None => tracing::debug!(service, operation, %request_id, "call answered"),
        }
        let finished = FinishedCall {
            service,
            operation,
            api_version: call.service.api_version,
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
            Ok(reply) => success(&shared, &call, reply, &request_id),
            Err(error) => whole(encode_error(dialect, Some(call.service), &error, &request_id)),
        })
    }

    fn capture(&self) -> Capture {
        self.shared.ports.audit.capture(self.call.service.name, self.call.operation.name)
    }
}

fn success(shared: &Shared, call: &Call, reply: Reply<Box<dyn Structure>>, request_id: &str) -> Response<ResponseBody> {
    let Reply { output, headers, events } = reply;
    let mut response = encode_response(call, output.as_ref(), request_id);
    add_headers(response.headers_mut(), &headers);
    match events {
        None => whole(response),
        Some(events) => {
            // A stream has no end of its own that a shutdown could wait for.
            follow(call, output.as_ref(), response, events, shared.reached(Phase::Draining))
        }
    }
}

/// Headers of a reply; one that HTTP does not allow is left out, as the call itself has succeeded.
fn add_headers(headers: &mut HeaderMap, further: &[(&'static str, String)]) {
    for (name, value) in further {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(headers.insert(HeaderName::from_static(name), value)),
            Err(_) => tracing::warn!(name, "a reply's header holds characters that no header may hold"),
        }
    }
}

/// The code that the client is told.
fn told_code(protocol: Protocol, error: &ServiceError) -> String {
    if protocol == Protocol::AwsQuery { error.query_code.to_string() } else { error.code.to_string() }
}
