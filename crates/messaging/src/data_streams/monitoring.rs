//! EnableEnhancedMonitoring, DisableEnhancedMonitoring: metrics of each shard.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis::{
    DisableEnhancedMonitoringInput, EnableEnhancedMonitoringInput, EnhancedMonitoringOutput,
};

use super::DataStreams;
use super::measures::SHARD_METRICS;
use super::names::stream_arn;
use super::stream::Stream;

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_EnableEnhancedMonitoring.html>
pub(crate) async fn enable_enhanced_monitoring(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: EnableEnhancedMonitoringInput,
) -> Result<EnhancedMonitoringOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let named = named(&input.shard_level_metrics);
    change(streams, &stream, move |monitored| monitored.extend(named)).await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DisableEnhancedMonitoring.html>
pub(crate) async fn disable_enhanced_monitoring(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: DisableEnhancedMonitoringInput,
) -> Result<EnhancedMonitoringOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let named = named(&input.shard_level_metrics);
    change(streams, &stream, move |monitored| monitored.retain(|metric| !named.contains(metric))).await
}

/// The metrics that a request names; `ALL` names all.
fn named(metrics: &[String]) -> BTreeSet<String> {
    let all = SHARD_METRICS.iter().map(|(name, _)| *name);
    let is_named = |name: &&str| metrics.iter().any(|metric| metric == "ALL" || metric == name);
    all.filter(is_named).map(str::to_owned).collect()
}

async fn change(
    streams: &Arc<DataStreams>,
    stream: &Arc<Stream>,
    change: impl FnOnce(&mut BTreeSet<String>) + Send + 'static,
) -> Result<EnhancedMonitoringOutput, ServiceError> {
    let changed = streams.change(stream, move |document| {
        let before = document.monitored.clone();
        change(&mut document.monitored);
        Ok((before, document.monitored.clone()))
    });
    let (before, after) = changed.await?;
    let told = |metrics: BTreeSet<String>| Some(metrics.into_iter().collect());
    Ok(EnhancedMonitoringOutput {
        stream_name: Some(stream.key.name.clone()),
        current_shard_level_metrics: told(before),
        desired_shard_level_metrics: told(after),
        stream_arn: Some(stream_arn(&stream.key)),
    })
}
