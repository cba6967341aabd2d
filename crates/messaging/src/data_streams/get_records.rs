//! GetRecords: a page of a shard, from where an iterator is.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_model::kinesis::{ChildShard, GetRecordsInput, GetRecordsOutput, HashKeyRange, Record, errors as model};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{Order, Scan, StoreError};

use super::DataStreams;
use super::errors::{dry_run, invalid, no_stream, store};
use super::iterators::ShardIterator;
use super::limits::{GET_BYTES_MAX, GET_RECORDS_MAX};
use super::names::of_arn;
use super::resources::{ShardDocument, StreamDocument, shard_id};
use super::sequence::{Place, SequenceNumber};
use super::shards::trim_horizon;
use super::stream::{Stream, Tail};
use super::tables::{DATA, DATA_RECORDS, ENCRYPTED, PARTITION_KEY, SHARD};
use super::throughput::Enforcement;

/// The rows that a scan may deliver beyond a page because they lie before its place, in its millisecond; a scan that meets more is
/// repeated for more.
const SPARE_ROWS: usize = if cfg!(test) { 2 } else { 512 };

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html>
pub(crate) async fn get_records(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: GetRecordsInput,
) -> Result<GetRecordsOutput, ServiceError> {
    let began = streams.clock.monotonic();
    let now = streams.clock.now();
    let iterator = ShardIterator::read(&input.shard_iterator, now)?;
    let is_callers = |stream: &Arc<Stream>| {
        stream.key.account == caller.account && stream.key.region.as_ref() == Some(&caller.region)
    };
    let stream = streams.directory.by_shard(iterator.shard).filter(is_callers);
    let stream = stream.ok_or_else(|| model::resource_not_found_exception("The stream or shard does not exist."))?;
    if let Some(arn) = &input.stream_arn
        && of_arn(caller, arn)? != stream.key
    {
        return Err(no_stream(&stream.key));
    }
    // Asked before the rows are read: a shard that is closed by then gets no further ones.
    let document = stream.document();
    let shard = document.value.shards.iter().find(|shard| shard.number == iterator.shard);
    let shard = shard.ok_or_else(|| no_stream(&stream.key))?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(GET_RECORDS_MAX);
    if limit == 0 || limit > GET_RECORDS_MAX {
        return Err(invalid(format!("Limit must be from 1 to {GET_RECORDS_MAX}.")));
    }
    if input.dry_run == Some(true) {
        return Err(dry_run());
    }
    if streams.enforcement == Enforcement::On && !stream.throughput.admits_read(shard.index, began) {
        stream.measures.add("ReadProvisionedThroughputExceeded", 1.0);
        stream.measures.add_of_shard(shard.index, "ReadProvisionedThroughputExceeded", 1.0);
        let (name, account) = (&stream.key.name, stream.key.account);
        return Err(model::provisioned_throughput_exceeded_exception(format!(
            "Rate exceeded for shard {} in stream {name} under account {account}.",
            shard.id()
        )));
    }
    let page = streams.page(&stream, &document.value, shard, iterator.from, limit, GET_BYTES_MAX).await;
    let measures = &stream.measures;
    measures.add("GetRecords.Success", f64::from(u8::from(page.is_ok())));
    let page = page?;
    let behind = page.behind_ms(now);
    let (records, bytes) = (page.records.len() as f64, page.bytes as f64);
    measures.add("GetRecords.Bytes", bytes);
    measures.add("GetRecords.Records", records);
    measures.add("GetRecords.IteratorAgeMilliseconds", behind as f64);
    measures.add("GetRecords.Latency", streams.elapsed_ms(began));
    measures.add_of_shard(shard.index, "OutgoingBytes", bytes);
    measures.add_of_shard(shard.index, "OutgoingRecords", records);
    measures.add_of_shard(shard.index, "IteratorAgeMilliseconds", behind as f64);
    stream.throughput.was_read(shard.index, page.bytes, began);
    let is_at_end = page.is_complete && !shard.is_open();
    let next = ShardIterator { shard: shard.number, from: page.next, given: now };
    Ok(GetRecordsOutput {
        next_shard_iterator: (!is_at_end).then(|| next.write()),
        millis_behind_latest: Some(behind),
        child_shards: is_at_end.then(|| children(&document.value, shard.index)).filter(|found| !found.is_empty()),
        records: page.records,
    })
}

/// The shards that go on where this one ends.
pub(crate) fn children(document: &StreamDocument, index: u32) -> Vec<ChildShard> {
    let of = document.shards.iter().filter(|shard| shard.is_child_of(index));
    let child = |shard: &ShardDocument| ChildShard {
        shard_id: shard.id(),
        parent_shards: shard.parent.into_iter().chain(shard.adjacent_parent).map(shard_id).collect(),
        hash_key_range: HashKeyRange {
            starting_hash_key: shard.first.to_string(),
            ending_hash_key: shard.last.to_string(),
        },
    };
    of.map(child).collect()
}

/// Some records of a shard.
pub(crate) struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// What they count.
    pub bytes: usize,
    /// Where the next page begins.
    pub next: Place,
    /// Whether there are no more for now.
    pub is_complete: bool,
    /// When the last record came, or where the page began.
    last_ms: i64,
}

impl Page {
    fn none(from: Place) -> Page {
        Page { records: Vec::new(), bytes: 0, next: from, is_complete: true, last_ms: from.time_ms }
    }

    /// How far its reader is behind the shard's end.
    pub fn behind_ms(&self, now: TimestampMs) -> i64 {
        if self.is_complete { 0 } else { now.0.saturating_sub(self.last_ms).max(0) }
    }
}

/// Why a page ended.
enum End {
    /// The page is full.
    Full,
    /// There are no more rows.
    Rows,
}

impl DataStreams {
    /// Reads records of a shard from a place on.
    ///
    /// # Errors
    /// What is encrypted is under a KMS key that cannot be used; the store failed.
    pub(crate) async fn page(
        &self,
        stream: &Stream,
        document: &StreamDocument,
        shard: &ShardDocument,
        from: Place,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Page, ServiceError> {
        if let Some(key) = &document.kms_key {
            let context = super::encryption::context(&stream.key);
            self.store.encryption_key(key, &context).await.map_err(store)?;
        }
        // Who reads at the end asks often, and finds nothing.
        if matches!(stream.tail(), Tail::At(tail) if tail < from) {
            return Ok(Page::none(from));
        }
        let horizon = trim_horizon(document, self.clock.now().0);
        let from = if from.time_ms < horizon { Place { time_ms: horizon, seq: 0 } } else { from };
        let (number, index) = (shard.number, shard.index);
        let (page, locked) = self
            .store
            .blocking(move |store| {
                let mut spare = SPARE_ROWS;
                loop {
                    let rows = limit + 1 + spare;
                    let scan = Scan::new(&DATA_RECORDS).ids(SHARD, [number]).time(from.time_ms..i64::MAX);
                    let scan = scan.order(Order::Ascending).limit(rows).bytes_wanted(bytes_max);
                    let (mut page, mut end, mut delivered) = (Page::none(from), End::Rows, 0);
                    let stats = store.scan(&scan, &mut |batch| {
                        delivered += batch.len();
                        let times = batch.times().iter().zip(batch.seqs());
                        let encrypted = batch.u64s(ENCRYPTED);
                        for (row, (&time_ms, &seq)) in times.enumerate() {
                            let place = Place { time_ms, seq };
                            if place < from {
                                continue;
                            }
                            let (key, data) = (batch.text(PARTITION_KEY, row), batch.bytes(DATA, row));
                            let bytes = key.len() + data.len();
                            let is_full = page.records.len() >= limit || page.bytes + bytes > bytes_max;
                            if is_full && !page.records.is_empty() {
                                (end, page.is_complete) = (End::Full, false);
                                return ControlFlow::Break(());
                            }
                            page.bytes += bytes;
                            page.next = place.after();
                            page.last_ms = time_ms;
                            page.records.push(Record {
                                sequence_number: SequenceNumber { place, shard: index }.to_string(),
                                approximate_arrival_timestamp: Some(Timestamp(time_ms)),
                                data: data.to_vec(),
                                partition_key: Some(key.to_owned()),
                                encryption_type: (encrypted.get(row) == Some(&1)).then(|| "KMS".to_owned()),
                            });
                        }
                        ControlFlow::Continue(())
                    })?;
                    if matches!(end, End::Full) || delivered < rows {
                        return Ok::<_, StoreError>((page, stats.locked));
                    }
                    spare = spare.saturating_mul(8);
                }
            })
            .await
            .map_err(store)?;
        // Of a stream that never had a key it is another stream's rows that were passed over.
        let has_keys = document.kms_key.is_some() || !document.earlier_keys.is_empty();
        if locked > 0 && has_keys {
            return Err(self.locked(stream, document).await);
        }
        Ok(page)
    }

    /// The place of the newest record of these shards.
    pub(crate) async fn newest(&self, shards: Vec<u64>) -> Result<Option<Place>, ServiceError> {
        let newest = self.store.blocking(move |store| {
            let scan = Scan::new(&DATA_RECORDS).ids(SHARD, shards).columns(&[]).order(Order::Descending).limit(1);
            let mut newest = None;
            store.scan(&scan, &mut |batch| {
                let place = batch.times().iter().zip(batch.seqs()).map(|(&time_ms, &seq)| Place { time_ms, seq });
                newest = place.max().max(newest);
                ControlFlow::Continue(())
            })?;
            Ok::<_, StoreError>(newest)
        });
        newest.await.map_err(store)
    }
}
