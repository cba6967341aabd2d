//! The limits of trails, a sentence each; AWS's are those of "Quotas in AWS CloudTrail" and "CloudTrail record contents".

use std::time::Duration;

/// How long an event stays in the event history: 90 days, as AWS keeps it.
pub const HISTORY: Duration = Duration::from_secs(90 * 24 * 3600);

/// The events of one page of LookupEvents: AWS's default and maximum.
pub const LOOKUP_RESULTS_MAX: usize = 50;

/// The characters of a lookup attribute's value, as AWS has it.
pub const ATTRIBUTE_VALUE_CHARS_MAX: usize = 2000;

/// The bytes of `requestParameters` and of `responseElements`; what is larger is left out as a whole, as AWS does.
pub const PARAMETERS_BYTES_MAX: usize = 100 << 10;

/// The bytes of `userAgent`, `errorCode` and `errorMessage`; what is longer is cut, as AWS does.
pub const TEXT_BYTES_MAX: usize = 1 << 10;

/// The resources that one event names; a call that names more is found by its first ones.
pub const RESOURCES_MAX: usize = 100;

/// Data events that wait to be written; when there are more, calls wait.
pub const QUEUE_EVENTS_MAX: usize = 8192;

/// Data events that are written at once.
pub const BATCH_EVENTS_MAX: usize = 1024;

/// The bytes of records at which a batch is written, however few they are: far less than the smallest journal takes at once.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// How long a data event waits for others before it is written.
pub const BATCH_WAIT: Duration = Duration::from_millis(500);

/// How long the writer of data events waits before it tries again what the store was too busy for.
pub const RETRY_WAIT: Duration = Duration::from_millis(250);

/// How often it tries again before it gives a batch up.
pub const RETRIES_MAX: u32 = 40;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 3600 * 1000;

/// For how many days an event data store may keep its events.
#[derive(Debug, PartialEq, Eq)]
pub struct Retention {
    /// At least.
    pub days_min: i32,
    /// At most.
    pub days_max: i32,
    /// If the client does not say.
    pub days_default: i32,
}

/// With extendable retention pricing, as AWS has it.
pub static RETENTION_DAYS_EXTENDABLE: Retention = Retention { days_min: 7, days_max: 3653, days_default: 366 };

/// With fixed retention pricing, as AWS has it.
pub static RETENTION_DAYS_FIXED: Retention = Retention { days_min: 7, days_max: 2557, days_default: 2557 };

/// Event data stores of an account in a Region, whatever their status: AWS's quota.
pub const STORES_MAX: usize = 10;

/// How long a deleted event data store can be restored, as on AWS.
pub const STORE_DELETION_WAIT_MS: i64 = 7 * DAY_MS;

/// The advanced event selectors of an event data store, as AWS has it.
pub const SELECTORS_MAX: usize = 5;

/// The values of all its advanced event selectors together, as AWS has it.
pub const SELECTOR_VALUES_MAX: usize = 500;

/// The event data stores of one page: AWS's maximum.
pub const STORES_PAGE_MAX: usize = 1000;

/// The tags of an event data store, as AWS has it.
pub const TAGS_MAX: usize = 50;

/// The resources whose tags are listed in one call, as AWS has it.
pub const TAGGED_RESOURCES_MAX: usize = 20;

/// The events of an event data store that are read at once.
pub const READ_EVENTS_MAX: usize = 2_000;

/// The bytes of records at which a reading of an event data store ends, however few they are.
pub const READ_BYTES_MAX: usize = 4 << 20;
