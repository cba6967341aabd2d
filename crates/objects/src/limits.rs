//! The limits of the object service, a sentence each, with AWS's quota ("Amazon S3 multipart upload limits", "Creating, configuring,
//! and working with Amazon S3 general purpose buckets", "Tagging").

/// The buckets of an account.
pub const BUCKETS_MAX: usize = 10_000;

/// The bytes of a key in UTF-8.
pub const KEY_BYTES_MAX: usize = 1_024;

/// The bytes of an object that is put at once, of a part, and of the source of a copy.
pub const PUT_BYTES_MAX: u64 = 5 << 30;

/// The bytes of an object that is put together of parts.
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;

/// The least bytes of a part that is not the last.
pub const PART_BYTES_MIN: u64 = 5 << 20;

/// The parts of an upload.
pub const PARTS_MAX: usize = 10_000;

/// The bytes of names and values of an object's own metadata.
pub const METADATA_BYTES_MAX: usize = 2_048;

/// The tags of an object.
pub const OBJECT_TAGS_MAX: usize = 10;

/// The tags of a bucket.
pub const BUCKET_TAGS_MAX: usize = 50;

/// The characters of a tag's key.
pub const TAG_KEY_CHARS_MAX: usize = 128;

/// The characters of a tag's value.
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// The bytes of a bucket policy.
pub const POLICY_BYTES_MAX: usize = 20 << 10;

/// The keys of a DeleteObjects.
pub const DELETE_KEYS_MAX: usize = 1_000;

/// The entries of a page of a listing.
pub const PAGE_MAX: usize = 1_000;

/// How many entries of the index a listing reads at a time. One that folds keys into common prefixes reads anew behind each
/// prefix, so that it is not the number of keys that it pays for but that of prefixes.
pub const INDEX_READ: usize = 250;

/// Content up to so many bytes lies in the catalog, in the transaction that makes it visible: one sync, where a file takes three.
pub const INLINE_BYTES_MAX: usize = 16 << 10;

/// Content is kept in files of so many bytes, each written whole: the part size of the SDKs' transfer managers.
pub const FILE_BYTES: usize = 8 << 20;

/// How much of a file is read at a time for an answer.
pub const READ_BYTES: usize = 1 << 20;

/// Mebibytes of content in memory on their way into files, of all calls together; who finds no room is told to slow down.
pub const BUFFERS_MEBIBYTES_MAX: usize = 256;

/// How long a call waits for such room.
pub const BUFFER_TIME: std::time::Duration = std::time::Duration::from_secs(20);

/// Locks over keys: writes of keys that share one wait for each other.
pub const KEY_LOCKS: usize = 256;

/// Content that another service reads by the port at once.
pub const PORT_BYTES_MAX: u64 = 64 << 20;

/// The files that the sweep of a start compares with the index at a time.
pub const SWEEP_READ: usize = 4_096;
