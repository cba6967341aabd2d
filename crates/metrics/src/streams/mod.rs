//! Metric streams: what is put into metrics goes out, minute by minute, to a delivery stream. PutMetricStream, GetMetricStream,
//! ListMetricStreams, DeleteMetricStream, StartMetricStreams, StopMetricStreams. Sources: "Use metric streams", "PutMetricStream".
//!
//! A running stream has a **feed**: the metrics and minutes that got data and are not delivered yet. It is filled as points become
//! durable and emptied once a minute, each feed by itself (`publish`).
//!
//! Every minute is delivered at least once. Up to which frame of the journal everything is delivered is kept in the stream's
//! document; after a crash the feed is filled from there. That frame moves on only past what was delivered: each minute in a feed
//! knows a frame behind which its data were put, and a frame counts as marked in the feeds only when everybody who may have
//! appended before it has given back his ticket (`tickets`).

mod checks;
mod feed;
mod json;
mod opentelemetry;
mod publish;
#[cfg(test)]
mod tests;
mod tickets;

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::{
    DeleteMetricStreamInput, DeleteMetricStreamOutput, GetMetricStreamInput, GetMetricStreamOutput,
    ListMetricStreamsInput, ListMetricStreamsOutput, MetricStreamEntry, PutMetricStreamInput, PutMetricStreamOutput,
    StartMetricStreamsInput, StartMetricStreamsOutput, StopMetricStreamsInput, StopMetricStreamsOutput,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Metrics;
use crate::errors::{self, not_found, of_catalog, of_store};
use crate::limits::STREAMS_PAGE_MAX;
use crate::paging::{self, Listed};
use crate::resources::{MetricStream, change, regional};
use crate::tags;

pub(crate) use feed::{Begin, Feeds};
pub(crate) use tickets::Ticket;

const RUNNING: &str = "running";
const STOPPED: &str = "stopped";

/// Creates a stream, which runs; or gives the one of this name another definition, and leaves it as it is otherwise.
pub(crate) async fn put_metric_stream(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: PutMetricStreamInput,
) -> Result<PutMetricStreamOutput, ServiceError> {
    let definition = checks::definition(&input, service.deliveries.as_ref())?;
    let given = tags::checked(input.tags)?;
    let (service, key) = (service.clone(), regional(caller, &input.name));
    let arn = arn(&key);
    errors::finish(async move {
        let began = service.frame().await?;
        let now = service.clock.now().0;
        change(&service.resources.metric_streams, &key, |current| {
            let definition = definition.clone();
            Ok(match current {
                Some(stream) => MetricStream { definition, updated: now, ..stream.clone() },
                None => MetricStream {
                    definition,
                    created: now,
                    updated: now,
                    is_running: true,
                    began,
                    delivered: began,
                    tags: given.clone(),
                },
            })
        })
        .await?;
        service.refresh_feeds(Begin::Now);
        Ok(PutMetricStreamOutput { arn: Some(arn) })
    })
    .await
}

/// Says what a stream is.
pub(crate) async fn get_metric_stream(
    service: &Metrics,
    caller: &Caller,
    input: GetMetricStreamInput,
) -> Result<GetMetricStreamOutput, ServiceError> {
    let key = regional(caller, &input.name);
    let stream = service.resources.metric_streams.get(&key);
    let stream = stream.ok_or_else(|| not_found("metric stream", &input.name))?;
    let MetricStream { definition, created, updated, is_running, .. } = &stream.value;
    Ok(GetMetricStreamOutput {
        arn: Some(arn(&key)),
        name: Some(input.name),
        include_filters: checks::filters(&definition.include),
        exclude_filters: checks::filters(&definition.exclude),
        firehose_arn: Some(definition.firehose_arn.clone()),
        role_arn: Some(definition.role_arn.clone()),
        state: Some(state(*is_running)),
        creation_date: Some(Timestamp(*created)),
        last_update_date: Some(Timestamp(*updated)),
        output_format: Some(definition.format.as_str().to_owned()),
        statistics_configurations: checks::statistics(&definition.statistics),
        include_linked_accounts_metrics: Some(false),
    })
}

/// Lists streams by name.
pub(crate) async fn list_metric_streams(
    service: &Metrics,
    caller: &Caller,
    input: ListMetricStreamsInput,
) -> Result<ListMetricStreamsOutput, ServiceError> {
    let max = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(STREAMS_PAGE_MAX);
    let token = input.next_token.as_deref();
    let after = token.map(|token| paging::place(Listed::MetricStreams, token).ok_or_else(errors::invalid_token));
    let after = after.transpose()?;
    let mut streams = service.streams_of(caller);
    streams.retain(|stream| after.as_ref().is_none_or(|after| stream.key.name > *after));
    let more = streams.len() > max;
    streams.truncate(max);
    let next_token = streams.last().filter(|_| more).map(|last| paging::token(Listed::MetricStreams, &last.key.name));
    let entry = |stream: &Arc<Versioned<MetricStream>>| MetricStreamEntry {
        arn: Some(arn(&stream.key)),
        creation_date: Some(Timestamp(stream.value.created)),
        last_update_date: Some(Timestamp(stream.value.updated)),
        name: Some(stream.key.name.clone()),
        firehose_arn: Some(stream.value.definition.firehose_arn.clone()),
        state: Some(state(stream.value.is_running)),
        output_format: Some(stream.value.definition.format.as_str().to_owned()),
    };
    Ok(ListMetricStreamsOutput { next_token, entries: Some(streams.iter().map(entry).collect()) })
}

/// Deletes a stream; that there is none is no error.
pub(crate) async fn delete_metric_stream(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: DeleteMetricStreamInput,
) -> Result<DeleteMetricStreamOutput, ServiceError> {
    let (service, key) = (service.clone(), regional(caller, &input.name));
    errors::finish(async move {
        service.resources.metric_streams.delete(&key).await.map_err(of_catalog)?;
        service.refresh_feeds(Begin::Now);
        Ok(DeleteMetricStreamOutput {})
    })
    .await
}

/// Starts streams; those that do not exist or run are passed over. What was put while one was stopped is not delivered.
pub(crate) async fn start_metric_streams(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: StartMetricStreamsInput,
) -> Result<StartMetricStreamsOutput, ServiceError> {
    set_running(service, caller, input.names, true).await?;
    Ok(StartMetricStreamsOutput {})
}

/// Stops streams; those that do not exist or do not run are passed over.
pub(crate) async fn stop_metric_streams(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: StopMetricStreamsInput,
) -> Result<StopMetricStreamsOutput, ServiceError> {
    set_running(service, caller, input.names, false).await?;
    Ok(StopMetricStreamsOutput {})
}

async fn set_running(
    service: &Arc<Metrics>,
    caller: &Caller,
    names: Vec<String>,
    run: bool,
) -> Result<(), ServiceError> {
    let keys: Vec<ResourceKey> = names.iter().map(|name| regional(caller, name)).collect();
    let service = service.clone();
    errors::finish(async move {
        let now = service.clock.now().0;
        let streams = &service.resources.metric_streams;
        for key in keys.iter().filter(|key| streams.get(key).is_some()) {
            let frame = service.frame().await?;
            change(streams, key, |current| match current {
                Some(stream) if stream.is_running == run => Ok(stream.clone()),
                Some(stream) => {
                    let (began, delivered) = if run { (frame, frame) } else { (stream.began, stream.delivered) };
                    Ok(MetricStream { is_running: run, updated: now, began, delivered, ..stream.clone() })
                }
                None => Err(not_found("metric stream", &key.name)),
            })
            .await?;
        }
        service.refresh_feeds(Begin::Now);
        Ok(())
    })
    .await
}

impl Metrics {
    /// The streams of the caller's Region, by name.
    fn streams_of(&self, caller: &Caller) -> Vec<Arc<Versioned<MetricStream>>> {
        let all = self.resources.metric_streams.all().into_iter();
        let mine = |key: &ResourceKey| key.account == caller.account && key.region.as_ref() == Some(&caller.region);
        let mut streams: Vec<_> = all.filter(|stream| mine(&stream.key)).collect();
        streams.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        streams
    }

    /// The newest frame of the journal.
    async fn frame(&self) -> Result<u64, ServiceError> {
        let append = watchkeep_store::Append::new();
        Ok(self.store.append(append).await.map_err(|error| of_store(&error))?.0)
    }

    /// Notes that what was put up to this frame is delivered, unless the stream was stopped or deleted since it `began`.
    async fn delivered_to(&self, key: &ResourceKey, began: u64, frame: u64) -> Result<(), ServiceError> {
        let streams = &self.resources.metric_streams;
        if streams.get(key).is_none_or(|stream| stream.value.began != began) {
            return Ok(());
        }
        change(streams, key, |current| match current {
            Some(stream) if stream.began == began => {
                Ok(MetricStream { delivered: frame.max(stream.delivered), ..stream.clone() })
            }
            Some(stream) => Ok(stream.clone()),
            None => Err(not_found("metric stream", &key.name)),
        })
        .await?;
        Ok(())
    }
}

fn state(is_running: bool) -> String {
    if is_running { RUNNING } else { STOPPED }.to_owned()
}

/// The stream's ARN.
fn arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    format!("arn:aws:cloudwatch:{region}:{}:metric-stream/{}", key.account, key.name)
}
