//! StartStreamEncryption, StopStreamEncryption: records under a KMS key (E-1). What was put before stays as it is.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_core::ports::EncryptionContext;
use watchkeep_model::kinesis::{StartStreamEncryptionInput, StopStreamEncryptionInput, errors as model};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::ResourceKey;

use super::DataStreams;
use super::errors::{invalid, of_data_key, store};
use super::limits::EARLIER_KEYS_MAX;
use super::names::stream_arn;
use super::resources::StreamDocument;
use super::stream::Stream;

/// What the encryption context names.
const CONTEXT: &str = "aws:kinesis:arn";

/// The encryption context of a stream.
pub(crate) fn context(key: &ResourceKey) -> EncryptionContext {
    EncryptionContext::from([(CONTEXT.to_owned(), stream_arn(key))])
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StartStreamEncryption.html>
pub(crate) async fn start_stream_encryption(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: StartStreamEncryptionInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    check_type(&input.encryption_type)?;
    let data_keys = streams.store.data_keys().map_err(|error| of_data_key(&error))?;
    let found = data_keys.find((caller.account, &caller.region), &input.key_id).await;
    let kms_key = found.map_err(|error| of_data_key(&error))?;
    // So that the first record does not find out that the key does not do.
    streams.store.encryption_key(&kms_key, &context(&stream.key)).await.map_err(store)?;
    streams
        .change(&stream, move |document| {
            if document.kms_key.as_ref() != Some(&kms_key) {
                leave_key(document);
                document.kms_key = Some(kms_key);
            }
            Ok(Unit {})
        })
        .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StopStreamEncryption.html>
pub(crate) async fn stop_stream_encryption(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: StopStreamEncryptionInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    check_type(&input.encryption_type)?;
    streams
        .change(&stream, move |document| {
            leave_key(document);
            Ok(Unit {})
        })
        .await
}

fn check_type(encryption_type: &str) -> Result<(), ServiceError> {
    match encryption_type {
        "KMS" => Ok(()),
        _ => Err(invalid("The only valid value of EncryptionType is KMS.")),
    }
}

fn leave_key(document: &mut StreamDocument) {
    if let Some(before) = document.kms_key.take() {
        document.earlier_keys.retain(|key| *key != before);
        document.earlier_keys.push(before);
        let too_many = document.earlier_keys.len().saturating_sub(EARLIER_KEYS_MAX);
        document.earlier_keys.drain(..too_many);
    }
}

impl DataStreams {
    /// What is said to who reads records under a key that cannot be used.
    pub(crate) async fn locked(&self, stream: &Stream, document: &StreamDocument) -> ServiceError {
        for key in document.kms_key.iter().chain(&document.earlier_keys) {
            if let Err(error) = self.store.encryption_key(key, &context(&stream.key)).await {
                return store(error);
            }
        }
        // It could not be used a moment ago.
        model::kms_throttling_exception(
            "Records are encrypted under a KMS key that could not be used. Please try again.",
        )
    }
}
