//! Queries of log events: CloudWatch Logs Insights' own language, and OpenSearch's PPL. Source: "CloudWatch Logs Insights language query
//! syntax", "OpenSearch Piped Processing Language".
//!
//! Both are parsed to the same [`Plan`]: a list of steps over events, with all names resolved. An engine carries it out; expressions
//! are evaluated by [`Expr::evaluate`] where the engine does not translate them. [`run`] carries out whole plans over events
//! in memory: slowly, and obviously right.

pub mod aggregate;
mod builder;
mod call;
mod cursor;
mod cwli;
pub mod discover;
mod error;
pub mod eval;
pub mod event;
mod functions;
pub mod glob;
mod grok;
mod joining;
pub mod json;
mod lexer;
pub mod limits;
mod parser;
pub mod patterns;
pub mod period;
pub mod plan;
mod ppl;
mod render;
mod resolve;
pub mod run;
mod syntax;
#[cfg(test)]
mod tests;
mod text_pattern;
pub mod time;
pub mod value;

pub use cwli::NOT_OF_INFREQUENT_ACCESS;
pub use error::QueryError;
pub use plan::{Expr, Plan};
pub use render::{render, render_number};
pub use value::{Value, ValueSet};

impl Plan {
    /// Parses a query in a language.
    ///
    /// # Errors
    ///
    /// [`QueryError`] if it is not one: what is not understood is never passed over.
    pub fn parse(text: &str, language: plan::Language) -> Result<Plan, QueryError> {
        parser::query(text, language)
    }
}
