//! IncreaseStreamRetentionPeriod, DecreaseStreamRetentionPeriod, UpdateStreamMode, UpdateMaxRecordSize.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    DecreaseStreamRetentionPeriodInput, IncreaseStreamRetentionPeriodInput, UpdateMaxRecordSizeInput,
    UpdateStreamModeInput,
};
use watchkeep_model::{ServiceError, Unit};

use super::DataStreams;
use super::errors::{invalid, too_many};
use super::lifecycle::mode;
use super::limits::{ON_DEMAND_STREAMS_MAX, RETENTION_HOURS_MAX, RETENTION_HOURS_MIN, STREAMS_MAX};
use super::resources::Mode;
use super::shards::trim_horizon;
use super::stream::Stream;

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_IncreaseStreamRetentionPeriod.html>
pub(crate) async fn increase_stream_retention_period(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: IncreaseStreamRetentionPeriodInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    set_retention(streams, &stream, input.retention_period_hours, |hours, current| match hours < current {
        true => Err(invalid(format!(
            "Requested retention period ({hours} hours) for the stream can not be shorter than existing retention \
             period ({current} hours). Use DecreaseRetentionPeriod API."
        ))),
        false => Ok(()),
    })
    .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DecreaseStreamRetentionPeriod.html>
pub(crate) async fn decrease_stream_retention_period(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: DecreaseStreamRetentionPeriodInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    set_retention(streams, &stream, input.retention_period_hours, |hours, current| match hours > current {
        true => Err(invalid(format!(
            "Requested retention period ({hours} hours) for the stream can not be longer than existing retention \
             period ({current} hours). Use IncreaseRetentionPeriod API."
        ))),
        false => Ok(()),
    })
    .await
}

async fn set_retention(
    streams: &Arc<DataStreams>,
    stream: &Arc<Stream>,
    hours: i32,
    check: impl FnOnce(i32, i32) -> Result<(), ServiceError> + Send + 'static,
) -> Result<Unit, ServiceError> {
    if !(RETENTION_HOURS_MIN..=RETENTION_HOURS_MAX).contains(&hours) {
        let bound = if hours < RETENTION_HOURS_MIN { "Minimum" } else { "Maximum" };
        let limit = if hours < RETENTION_HOURS_MIN { RETENTION_HOURS_MIN } else { RETENTION_HOURS_MAX };
        return Err(invalid(format!(
            "{bound} allowed retention period is {limit} hours. Requested retention period ({hours} hours) is not allowed."
        )));
    }
    let now = streams.clock.now().0;
    streams
        .change(stream, move |document| {
            check(hours, document.retention_hours)?;
            // What had expired stays gone.
            document.trimmed = Some(trim_horizon(document, now)).filter(|trimmed| *trimmed > document.created);
            document.retention_hours = hours;
            Ok(Unit {})
        })
        .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamMode.html>
pub(crate) async fn update_stream_mode(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: UpdateStreamModeInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, None, Some(&input.stream_arn))?;
    if input.warm_throughput_mi_bps.is_some() {
        return Err(invalid("Warm throughput cannot be set: streams take what comes."));
    }
    let wanted = mode(Some(&input.stream_mode_details))?.unwrap_or(Mode::Provisioned);
    let _creating = streams.creating.lock().await;
    let all = streams.directory.list((caller.account, &caller.region), None, STREAMS_MAX);
    let on_demand = all.iter().filter(|stream| stream.document().value.mode == Mode::OnDemand).count();
    if wanted == Mode::OnDemand && on_demand >= ON_DEMAND_STREAMS_MAX {
        return Err(too_many(format!("An account has at most {ON_DEMAND_STREAMS_MAX} streams in ON_DEMAND mode.")));
    }
    streams
        .change(&stream, move |document| {
            document.mode = wanted;
            Ok(Unit {})
        })
        .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html>
pub(crate) async fn update_max_record_size(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: UpdateMaxRecordSizeInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, None, input.stream_arn.as_deref())?;
    let kib = input.max_record_size_in_ki_b;
    streams
        .change(&stream, move |document| {
            document.record_kib_max = kib;
            Ok(Unit {})
        })
        .await
}
