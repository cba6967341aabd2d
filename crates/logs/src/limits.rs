//! The limits of the log service, a sentence each, with AWS's quota ("CloudWatch Logs quotas", and the API pages).

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

/// The compiled transformers in memory. Beyond, all are let go and compiled anew as they are needed.
pub const TRANSFORMERS_HELD_MAX: usize = 1_000;

/// The bytes that a batch's events may become when they are transformed, but for the last of them: what goes into one append has
/// a limit.
pub const TRANSFORMED_BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The log anomaly detectors of an account in a Region.
pub const ANOMALY_DETECTORS_MAX: usize = 500;

/// For how many days anomalies are shown, if nothing is said.
pub const ANOMALY_VISIBILITY_DAYS: i64 = 21;

/// The anomalies that are kept of a detector.
pub const ANOMALIES_MAX: usize = 500;

/// The events that are kept of an anomaly.
pub const ANOMALY_SAMPLES_MAX: usize = 10;

/// The intervals in which an anomaly was seen that are kept, the newest.
pub const ANOMALY_HISTOGRAM_MAX: usize = 200;

/// The bytes of events that a detector learns from, the oldest of two weeks.
pub const ANOMALY_TRAINING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How much later than their time events may be received for a detector to look at them, or an interval if that is longer.
pub const ANOMALY_LATE_MS_MAX: i64 = 5 * MINUTE_MS;

/// The intervals that a detector looks at after a pause, the newest.
pub const ANOMALY_INTERVALS_MAX: i64 = 24;

/// The resource policies of an account in a Region, beside those of log groups.
pub const RESOURCE_POLICIES_MAX: usize = 10;

/// The fields of an index policy ("Field index syntax and quotas").
pub const INDEXED_FIELDS_MAX: usize = 20;

/// The characters of the name of an indexed field.
pub const INDEXED_FIELD_CHARS_MAX: usize = 100;

/// For how many days events are found by their indexed fields.
pub const FIELD_INDEX_DAYS: i64 = 30;

/// The bytes of events that DescribeFieldIndexes looks at from either end of its groups, together.
pub const FIELD_INDEX_SCAN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The fields that are discovered in an event ("Supported logs and discovered fields").
pub const EVENT_FIELDS_MAX: usize = 200;

/// The bytes of the name of a discovered field.
pub const EVENT_FIELD_CHARS_MAX: usize = 1_024;

/// The fields that are discovered in a group.
pub const GROUP_FIELDS_MAX: usize = 1_000;

/// The bytes of events that GetLogGroupFields looks at, the newest first.
pub const GROUP_FIELDS_SCAN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// The milliseconds of a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;
