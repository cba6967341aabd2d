//! The limits of events, a sentence each, with AWS's quota ("Amazon EventBridge quotas", and the API pages).

use std::time::Duration;

/// The event buses of an account in a Region. AWS: 100.
pub const BUSES_MAX: usize = 100;

/// The rules of a bus. AWS: 300.
pub const RULES_MAX: usize = 300;

/// The targets of a rule. AWS: 5.
pub const TARGETS_MAX: usize = 5;

/// The targets of one PutTargets, and the ids of one RemoveTargets ("PutTargets").
pub const TARGETS_OF_CALL_MAX: usize = 100;

/// The characters of a bus's name ("CreateEventBus").
pub const BUS_NAME_CHARS_MAX: usize = 256;

/// The characters of an event pattern: the model's, above the quota's 2,048.
pub const PATTERN_CHARS_MAX: usize = 4_096;

/// The tags of a rule or bus ("TagResource").
pub const TAGS_MAX: usize = 50;

/// The characters of a bus's policy ("PutPermission").
pub const POLICY_CHARS_MAX: usize = 10_240;

/// The entries of a page of any list.
pub const PAGE_MAX: usize = 100;

/// How long a `NextToken` may be handed back: 24 hours.
pub const TOKEN_AGE_MS_MAX: i64 = 24 * HOUR_MS;

/// The bytes of an event's entry, and of all entries of a call together ("PutEvents").
pub const ENTRIES_BYTES_MAX: usize = 1 << 20;

/// The bytes that an entry's time counts as ("Calculating PutEvents event entry size").
pub const TIME_BYTES: usize = 14;

/// How deep an event's detail may be nested: with the envelope, as deep as readers of JSON commonly go. AWS: 1,000.
pub const DETAIL_DEPTH_MAX: usize = 126;

/// The characters of a detail type ("Amazon EventBridge quotas").
pub const DETAIL_TYPE_CHARS_MAX: usize = 128;

/// The retries of a target that says nothing ("RetryPolicy").
pub const RETRIES_MAX: u32 = 185;

/// How long a target that says nothing is tried ("RetryPolicy").
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(86_400);

/// The retries whose pauses grow, from a second to [`RETRY_PAUSE_MAX`].
pub const GROWING_RETRIES: u32 = 10;

/// The first pause of a target that failed.
pub const RETRY_PAUSE_FIRST: Duration = Duration::from_secs(1);

/// The longest pause of a target that failed: 185 of them fill 24 hours.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(8 * 60);

/// How much of a pause is left to chance, in hundredths.
pub const JITTER_PERCENT: u32 = 50;

/// The events on their way to one target at once.
pub const AT_ONCE_MAX: usize = 64;

/// How long a function may take to answer.
pub const FUNCTION_TIME: Duration = Duration::from_secs(60);

/// The rules that an event may pass on its way from bus to bus: beyond, it is in a loop that nobody noticed.
pub const HOPS_MAX: usize = 16;

/// The bytes of events that are kept in memory on their way; the others are read again when their turn comes.
pub const EVENTS_BYTES_MAX: usize = 32 << 20;

/// The deliveries whose last failure is kept in memory; of further ones only those that are given up.
pub const FAILURES_MAX: usize = 100_000;

/// The characters of a failure's text, as dead letters have it.
pub const FAILURE_CHARS_MAX: usize = 512;

/// How often what is settled is looked through.
pub const TIDY_INTERVAL: Duration = Duration::from_secs(60);

/// The times of one schedule that are caught up with when the clock jumps: a day of minutes. Of more, only the last one fires.
pub const CATCH_UP_MAX: usize = 1_440;

/// How long the schedules wait at most until they look at the clock again.
pub const SCHEDULE_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long a schedule waits whose event could not be written down.
pub const SCHEDULE_RETRY: Duration = Duration::from_secs(1);

/// The accounts and Regions whose metrics are counted at once.
pub const PLACES_MAX: usize = 1_000;

/// The default buses that are kept in memory although nothing of them was changed.
pub const IDLE_BUSES_MAX: usize = 10_000;

/// How long a partner event source may wait for its bus ("DescribeEventSource").
pub const SOURCE_PENDING_MS: i64 = 14 * 24 * HOUR_MS;

/// The partner event sources of an account in a Region.
pub const SOURCES_MAX: usize = 1_000;

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// The connections of an account in a Region. AWS: 3,000.
pub const CONNECTIONS_MAX: usize = 3_000;

/// The API destinations of an account in a Region. AWS: 3,000.
pub const DESTINATIONS_MAX: usize = 3_000;

/// How often an API destination that says nothing is called in a second ("CreateApiDestination").
pub const DESTINATION_RATE_DEFAULT: u32 = 300;

/// How long a call of an API destination, or of an authorization endpoint, may take. AWS: 5 seconds.
pub const API_CALL_TIME: Duration = Duration::from_secs(5);

/// How long an API destination may ask to be left alone: as long as an event is tried at all.
pub const RETRY_AFTER_MAX: Duration = EVENT_AGE_MAX;

/// How long before its end a token is no more used.
pub const TOKEN_EARLY_MS: i64 = 1_000;

/// The tokens in memory; if there were more, they would be asked for again.
pub const TOKENS_MAX: usize = 10_000;
