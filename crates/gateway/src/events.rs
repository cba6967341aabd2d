//! Answers that are streams of events: they go out one by one as they happen, until the operation ends them or the server
//! begins to shut down.

use std::panic::AssertUnwindSafe;

use futures_util::StreamExt as _;
use futures_util::future::ready;
use http::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use watchkeep_model::{Protocol, Structure};
use watchkeep_wire::event_stream::{self, encode_event, encode_exception, encode_initial_response};
use watchkeep_wire::protocol::Call;
use watchkeep_wire::service::Events;

use crate::calls::internal_failure;
use crate::respond::{ResponseBody, streamed};

/// Turns the answer of an operation's output into one that its events follow. `over` ends the stream.
pub(crate) fn follow(
    call: &Call,
    output: &dyn Structure,
    response: Response<Vec<u8>>,
    events: Events,
    over: impl Future<Output = ()> + Send + 'static,
) -> Response<ResponseBody> {
    let Call { service, operation, protocol } = *call;
    let mut response = response.map(|_| match protocol {
        // REST has the output's members in headers; the others have them in a first message.
        Protocol::RestJson | Protocol::RestXml => Vec::new(),
        _ => encode_initial_response(protocol, output),
    });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(event_stream::CONTENT_TYPE));
    response.headers_mut().remove(CONTENT_LENGTH);

    let events = AssertUnwindSafe(events).catch_unwind().map(move |event| {
        event.unwrap_or_else(|_| {
            tracing::error!(service = service.name, operation = operation.name, "an event stream panicked");
            Err(internal_failure())
        })
    });
    // An error is the last message.
    let until_error = events.scan(false, |failed, event| {
        let item = (!*failed).then_some(event);
        *failed |= item.as_ref().is_some_and(Result::is_err);
        ready(item)
    });
    let messages = until_error.map(move |event| match event {
        Ok(event) => encode_event(protocol, event.as_ref()),
        Err(error) => encode_exception(protocol, &error),
    });
    streamed(response, messages.take_until(Box::pin(over)).boxed())
}
