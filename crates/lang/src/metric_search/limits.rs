//! The limits of searches, a sentence each.

/// The longest search, in characters ("CloudWatch search expression syntax").
pub const SEARCH_CHARS_MAX: usize = 1_024;

/// The most series that a search gives; if more match, the answer says so ("CloudWatch search expression syntax").
pub const SERIES_MAX: usize = 500;

/// How far parentheses and `NOT` may nest: parsing and matching recurse as deep.
pub const DEPTH_MAX: usize = 64;
