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
