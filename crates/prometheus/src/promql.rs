//! PromQL: text to an expression, and an expression with samples to an answer. Pure: no IO, no clock but the one it is told the
//! time by, no panic. Sources: "Querying basics", "Operators", "Query functions" of the Prometheus documentation; where they are
//! silent, what Prometheus 3 does.

pub mod ast;
pub mod eval;
mod format;
pub mod functions;
pub mod labels;
mod lex;
pub mod matcher;
pub mod number;
pub mod parse;
#[cfg(test)]
mod parse_tests;
mod quoted;

pub use ast::{Expr, ExprKind, Selector, Type};
pub use format::prettify;
pub use labels::Labels;
pub use matcher::{MatchOperator, Matcher};
pub use parse::{ParseError, parse, parse_selector};
