//! Grok expressions: texts with predefined patterns in them, `%{PATTERN:key}`. What stands between patterns is meant as it is;
//! an expression matches the whole of a text.

mod expression;
mod patterns;
#[cfg(test)]
mod tests;

pub(super) use expression::Expression;
