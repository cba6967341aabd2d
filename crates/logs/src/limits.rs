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

/// The events of a batch.
pub const BATCH_EVENTS_MAX: usize = 10_000;

/// The fields of an event that are cut if it is too large ("GetLogObject").
pub const LARGE_EVENT_FIELDS_CUT_MAX: usize = 10;

/// The bytes of a large object in one event of its stream.
pub const LARGE_OBJECT_CHUNK_BYTES: usize = 256 * 1024;

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

/// The export tasks of an account in a Region that are remembered.
pub const EXPORTS_KEPT_MAX: usize = 1_000;

/// The bytes of what the keys of an export's files begin with: the task's id, a stream's name and a number come behind it.
pub const EXPORT_PREFIX_BYTES_MAX: usize = 512;

/// The bytes of a key of an export's file. AWS: 1,024 of a key of S3.
pub const EXPORT_KEY_BYTES_MAX: usize = 1_024;

/// How long an export task may take ("CreateExportTask").
pub const EXPORT_AGE_MS_MAX: i64 = DAY_MS;

/// The bytes at which an exported file is full, compressed: one file is in memory at a time.
pub const EXPORT_FILE_BYTES: usize = 16 << 20;

/// The bytes of lines at which an exported file is full, however well they compress.
pub const EXPORT_LINES_BYTES: usize = 256 << 20;

/// How long an export waits first for a bucket that is busy; then twice as long each time.
pub const EXPORT_RETRY_MIN: Duration = Duration::from_secs(1);

/// The longest that it waits at once.
pub const EXPORT_RETRY_MAX: Duration = Duration::from_secs(60);

/// The import tasks of an account in a Region that are at work at once, as AWS has it.
pub const IMPORTS_OPEN_MAX: usize = 3;

/// The import tasks of an account in a Region that are remembered.
pub const IMPORTS_KEPT_MAX: usize = 1_000;

/// The batches of an import task on a page, if the client does not say: AWS's default.
pub const IMPORT_BATCHES_PAGE: usize = 10;

/// How long an import waits first if it cannot go on just now; then twice as long each time.
pub const IMPORT_RETRY_MIN: Duration = Duration::from_secs(1);

/// The longest that it waits at once.
pub const IMPORT_RETRY_MAX: Duration = Duration::from_secs(60);
/// The account policies that are looked at for one type: more than any type may have.
pub const ACCOUNT_POLICIES_MAX: usize = 100;

/// The characters of the name of an account policy.
pub const ACCOUNT_POLICY_NAME_CHARS_MAX: usize = 256;

/// The bytes of selection criteria ("PutAccountPolicy").
pub const SELECTION_BYTES_MAX: usize = 25 * 1024;

/// The names or prefixes of the selection criteria of a metric extraction policy ("PutAccountPolicy").
pub const SELECTION_VALUES_MAX: usize = 50;

/// The metric filters of a log group ("PutMetricFilter").
pub const METRIC_FILTERS_MAX: usize = 100;

/// The metric filters and subscription filters of a log group, together, that have regular expressions ("PutMetricFilter").
pub const REGEX_FILTERS_MAX: usize = 5;

/// The dimensions of a metric filter, system fields among them ("MetricTransformation").
pub const METRIC_FILTER_DIMENSIONS_MAX: usize = 3;

/// The different names and values of dimensions that a metric filter may make within an hour; one more disables it
/// ("PutMetricFilter").
pub const METRIC_FILTER_PAIRS_MAX: usize = 1_000;

/// The measurements that metric filters make of one PutLogEvents: series times minutes. Beyond, nothing is counted.
pub const METRIC_FILTER_MEASUREMENTS_MAX: usize = 50_000;

/// For how long it is known which minutes of a metric filter are not settled: default values of minutes that a server which is
/// down for longer leaves behind are not made up for.
pub const METRIC_FILTER_MINUTES_KEPT_MS: i64 = 2 * DAY_MS;

/// The Live Tail sessions of an account in a Region at a time ("CloudWatch Logs quotas").
pub const LIVE_TAILS_MAX: usize = 15;

/// How long a Live Tail session lasts ("StartLiveTail").
pub const LIVE_TAIL_TIME_MAX: Duration = Duration::from_secs(3 * 3_600);

/// The events of an update of a Live Tail session; of more, as many are sampled ("StartLiveTail").
pub const LIVE_TAIL_EVENTS_MAX: usize = 500;

/// The bytes of the messages of an update: well below what a message of an event stream may have, whatever JSON spells longer.
pub const LIVE_TAIL_UPDATE_BYTES_MAX: usize = 2 << 20;

/// The updates that wait for a client of a Live Tail session; beyond, the oldest are dropped ("StartLiveTail").
pub const LIVE_TAIL_UPDATES_MAX: usize = 10;

/// The bytes of events that a Live Tail session has not looked at yet, a second's worth; what is beyond is lost to it, and its update
/// says that it is a sample.
pub const LIVE_TAIL_QUEUE_BYTES_MAX: usize = 8 << 20;

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

/// The characters of a data source's name and type ("Application logs").
pub const DATA_SOURCE_CHARS_MAX: usize = 64;

/// How deep the types of fields are told; what is nested deeper is text.
pub const DATA_SOURCE_FIELD_DEPTH_MAX: usize = 20;

/// The bytes of events that GetLogGroupFields and GetLogFields look at, the newest first.
pub const GROUP_FIELDS_SCAN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// The data protection policies that are held compiled; beyond, all are compiled again as they are needed.
pub const SHIELDS_HELD_MAX: usize = 256;

/// The bytes of messages that are looked through for sensitive data before others get their turn.
pub const DETECT_BYTES_AT_ONCE: usize = 64 << 10;

/// The places that a report of findings lists for each identifier; it says how many there are.
pub const DETECTIONS_PER_REPORT_MAX: usize = 1000;

/// The reports that are delivered at once.
pub const REPORTS_AT_ONCE_MAX: usize = 500;

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
/// The log groups that a query may name ("StartQuery").
pub const QUERY_GROUPS_MAX: usize = 50;

/// The log groups that `SOURCE` may select ("SOURCE").
pub const QUERY_SOURCE_GROUPS_MAX: usize = 10_000;

/// The queries in Logs Insights QL that an account may have under way in a Region ("CloudWatch Logs quotas").
pub const QUERIES_MAX: usize = 100;

/// Those in PPL ("CloudWatch Logs quotas").
pub const PPL_QUERIES_MAX: usize = 15;

/// The queries in SQL of an account in a Region that have not ended ("CloudWatch Logs quotas").
pub const SQL_QUERIES_MAX: usize = 15;

/// The queries that run at once in the whole server; others wait as `Scheduled`.
pub const QUERIES_RUNNING_MAX: usize = 4;

/// From here on a time of a query is in milliseconds (March 1973), not in seconds (the year 5138).
pub const QUERY_TIME_MS_MIN: i64 = 100_000_000_000;

/// How long a query may run before it ends as `Timeout` ("GetQueryResults").
pub const QUERY_MS_MAX: i64 = HOUR_MS;

/// How long queries and their results are kept ("GetQueryResults").
pub const QUERY_RESULTS_AGE_MS_MAX: i64 = 7 * DAY_MS;

/// The queries of an account in a Region that are kept; older ones go before their time.
pub const QUERIES_KEPT_MAX: usize = 10_000;

/// The bytes of a row of the table of results, about: rows of results are put together up to it.
pub const QUERY_PART_BYTES: usize = 256 << 10;

/// The rows of a page of GetQueryResults ("GetQueryResults").
pub const QUERY_RESULTS_PAGE_MAX: usize = 10_000;

/// How long a token of GetQueryResults is valid ("GetQueryResults").
pub const QUERY_RESULTS_TOKEN_AGE_MS_MAX: i64 = HOUR_MS;

/// The queries of a page of DescribeQueries ("DescribeQueries").
pub const DESCRIBE_QUERIES_PAGE_MAX: usize = 1_000;

/// The log groups of a page of ListLogGroupsForQuery, unless it asks for up to five hundred ("ListLogGroupsForQuery").
pub const QUERY_GROUPS_PAGE_DEFAULT: usize = 50;

/// The saved queries of an account in a Region ("CloudWatch Logs quotas").
pub const QUERY_DEFINITIONS_MAX: usize = 1_000;

/// The lookup tables of an account in a Region ("CloudWatch Logs quotas").
pub const LOOKUP_TABLES_MAX: usize = 100;

/// The bytes of a lookup table ("CreateLookupTable").
pub const LOOKUP_TABLE_BYTES_MAX: usize = 10 << 20;

/// The lookup tables of a page, unless it asks for up to a hundred ("DescribeLookupTables").
pub const LOOKUP_TABLES_PAGE_DEFAULT: usize = 50;

/// The scheduled queries of an account in a Region.
pub const SCHEDULED_QUERIES_MAX: usize = 1_000;

/// The runs of a scheduled query that its history has.
pub const SCHEDULED_RUNS_KEPT_MAX: usize = 100;

/// The queries of log alarms of an account in a Region.
pub const ALARM_QUERIES_MAX: usize = 1_000;

/// The groups whose numbers a run of a log alarm's query has ("Log alarms").
pub const ALARM_QUERY_GROUPS_MAX: usize = 500;

/// The runs of a log alarm's query that its alarm may look at ("PutLogAlarm").
pub const ALARM_QUERY_RUNS_MAX: usize = 100;

/// How long the rows of a log alarm are waited for before it notifies without them.
pub const ALARM_LINES_TIME_MAX: Duration = Duration::from_secs(30);

/// The characters of the name of a scheduled query.
pub const SCHEDULED_QUERY_NAME_CHARS_MAX: usize = 255;

/// The delivery sources of an account in a Region ("CloudWatch Logs quotas").
pub const DELIVERY_SOURCES_MAX: usize = 1_000;

/// The delivery destinations of an account in a Region.
pub const DELIVERY_DESTINATIONS_MAX: usize = 1_000;

/// The deliveries of an account in a Region.
pub const DELIVERIES_MAX: usize = 1_000;

/// The sources, destinations, deliveries or templates of a page.
pub const DELIVERY_PAGE_MAX: usize = 50;

/// How long a record waits for others of its file in a bucket ("Logs sent to Amazon S3").
pub const DELIVERY_FILE_AGE_MS: i64 = 5 * 60_000;

/// The bytes of records at which a file is written earlier.
pub const DELIVERY_FILE_BYTES: usize = 16 << 20;

/// The records that are read at once for a delivery.
pub const DELIVERY_RECORDS_AT_ONCE: usize = 10_000;

/// How long records that cannot be delivered are kept.
pub const DELIVERY_RECORDS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long a delivery waits after its destination failed.
pub const DELIVERY_RETRY_MS: i64 = 30_000;

/// The data sources that are associated with an S3 table integration.
pub const S3_TABLE_SOURCES_MAX: usize = 1_000;

/// The associations of a page, unless it asks for others.
pub const S3_TABLE_SOURCES_PAGE: usize = 50;

/// How often S3 tables are written.
pub const S3_TABLE_ROUND: Duration = Duration::from_secs(60);

/// The bytes of events that one file of an S3 table is made of, about.
pub const S3_TABLE_BYTES_AT_ONCE: usize = 64 << 20;

/// How many files of a day that came one after the other are put together.
pub const S3_TABLE_MERGE_FILES: usize = 8;

/// The files of a manifest of an S3 table: one that lost some of them is written anew.
pub const S3_TABLE_MANIFEST_FILES: u64 = 1_000;

/// How many small manifests lie side by side before they are put together.
pub const S3_TABLE_MERGE_MANIFESTS: usize = 8;

/// The files of an S3 table that are looked at at a time.
pub const S3_TABLE_FILES_READ: usize = 10_000;

/// How many files leave an S3 table in one change, about; further ones leave with the next.
pub const S3_TABLE_REMOVED_AT_ONCE: usize = 10_000;

/// How long a snapshot that was replaced is known to readers.
pub const S3_TABLE_SNAPSHOT_KEPT_MS: i64 = 15 * 60_000;

/// How long an object that is no part of a table any more stays, for who is reading it.
pub const S3_TABLE_OBJECT_KEPT_MS: i64 = 20 * 60_000;

/// How far past their retention events may be in a file that has others, too.
pub const S3_TABLE_EXPIRED_MS_MAX: i64 = HOUR_MS;
