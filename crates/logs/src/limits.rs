//! The limits of the log service, a sentence each, with AWS's quota ("CloudWatch Logs quotas", and the API pages).

use std::time::Duration;

/// The log groups of an account in a Region.
pub const GROUPS_MAX: usize = 1_000_000;

/// The tags of a resource.
pub const TAGS_MAX: usize = 50;

/// The bytes that an event counts beside its message, in batches and pages.
pub const EVENT_OVERHEAD_BYTES: usize = 26;

/// The bytes of a batch: of the messages in UTF-8, and the overhead of each event. One event may be as large as the batch.
pub const BATCH_BYTES_MAX: usize = 1_048_576;

/// The time between the oldest and the newest valid event of a batch.
pub const BATCH_SPAN_MS_MAX: i64 = 24 * HOUR_MS;

/// The oldest event that is taken.
pub const EVENT_AGE_MS_MAX: i64 = 14 * DAY_MS;

/// The key attributes of an entity ("Entity").
pub const ENTITY_KEY_ATTRIBUTES_MAX: usize = 4;

/// The characters of the name of a key attribute.
pub const ENTITY_KEY_ATTRIBUTE_NAME_CHARS_MAX: usize = 32;

/// The other attributes of an entity.
pub const ENTITY_ATTRIBUTES_MAX: usize = 10;

/// The characters of the name of another attribute.
pub const ENTITY_ATTRIBUTE_NAME_CHARS_MAX: usize = 256;

/// The characters of the value of any attribute.
pub const ENTITY_VALUE_CHARS_MAX: usize = 512;

/// How far in the future an event may lie.
pub const EVENT_AHEAD_MS_MAX: i64 = 2 * HOUR_MS;

/// The events of a page of GetLogEvents and FilterLogEvents.
pub const PAGE_EVENTS_MAX: usize = 10_000;

/// The bytes of the events of a page.
pub const PAGE_BYTES_MAX: usize = 1_048_576;

/// The bytes of messages that one FilterLogEvents call looks at before it answers with what it found so far, and a token:
/// a call's time stays bounded however rare its pattern.
pub const FILTER_BYTES_MAX: u64 = 1 << 30;

/// The earliest `startTime`, 2024-01-01T00:00:00Z, with which FilterLogEvents goes backward ("FilterLogEvents").
pub const BACKWARD_START_MS_MIN: i64 = 1_704_067_200_000;

/// The log groups or streams of a page of Describe operations.
pub const DESCRIBE_PAGE_MAX: usize = 50;

/// The log groups of a page of ListLogGroups, unless it asks for up to a thousand.
pub const LIST_PAGE_DEFAULT: usize = 50;

/// How long a paging token is valid.
pub const TOKEN_AGE_MS_MAX: i64 = DAY_MS;

/// The days that a retention policy may name ("PutRetentionPolicy").
pub const RETENTION_DAYS: &[i32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The days that events of a group of class DELIVERY are kept ("CreateLogGroup").
pub const DELIVERY_RETENTION_DAYS: i32 = 1;

/// The account policies that are looked at for one type: more than any type may have.
pub const ACCOUNT_POLICIES_MAX: usize = 100;

/// The characters of the name of an account policy.
pub const ACCOUNT_POLICY_NAME_CHARS_MAX: usize = 256;

/// The bytes of selection criteria ("PutAccountPolicy").
pub const SELECTION_BYTES_MAX: usize = 25 * 1024;

/// The names or prefixes of the selection criteria of a metric extraction policy ("PutAccountPolicy").
pub const SELECTION_VALUES_MAX: usize = 50;

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// The milliseconds of a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The subscription filters of a log group.
pub const SUBSCRIPTION_FILTERS_MAX: usize = 2;

/// The destinations of all accounts: each is a document in memory. AWS: no quota is published.
pub const DESTINATIONS_MAX: usize = 10_000;

/// The bytes of a destination's policy ("PutDestinationPolicy").
pub const DESTINATION_POLICY_BYTES_MAX: usize = 5_120;

/// The calls that a subscription remembers one by one until their events are delivered; more are remembered together.
pub const SUBSCRIPTION_HINTS_MAX: usize = 1_024;

/// The bytes of the events that a subscription has in memory, but for the last: compressed, they are what it holds while its destination
/// takes nothing.
pub const SUBSCRIPTION_CHUNK_BYTES: usize = if cfg!(test) { 4 << 10 } else { 1 << 20 };

/// The events that a subscription has in memory.
pub const SUBSCRIPTION_CHUNK_ROWS: usize = 10_000;

/// Events of more time than this are looked for by their times first.
pub const SUBSCRIPTION_NARROW_MS: i64 = 60_000;

/// The bytes of the events of a message, uncompressed, but for the last. AWS does not say; a function takes six megabytes.
pub const SUBSCRIPTION_MESSAGE_BYTES: usize = 512 << 10;

/// How long events are tried to be delivered ("Real-time processing with subscriptions").
pub const SUBSCRIPTION_AGE_MS_MAX: i64 = DAY_MS;

/// How long a subscription is left alone whose destination takes nothing: ten minutes at most, says AWS.
pub const SUBSCRIPTION_DISABLED_MS: i64 = 600_000;

/// How long a subscription waits that has to deliver what is under a KMS key that cannot be used; for as long as it would be left alone.
pub const SUBSCRIPTION_LOCKED_PAUSE_MS: i64 = 60_000;

/// The pause after the first try that failed; each further one is twice as long.
pub const SUBSCRIPTION_PAUSE_FIRST: Duration = Duration::from_secs(1);

/// The longest pause between two tries.
pub const SUBSCRIPTION_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long a subscription gathers events before it delivers them.
pub const SUBSCRIPTION_FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// How long a subscription waits after the store failed.
pub const SUBSCRIPTION_RETRY_PAUSE: Duration = Duration::from_secs(5);

/// How often it is written down how far a subscription is: so much, at most, is delivered again after a crash.
pub const SUBSCRIPTION_NOTE_MS: u64 = 1_000;

/// How long the end of the program waits for a delivery that is under way.
pub const SUBSCRIPTION_STOP_TIME: Duration = Duration::from_secs(5);

/// The log groups of an account's subscription whose deliveries are counted at once.
pub const SUBSCRIPTION_COUNTERS_MAX: usize = 10_000;

/// The bytes of a record of a data stream, with room for its partition key. AWS: 1 MiB of Kinesis.
pub const DATA_RECORD_BYTES_MAX: usize = (1 << 20) - 256;

/// The records that are put into a data stream at once. AWS: 500 of PutRecords.
pub const DATA_RECORDS_AT_ONCE: usize = 500;

/// The bytes of those records. AWS: 5 MiB of PutRecords.
pub const DATA_RECORDS_BYTES_AT_ONCE: usize = 5 << 20;

/// How long a function may take for a message.
pub const FUNCTION_TIME: Duration = Duration::from_secs(60);

/// The log streams of a subscription whose messages functions take at once.
pub const FUNCTIONS_AT_ONCE: usize = 8;
