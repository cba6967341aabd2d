//! Transformers: PutTransformer, GetTransformer, DeleteTransformer, TestTransformer, and account policies of the type
//! `TRANSFORMER_POLICY`. What transformers do is [`watchkeep_lang::transform`]'s; what a group's transformer makes of an event is
//! kept beside its message ([`ingestion`]).

mod ingestion;
mod kept;
mod policy;

use std::sync::Arc;

use serde_json::Value;
use watchkeep_core::Caller;
use watchkeep_lang::transform::{Source, Transformer};
use watchkeep_model::logs::{
    DeleteTransformerRequest, GetTransformerRequest, GetTransformerResponse, PutTransformerRequest,
    TestTransformerRequest, TestTransformerResponse, TransformedLogRecord, errors as model,
};
use watchkeep_model::{ServiceError, Structure, Unit};
use watchkeep_wire::constraints::Missing;
use watchkeep_wire::json::{Members, decode_members, encode_members};

use crate::Logs;
use crate::directory::Group;
use crate::errors::invalid;
use crate::names::identified;
use crate::resources::Class;

pub(crate) use ingestion::is_failure;
pub use ingestion::{Level, Transformation, Transformed};
pub(crate) use kept::{LogTransformer, Transformers};
pub(crate) use policy::check as check_policy;

/// The member of inputs and answers that has the processors.
const CONFIG: &str = "transformerConfig";

/// Sets the transformer of a group.
pub(crate) async fn put_transformer(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutTransformerRequest,
) -> Result<Unit, ServiceError> {
    let group = group(logs, caller, &input.log_group_identifier)?;
    let config = config_of(&input);
    compile(&config)?;
    let now = logs.clock.now().0;
    logs.change(&group, move |document| {
        let created = document.transformer.as_ref().map_or(now, |transformer| transformer.created);
        document.transformer = Some(LogTransformer { config, created, modified: now });
        Ok(())
    })
    .await
}

/// The transformer of a group; not one of the account, which may hold for it.
pub(crate) async fn get_transformer(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetTransformerRequest,
) -> Result<GetTransformerResponse, ServiceError> {
    let group = group(logs, caller, &input.log_group_identifier)?;
    let document = group.document();
    let transformer = document.transformer.as_ref().ok_or_else(no_transformer)?;
    let mut output = GetTransformerResponse::default();
    let config = serde_json::json!({ CONFIG: transformer.config });
    decode_members(config.to_string().as_bytes(), &mut output, Members::All, &mut Missing::default())?;
    output.log_group_identifier = Some(input.log_group_identifier);
    output.creation_time = Some(transformer.created);
    output.last_modified_time = Some(transformer.modified);
    Ok(output)
}

/// Takes the transformer of a group away.
pub(crate) async fn delete_transformer(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteTransformerRequest,
) -> Result<Unit, ServiceError> {
    let group = group(logs, caller, &input.log_group_identifier)?;
    logs.change(&group, |document| document.transformer.take().map(drop).ok_or_else(no_transformer)).await
}

/// What a transformer would make of some messages. Of one that fails, it tells why, as the event would.
pub(crate) async fn test_transformer(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: TestTransformerRequest,
) -> Result<TestTransformerResponse, ServiceError> {
    let transformer = compile(&config_of(&input))?;
    let time_ms = logs.clock.now().0;
    let records = input.log_event_messages.into_iter().zip(1..).map(|(message, number)| {
        let source = Source {
            message: &message,
            time_ms,
            account: caller.account.as_str(),
            region: caller.region.as_str(),
            ..Source::default()
        };
        let transformed = Transformed::new(&transformer, &source).into_json();
        TransformedLogRecord {
            event_number: Some(number),
            event_message: Some(message),
            transformed_event_message: Some(transformed),
        }
    });
    Ok(TestTransformerResponse { transformed_logs: Some(records.collect()) })
}

/// The group, if it can have a transformer.
fn group(logs: &Logs, caller: &Caller, identifier: &str) -> Result<Arc<Group>, ServiceError> {
    let group = logs.directory.group(&identified(caller, identifier)?)?;
    match group.document().class {
        Class::Standard => Ok(group),
        class => Err(model::invalid_operation_exception(format!(
            "Transformers are not supported for log groups of class {}.",
            class.as_str()
        ))),
    }
}

/// The processors of an input, in the API's JSON.
fn config_of(input: &dyn Structure) -> Value {
    let mut input: Value = serde_json::from_slice(&encode_members(input, Members::All)).unwrap_or_default();
    input.get_mut(CONFIG).map(Value::take).unwrap_or_default()
}

fn compile(config: &Value) -> Result<Transformer, ServiceError> {
    Transformer::parse(&config.to_string()).map_err(|error| invalid(error.to_string()))
}

fn no_transformer() -> ServiceError {
    model::resource_not_found_exception("The specified log group has no transformer.")
}
