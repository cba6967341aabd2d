//! The limits of filter policies, a sentence each, with AWS's quota ("Filter policy constraints in Amazon SNS").

/// The bytes of a policy. AWS: 256 KB.
pub const POLICY_BYTES_MAX: usize = 256 << 10;

/// The keys of a policy; of nested ones, those that have values. AWS: five.
pub const KEYS_MAX: usize = 5;

/// The product of the numbers of values of all keys, each times the depth of its key. AWS: 150.
pub const COMBINATIONS_MAX: usize = 150;

/// How deep a policy's keys may be nested, far beyond what the number of combinations lets anybody do.
pub const DEPTH_MAX: usize = 32;

/// How deep a message's values are looked into; what lies deeper is not there.
pub const MESSAGE_DEPTH_MAX: usize = 128;

/// The least and the greatest number that a policy may name. AWS: minus one billion to one billion.
pub const NUMBER_MAX: f64 = 1e9;

/// The stars of one wildcard. AWS: three.
pub const WILDCARD_STARS_MAX: usize = 3;
