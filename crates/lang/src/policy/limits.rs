//! The limits of policies, a sentence each.

/// The statements of a policy; far beyond what fits into the largest that AWS takes (51,200 characters).
pub const STATEMENTS_MAX: usize = 1000;

/// The values that a statement lists, of one element or of one key of a condition.
pub const VALUES_MAX: usize = 1000;
