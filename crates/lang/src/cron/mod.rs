//! What the dialects of cron share: fields of values ([`Field`], [`Values`]) and the search for the next and the last time at which
//! a clock shows one of them ([`Times`]). Which fields there are, and which days they mean, is each language's own.

mod field;
#[cfg(test)]
mod tests;
mod times;

pub(crate) use field::{DAYS_OF_MONTH, HOURS, MINUTES, MONTHS, Values};
pub use field::{Field, FieldProblem};
pub(crate) use times::Times;
