//! The limits of the key service, a sentence each, with AWS's quota ("AWS KMS quotas", and the API pages).

use std::ops::RangeInclusive;
use std::time::Duration;

/// The keys of an account in a Region.
pub const KEYS_MAX: usize = 100_000;

/// The aliases of a key.
pub const ALIASES_MAX: usize = 50;

/// The grants of a key.
pub const GRANTS_MAX: usize = 50_000;

/// The tags of a key.
pub const TAGS_MAX: usize = 50;

/// The bytes of a key policy.
pub const POLICY_BYTES_MAX: usize = 32 << 10;

/// The bytes of an encryption context, its keys and values together.
pub const CONTEXT_BYTES_MAX: usize = 8 << 10;

/// The bytes of a plaintext that Encrypt takes.
pub const PLAINTEXT_BYTES_MAX: usize = 4096;

/// The bytes of a policy that are matched against a pattern in it: no action or ARN is longer.
pub const PATTERN_BYTES_MAX: usize = 2048;

/// The days that a key may wait for its deletion.
pub const DELETION_WINDOW_DAYS: RangeInclusive<i32> = 7..=30;

/// The days that it waits unless the call says otherwise.
pub const DELETION_WINDOW_DAYS_DEFAULT: i32 = 30;

/// The days between automatic rotations unless the call says otherwise.
pub const ROTATION_PERIOD_DAYS_DEFAULT: i32 = 365;

/// The rotations on demand in a key's life.
pub const ROTATIONS_ON_DEMAND_MAX: usize = 25;

/// How often the service looks for keys that are to be deleted or rotated. Nobody sees a key after its deletion date, so this
/// only says for how long its material may still be in the catalog.
pub const BACKGROUND_INTERVAL: Duration = Duration::from_secs(60);

/// How often a change is tried again because another one came first.
pub const CONFLICTS_MAX: usize = 16;

/// The milliseconds of a day.
pub const DAY_MS: i64 = 24 * 3_600_000;
