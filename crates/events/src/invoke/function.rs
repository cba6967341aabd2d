//! Lambda: the input is the payload. A function that fails is called again, as Lambda does of itself with asynchronous calls.

use watchkeep_core::ports::InvokeError;

use super::{Invocation, NotInvoked};
use crate::failures::FailureCode;
use crate::limits::FUNCTION_TIME;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let arn = invocation.arn()?;
    let function = arn.resource.strip_prefix("function:").unwrap_or_default();
    let payload = invocation.input()?.into_bytes();
    let answer = invocation.core.ports.functions.invoke(function, payload, FUNCTION_TIME).await;
    answer.map(drop).map_err(|error| match error {
        InvokeError::Unknown(_) => NotInvoked::no_resource(format!("Function not found: {arn}")),
        InvokeError::Failed(why) => NotInvoked::Later(FailureCode::ErrorFromTarget, why),
    })
}
