//! The limits of data streams, a sentence each, with AWS's quota ("Quotas and limits" of Kinesis Data Streams, and the API pages).

/// The open shards of an account in a Region. AWS: 500 to 20,000, as the Region is.
pub const SHARDS_MAX: usize = 20_000;

/// The streams of an account in a Region: each takes some hundred bytes of memory. AWS has no limit for provisioned ones.
pub const STREAMS_MAX: usize = 10_000;

/// The streams of mode ON_DEMAND of an account in a Region. AWS: 50.
pub const ON_DEMAND_STREAMS_MAX: usize = 50;

/// The shards that a stream of mode ON_DEMAND begins with ("CreateStream").
pub const ON_DEMAND_SHARDS: usize = 4;

/// The shards of a stream, those that are closed and still readable included: the stream's document has them all.
pub const STREAM_SHARDS_MAX: usize = 20_000;

/// The records of one PutRecords.
pub const PUT_RECORDS_MAX: usize = 500;

/// The bytes of the records of one PutRecords, partition keys included. AWS: 10 MiB.
pub const PUT_BYTES_MAX: usize = 10 << 20;

/// The kibibytes of a record, its partition key included, unless the stream says otherwise.
pub const RECORD_KIB_DEFAULT: i32 = 1024;

/// The records of one GetRecords.
pub const GET_RECORDS_MAX: usize = 10_000;

/// The bytes of the records of one GetRecords. AWS: 10 MB.
pub const GET_BYTES_MAX: usize = 10 << 20;

/// The calls of a stream that become durable together.
pub const LINE_MAX: usize = 1_024;

/// The bytes of their records, but for the last call's.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The bytes of records that wait at a stream for their turn: what comes then is told to come again.
pub const WAITING_BYTES_MAX: usize = 64 << 20;

/// How long an iterator is good for.
pub const ITERATOR_MS: i64 = 300_000;

/// How long a subscription to a shard lasts ("SubscribeToShard"): the consumer then subscribes again.
pub const SUBSCRIPTION_MS: i64 = 300_000;

/// How soon after a subscription its consumer may take the shard over by another ("SubscribeToShard").
pub const TAKEOVER_MS: i64 = 5_000;

/// How long nothing is told to a subscriber: then it learns that it is at the end.
pub const HEARTBEAT_MS: i64 = 5_000;

/// The records of an event of a subscription.
pub const EVENT_RECORDS_MAX: usize = 10_000;

/// The bytes of its records: an event is in memory while it is sent. AWS's are of 1 MiB, too.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// The subscriptions of the process: each is a connection that is held open.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;

/// How long a token of ListShards or ListStreamConsumers is good for.
pub const TOKEN_MS: i64 = 300_000;

/// The hours that records are kept unless something else is said, and the fewest.
pub const RETENTION_HOURS_MIN: i32 = 24;

/// The most hours: a year.
pub const RETENTION_HOURS_MAX: i32 = 8_760;

/// The shards of a page of DescribeStream, unless it asks for another number.
pub const DESCRIBE_PAGE: usize = 100;

/// The shards of a page of ListShards, unless it asks for another number.
pub const SHARDS_PAGE: usize = 1_000;

/// The streams, or consumers, of a page, unless it asks for another number.
pub const LIST_PAGE: usize = 100;

/// The tags of a stream or consumer. AWS: 50.
pub const TAGS_MAX: usize = 50;

/// The consumers of a stream. AWS: 20, or 50 of an on-demand stream.
pub const CONSUMERS_MAX: usize = 50;

/// The KMS keys that a stream's older records may be under; the oldest are forgotten beyond.
pub const EARLIER_KEYS_MAX: usize = 16;

/// The records that a shard takes in a second, where throughput is enforced.
pub const SHARD_WRITE_RECORDS: f64 = 1_000.0;

/// The bytes that a shard takes in a second, where throughput is enforced.
pub const SHARD_WRITE_BYTES: f64 = (1 << 20) as f64;

/// The calls that read a shard in a second, where throughput is enforced.
pub const SHARD_READS: f64 = 5.0;

/// The bytes that are read of a shard in a second, where throughput is enforced.
pub const SHARD_READ_BYTES: f64 = (2 << 20) as f64;

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
