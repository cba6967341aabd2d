//! PutRecord, PutRecords: the records of a call become durable together, with those of calls that wait beside it.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis::{
    PutRecordInput, PutRecordOutput, PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry, errors as model,
};
use watchkeep_store::{Rows, StoreError};

use super::errors::{copy, dry_run, finish, invalid, store};
use super::hash_key::HashKey;
use super::limits::{PUT_BYTES_MAX, PUT_RECORDS_MAX, WAITING_BYTES_MAX};
use super::resources::shard_id;
use super::sequence::{Place, SequenceNumber};
use super::stream::{NewRecord, Put, PutAll, Stream, Tail};
use super::tables::{DATA_RECORDS, SEQ_ROW_BITS};
use super::throughput::Enforcement;
use super::{DataStreams, encryption};

const KMS: &str = "KMS";

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>
pub(crate) async fn put_record(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: PutRecordInput,
) -> Result<PutRecordOutput, ServiceError> {
    let began = streams.clock.monotonic();
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    if let Some(text) = &input.sequence_number_for_ordering {
        // Records of a stream are in order anyway.
        text.parse::<SequenceNumber>().map_err(|_| invalid(format!("{text} is not a sequence number.")))?;
    }
    let record = record(&stream, input.partition_key, input.explicit_hash_key.as_deref(), input.data)?;
    if input.dry_run == Some(true) {
        return Err(dry_run());
    }
    let bytes = record.bytes();
    if !streams.admits(&stream, &record) {
        return Err(model::provisioned_throughput_exceeded_exception(exceeded(&stream, record.hash)));
    }
    let outcome = streams.put(&stream, vec![record]).await;
    let measures = &stream.measures;
    measures.add("PutRecord.Bytes", bytes as f64);
    measures.add("PutRecord.Success", f64::from(u8::from(outcome.is_ok())));
    measures.add("PutRecord.Latency", streams.elapsed_ms(began));
    let put = outcome?;
    let one = put.records.first().ok_or_else(|| store(StoreError::Stopped))?;
    Ok(PutRecordOutput {
        shard_id: shard_id(one.shard),
        sequence_number: number(*one),
        encryption_type: put.is_encrypted.then(|| KMS.to_owned()),
    })
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>
pub(crate) async fn put_records(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: PutRecordsInput,
) -> Result<PutRecordsOutput, ServiceError> {
    let began = streams.clock.monotonic();
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let mut records = Vec::with_capacity(input.records.len());
    for entry in input.records {
        records.push(record(&stream, entry.partition_key, entry.explicit_hash_key.as_deref(), entry.data)?);
    }
    let (count, bytes) = (records.len(), records.iter().map(NewRecord::bytes).sum::<usize>());
    if count > PUT_RECORDS_MAX {
        return Err(invalid(format!("The request has more than {PUT_RECORDS_MAX} records.")));
    }
    if bytes > PUT_BYTES_MAX {
        return Err(invalid("Records size exceeds 10 MB limit"));
    }
    if input.dry_run == Some(true) {
        return Err(dry_run());
    }
    // Each record is admitted for itself: what a shard does not take is told, and the others are put.
    let refused: Vec<Option<String>> =
        records.iter().map(|one| (!streams.admits(&stream, one)).then(|| exceeded(&stream, one.hash))).collect();
    let mut refusals = refused.iter();
    records.retain(|_| refusals.next().is_some_and(Option::is_none));
    let failed = count - records.len();
    let outcome = if records.is_empty() {
        Ok(PutAll { records: Vec::new(), is_encrypted: stream.document().value.kms_key.is_some() })
    } else {
        streams.put(&stream, records).await
    };
    let measures = &stream.measures;
    let succeeded = if outcome.is_ok() { count - failed } else { 0 };
    measures.add("PutRecords.Bytes", bytes as f64);
    measures.add("PutRecords.Latency", streams.elapsed_ms(began));
    measures.add("PutRecords.Success", f64::from(u8::from(succeeded > 0)));
    measures.add("PutRecords.Records", succeeded as f64);
    measures.add("PutRecords.SuccessfulRecords", succeeded as f64);
    measures.add("PutRecords.TotalRecords", count as f64);
    measures.add("PutRecords.ThrottledRecords", failed as f64);
    measures.add("PutRecords.FailedRecords", (count - failed - succeeded) as f64);
    let put = outcome?;
    let mut places = put.records.into_iter();
    let entry = |refused: Option<String>| match refused {
        Some(message) => PutRecordsResultEntry {
            error_code: Some("ProvisionedThroughputExceededException".to_owned()),
            error_message: Some(message),
            ..Default::default()
        },
        None => {
            let place = places.next();
            PutRecordsResultEntry {
                sequence_number: place.map(number),
                shard_id: place.map(|place| shard_id(place.shard)),
                ..Default::default()
            }
        }
    };
    Ok(PutRecordsOutput {
        failed_record_count: i32::try_from(failed).ok(),
        records: refused.into_iter().map(entry).collect(),
        encryption_type: put.is_encrypted.then(|| KMS.to_owned()),
    })
}

/// A record of a request.
///
/// # Errors
/// It breaks a rule.
fn record(
    stream: &Stream,
    partition_key: Option<String>,
    explicit_hash_key: Option<&str>,
    data: Vec<u8>,
) -> Result<NewRecord, ServiceError> {
    let partition_key = partition_key.ok_or_else(|| invalid("PartitionKey must be provided."))?;
    let hash = match explicit_hash_key {
        Some(text) => text.parse().map_err(|_| {
            invalid(format!("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"))
        })?,
        None => HashKey::of(&partition_key),
    };
    let record = NewRecord { partition_key, hash, data };
    let most = stream.document().value.record_kib_max.unsigned_abs() as usize * 1024;
    match record.bytes() > most {
        true => Err(invalid(format!("Record size exceeds the limit of {most} bytes, partition key included."))),
        false => Ok(record),
    }
}

fn number(put: Put) -> String {
    SequenceNumber { place: put.place, shard: put.shard }.to_string()
}

fn exceeded(stream: &Stream, hash: HashKey) -> String {
    let shard = shard_of(&stream.open_shards(), hash).map_or(0, |(_, index)| index);
    let (name, account) = (&stream.key.name, stream.key.account);
    format!("Rate exceeded for shard {} in stream {name} under account {account}.", shard_id(shard))
}

/// The number and index of the shard that takes records of this hash key.
pub(crate) fn shard_of(open: &[(HashKey, u64, u32)], hash: HashKey) -> Option<(u64, u32)> {
    let after = open.partition_point(|(first, ..)| *first <= hash);
    open.get(after.checked_sub(1)?).map(|(_, number, index)| (*number, *index))
}

impl DataStreams {
    /// Whether the record's shard takes it now.
    fn admits(&self, stream: &Stream, record: &NewRecord) -> bool {
        if self.enforcement == Enforcement::Off {
            return true;
        }
        let Some((_, shard)) = shard_of(&stream.open_shards(), record.hash) else { return true };
        let admitted = stream.throughput.admits_record(shard, record.bytes(), self.clock.monotonic());
        if !admitted {
            stream.measures.add("WriteProvisionedThroughputExceeded", 1.0);
            stream.measures.add_of_shard(shard, "WriteProvisionedThroughputExceeded", 1.0);
        }
        admitted
    }

    /// Puts records into a stream, in their order; they are durable when it is done.
    ///
    /// # Errors
    /// None of the records is in the stream then.
    pub(crate) async fn put(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        records: Vec<NewRecord>,
    ) -> Result<PutAll, ServiceError> {
        if stream.waiting_bytes() >= WAITING_BYTES_MAX {
            let text = "Too many records wait to be put.";
            return Err(model::provisioned_throughput_exceeded_exception(text));
        }
        let (streams, stream) = (self.clone(), stream.clone());
        let outcome = stream.join(records);
        finish(async move {
            let _turn = stream.turn.lock().await;
            streams.put_line(&stream).await;
            drop(_turn);
            outcome.await.map_err(|_| store(StoreError::Stopped))?
        })
        .await
    }

    /// Puts those at the front of a stream's line. It is the caller's turn.
    async fn put_line(&self, stream: &Stream) {
        let line = stream.front();
        if line.is_empty() {
            return;
        }
        let records: Vec<&NewRecord> = line.iter().flat_map(|call| &call.records).collect();
        let outcome = self.append(stream, &records).await;
        let mut places = outcome.as_ref().map(|put| put.records.clone()).unwrap_or_default().into_iter();
        for call in line {
            let told = match &outcome {
                Ok(put) => {
                    let records = places.by_ref().take(call.records.len()).collect();
                    Ok(PutAll { records, is_encrypted: put.is_encrypted })
                }
                Err(error) => Err(copy(error)),
            };
            // Who does not wait any more learns nothing.
            let _ = call.answer.send(told);
        }
    }

    /// Appends records to their shards. It is the caller's turn.
    async fn append(&self, stream: &Stream, records: &[&NewRecord]) -> Result<PutAll, ServiceError> {
        stream.ensure_there()?;
        let tail = self.find_tail(stream).await?;
        let document = stream.document();
        let key = match &document.value.kms_key {
            Some(key) => {
                let context = encryption::context(&stream.key);
                Some(self.store.encryption_key(key, &context).await.map_err(store)?)
            }
            None => None,
        };
        let is_encrypted = key.is_some();
        // A clock that went back does not turn the order around.
        let time_ms = self.clock.now().0.max(tail.time_ms);
        let open = stream.open_shards();
        let bytes = records.iter().map(|record| record.data.len()).sum();
        let mut rows = Rows::with_capacity(&DATA_RECORDS, records.len(), bytes);
        let mut shards = Vec::with_capacity(records.len());
        for record in records {
            let (number, index) = shard_of(&open, record.hash).ok_or_else(|| store(StoreError::Stopped))?;
            rows.u64(number);
            rows.i64(time_ms);
            rows.text(&record.partition_key);
            rows.u64(u64::from(is_encrypted));
            rows.bytes(&record.data);
            rows.end_row();
            shards.push(index);
        }
        let lsn = self.store.append(rows.encrypted_under(key)).await.map_err(store)?;
        let seq = |row: usize| lsn.0 << SEQ_ROW_BITS | row as u64;
        let put = |(row, shard): (usize, &u32)| Put { shard: *shard, place: Place { time_ms, seq: seq(row) } };
        let placed: Vec<Put> = shards.iter().enumerate().map(put).collect();
        stream.set_tail(Place { time_ms, seq: seq(records.len().saturating_sub(1)) });
        for (record, shard) in records.iter().zip(&shards) {
            let bytes = record.bytes() as f64;
            stream.measures.add("IncomingBytes", bytes);
            stream.measures.add("IncomingRecords", 1.0);
            stream.measures.add_of_shard(*shard, "IncomingBytes", bytes);
            stream.measures.add_of_shard(*shard, "IncomingRecords", 1.0);
        }
        Ok(PutAll { records: placed, is_encrypted })
    }

    /// The end of a stream; looked for in the store if it is not known. It is the caller's turn.
    pub(crate) async fn find_tail(&self, stream: &Stream) -> Result<Place, ServiceError> {
        if let Tail::At(place) = stream.tail() {
            return Ok(place);
        }
        let document = stream.document();
        let numbers: Vec<u64> = document.value.shards.iter().map(|shard| shard.number).collect();
        let newest = self.newest(numbers).await?;
        let opened = document.value.shards.iter().map(|shard| shard.opened).max().unwrap_or(document.value.created);
        let place = newest.unwrap_or_default().max(Place { time_ms: opened, seq: 0 });
        stream.set_tail(place);
        Ok(place)
    }

    pub(crate) fn elapsed_ms(&self, began: std::time::Duration) -> f64 {
        self.clock.monotonic().saturating_sub(began).as_secs_f64() * 1000.0
    }
}
