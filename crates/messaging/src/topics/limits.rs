//! The limits of topics, a sentence each, with AWS's quota ("Amazon SNS endpoints and quotas", and the API pages).

use std::time::Duration;

/// The characters of a topic's name ("CreateTopic").
pub const TOPIC_NAME_CHARS_MAX: usize = 256;

/// The topics of an account in a Region. AWS: 100,000 standard ones.
pub const TOPICS_MAX: usize = 100_000;

/// The characters of a topic's display name. AWS: 100.
pub const DISPLAY_NAME_CHARS_MAX: usize = 100;

/// The subscriptions of a topic: all of them are looked at for each message. AWS: 12,500,000, and 100 of a FIFO topic.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;

/// The subscriptions of a FIFO topic. AWS: 100.
pub const FIFO_SUBSCRIPTIONS_MAX: usize = 100;

/// The filter policies of a topic. AWS: 200.
pub const FILTER_POLICIES_MAX: usize = 200;

/// The tags of a topic ("TagResource").
pub const TAGS_MAX: usize = 50;

/// The characters of a tag's key.
pub const TAG_KEY_CHARS_MAX: usize = 128;

/// The characters of a tag's value.
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// The topics or subscriptions of a page ("ListTopics").
pub const PAGE_MAX: usize = 100;

/// The bytes of a message with its attributes and subject, and of all messages of a batch ("Publish").
pub const MESSAGE_BYTES_MAX: usize = 262_144;

/// The characters of a subject; it has fewer ("Publish").
pub const SUBJECT_CHARS_MAX: usize = 100;

/// The messages of a batch ("PublishBatch").
pub const BATCH_MAX: usize = 10;

/// The characters of the id of an entry of a batch ("PublishBatchRequestEntry").
pub const BATCH_ID_CHARS_MAX: usize = 80;

/// The characters of a message group's or deduplication id ("Publish").
pub const FIFO_ID_CHARS_MAX: usize = 128;

/// The attributes of a message that raw delivery hands to a queue ("Amazon SNS raw message delivery").
pub const RAW_ATTRIBUTES_MAX: usize = 10;

/// The bytes of a topic's policy or delivery policy. AWS: 30,720 of a policy.
pub const POLICY_BYTES_MAX: usize = 30_720;

/// The statements of a topic's policy that AddPermission adds to. AWS: 20.
pub const PERMISSIONS_MAX: usize = 20;

/// The characters of an endpoint: the longest URL that is asked for anywhere.
pub const ENDPOINT_CHARS_MAX: usize = 2_048;

/// How long a subscription may be confirmed ("Subscribe").
pub const TOKEN_MS: i64 = 3 * 24 * HOUR_MS;

/// How long a FIFO topic knows a deduplication id ("Message deduplication for FIFO topics").
pub const DEDUPLICATION_MS: i64 = 5 * 60_000;

/// How long a publisher's own key is known.
pub const KEY_MS: i64 = HOUR_MS;

/// The deduplication ids and keys that are known at once; further messages that have one are put off.
pub const KEYS_MAX: usize = 1_000_000;

/// The bytes of messages that are kept in memory on their way; the others are read again when their turn comes.
pub const BODIES_BYTES_MAX: usize = 32 << 20;

/// The tries at one HTTP endpoint, function or mail server at once, of one subscription.
pub const AT_ONCE_MAX: usize = 8;

/// The messages on their way to one queue at once.
pub const QUEUE_AT_ONCE_MAX: usize = 64;

/// The retries of a delivery policy ("Creating an HTTP/S delivery policy").
pub const RETRIES_MAX: u64 = 100;

/// The seconds of all pauses of a delivery policy together, and of one pause.
pub const RETRY_SECONDS_MAX: u64 = 3_600;

/// How often what is settled is looked through: which rows can go, which subscriptions were never confirmed.
pub const TIDY_INTERVAL: Duration = Duration::from_secs(60);

/// The topics whose metrics are counted at once.
pub const COUNTERS_MAX: usize = 10_000;

/// The messages whose signatures are kept for further subscriptions: at their largest they take 16 MiB.
pub const SIGNATURES_MAX: usize = 64;

/// The bits of the key that messages are signed with.
pub const SIGNING_KEY_BITS: usize = 2_048;

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
