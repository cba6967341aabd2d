//! Data streams: Kinesis Data Streams. A record is a row of its shard, durable before the call is answered; a reader goes through the
//! rows of a shard in the order in which they were acknowledged, from a place that its iterator or a sequence number names.
//!
//! Rows of one stream are appended one call after the other, calls that wait together in one append. So places in a stream, which
//! are (time, `seq`), grow, and a reader that has come to a place never misses a record that becomes visible later (D-1).

mod consumers;
mod describe;
mod directory;
mod encryption;
mod errors;
mod get_records;
mod hash_key;
mod iterators;
mod lifecycle;
mod limits;
mod list_shards;
mod measures;
mod monitoring;
mod names;
mod put;
mod resharding;
mod resources;
mod sequence;
mod settings;
mod shards;
mod sink;
mod stream;
mod subscribe;
mod subscriptions;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod throughput;
mod tokens;

use std::sync::Arc;

use watchkeep_core::ports::DataStreamSink;
use watchkeep_core::{Caller, Clock, Meter};
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis as model;
use watchkeep_store::{Collection, ResourceKey, Store, StoreError, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use directory::Directory;
use errors::{finish, no_stream, store};
use resources::{ConsumerDocument, StreamDocument};
use stream::Stream;
use subscriptions::Subscriptions;

pub use tables::DATA_RECORDS;
pub use throughput::Enforcement;

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&DATA_RECORDS];

// Not routed: resource policies, until somebody evaluates them; account settings, which are about billing; channels and queues, which
// are services of their own; warm throughput and the strategy of distribution, of which there is nothing to choose here.
watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: DataStreams = kinesis {
        CreateStream => lifecycle::create_stream,
        DeleteStream => lifecycle::delete_stream,
        ListStreams => lifecycle::list_streams,
        DescribeStream => describe::describe_stream,
        DescribeStreamSummary => describe::describe_stream_summary,
        DescribeLimits => describe::describe_limits,
        ListShards => list_shards::list_shards,
        PutRecord => put::put_record,
        PutRecords => put::put_records,
        GetShardIterator => iterators::get_shard_iterator,
        GetRecords => get_records::get_records,
        SplitShard => resharding::split_shard,
        MergeShards => resharding::merge_shards,
        UpdateShardCount => resharding::update_shard_count,
        UpdateStreamMode => settings::update_stream_mode,
        UpdateMaxRecordSize => settings::update_max_record_size,
        IncreaseStreamRetentionPeriod => settings::increase_stream_retention_period,
        DecreaseStreamRetentionPeriod => settings::decrease_stream_retention_period,
        StartStreamEncryption => encryption::start_stream_encryption,
        StopStreamEncryption => encryption::stop_stream_encryption,
        EnableEnhancedMonitoring => monitoring::enable_enhanced_monitoring,
        DisableEnhancedMonitoring => monitoring::disable_enhanced_monitoring,
        AddTagsToStream => tags::add_tags_to_stream,
        RemoveTagsFromStream => tags::remove_tags_from_stream,
        ListTagsForStream => tags::list_tags_for_stream,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        ListTagsForResource => tags::list_tags_for_resource,
        RegisterStreamConsumer => consumers::register_stream_consumer,
        DeregisterStreamConsumer => consumers::deregister_stream_consumer,
        DescribeStreamConsumer => consumers::describe_stream_consumer,
        ListStreamConsumers => consumers::list_stream_consumers,
        SubscribeToShard => subscribe::subscribe_to_shard,
    }
}

/// The service.
pub struct DataStreams {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    meter: Arc<Meter>,
    enforcement: Enforcement,
    documents: Collection<StreamDocument>,
    consumers: Collection<ConsumerDocument>,
    directory: Arc<Directory>,
    subscriptions: Arc<Subscriptions>,
    /// Held while a stream or a consumer is created: their number is limited.
    creating: tokio::sync::Mutex<()>,
}

impl DataStreams {
    /// Opens the service on a store that was opened with [`TABLES`] and is not started yet.
    ///
    /// # Errors
    /// What reading the catalog can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        meter: Arc<Meter>,
        enforcement: Enforcement,
    ) -> Result<Arc<DataStreams>, StoreError> {
        let documents = store.catalog().collection::<StreamDocument>().await?;
        let consumers = store.catalog().collection::<ConsumerDocument>().await?;
        let directory = Arc::new(Directory::default());
        for document in documents.all() {
            directory.add(Arc::new(Stream::new(document, &meter)));
        }
        store.set_owner(&DATA_RECORDS, directory.clone());
        let (creating, subscriptions) = (tokio::sync::Mutex::default(), Arc::default());
        let streams =
            DataStreams { store, clock, meter, enforcement, documents, consumers, directory, subscriptions, creating };
        streams.forget_orphans().await?;
        Ok(Arc::new(streams))
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// The port through which other services put records.
    pub fn sink(self: &Arc<Self>) -> Arc<dyn DataStreamSink> {
        Arc::new(sink::Sink(self.clone()))
    }

    /// Forgets all streams, after the store was reset.
    pub async fn reset(&self) {
        self.directory.clear();
    }

    /// The stream that a call names.
    fn find(&self, caller: &Caller, name: Option<&str>, arn: Option<&str>) -> Result<Arc<Stream>, ServiceError> {
        let key = names::stream_key(caller, name, arn)?;
        self.at(&key)
    }

    /// The stream of this key.
    fn at(&self, key: &ResourceKey) -> Result<Arc<Stream>, ServiceError> {
        self.directory.get(key).ok_or_else(|| no_stream(key))
    }

    /// Changes what the catalog has of a stream, while no record is put. Shards that have nothing any more are forgotten.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        change: impl FnOnce(&mut StreamDocument) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (streams, stream) = (self.clone(), stream.clone());
        finish(async move {
            let _turn = stream.turn.lock().await;
            stream.ensure_there()?;
            let mut changed = stream.document().value.clone();
            let told = change(&mut changed)?;
            streams.write(&stream, changed).await?;
            Ok(told)
        })
        .await
    }

    /// Writes a stream's document. It is the caller's turn.
    async fn write(&self, stream: &Arc<Stream>, mut changed: StreamDocument) -> Result<(), ServiceError> {
        let before = stream.document();
        shards::prune(&mut changed, self.clock.now().0);
        if changed != before.value {
            stream.set_document(self.documents.update(&before, changed).await.map_err(store)?);
            self.directory.refresh(stream, &before.value);
        }
        Ok(())
    }
}

impl std::fmt::Debug for DataStreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataStreams").field("directory", &self.directory).finish_non_exhaustive()
    }
}
