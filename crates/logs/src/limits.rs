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

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// The milliseconds of a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The log groups that a query may name ("StartQuery").
pub const QUERY_GROUPS_MAX: usize = 50;

/// The log groups that `SOURCE` may select ("SOURCE").
pub const QUERY_SOURCE_GROUPS_MAX: usize = 10_000;

/// The queries in Logs Insights QL that an account may have under way in a Region ("CloudWatch Logs quotas").
pub const QUERIES_MAX: usize = 100;

/// Those in PPL ("CloudWatch Logs quotas").
pub const PPL_QUERIES_MAX: usize = 15;

/// The queries that run at once in the whole server; others wait as `Scheduled`.
pub const QUERIES_RUNNING_MAX: usize = 4;

/// How long a query may run before it ends as `Timeout` ("GetQueryResults").
pub const QUERY_MS_MAX: i64 = HOUR_MS;

/// How long queries and their results are kept ("GetQueryResults").
pub const QUERY_RESULTS_AGE_MS_MAX: i64 = 7 * DAY_MS;

/// The queries of an account in a Region that are kept; older ones go before their time.
pub const QUERIES_KEPT_MAX: usize = 10_000;

/// The bytes of a query's result; one that would be larger fails.
pub const QUERY_RESULT_BYTES_MAX: usize = 256 << 20;

/// The bytes of a row of the table of results, about: rows of results are put together up to it.
pub const QUERY_PART_BYTES: usize = 256 << 10;

/// The bytes of messages that a query reads into memory; one that needs more fails.
pub const QUERY_MEMORY_BYTES_MAX: usize = 512 << 20;

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

/// The characters of the name of a scheduled query.
pub const SCHEDULED_QUERY_NAME_CHARS_MAX: usize = 255;
