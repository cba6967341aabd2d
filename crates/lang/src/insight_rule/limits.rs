//! The limits of rules, a sentence each, with CloudWatch's where there is one.

/// The bytes of a definition. CloudWatch: 8,192.
pub const DEFINITION_BYTES_MAX: usize = 8192;

/// The log groups that a rule names. CloudWatch names no limit; so many short names fit into a definition.
pub const LOG_GROUPS_MAX: usize = 1000;

/// The keys of a rule. CloudWatch: 4.
pub const KEYS_MAX: usize = 4;

/// The filters of a rule. CloudWatch: 4.
pub const FILTERS_MAX: usize = 4;

/// The strings of a filter. CloudWatch: 10.
pub const FILTER_STRINGS_MAX: usize = 10;

/// The names and indexes of a path.
pub const PATH_STEPS_MAX: usize = 32;

/// The number of a field, and so the fields that are looked for in an event.
pub const FIELD_NUMBER_MAX: usize = 1000;

/// The bytes of a contributor's key that are kept: what is longer is cut, and those that are alike so far are one contributor.
pub const KEY_BYTES_MAX: usize = 1024;
