//! `parseRoute53`: query logs of public hosted zones in Route 53.

use serde_json::Value;

use super::vended::{self, Column, number, text};
use crate::transform::event::{Event, Failure, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseRoute53";

/// The fields of version 1.0 ("Public DNS query logging").
const COLUMNS: &[Column] = &[
    number("version"),
    text("queryTimestamp"),
    text("hostZoneId"),
    text("queryName"),
    text("queryType"),
    text("responseCode"),
    text("protocol"),
    text("edgeLocation"),
    text("resolverIp"),
    text("ednsClientSubnet"),
];

struct ParseRoute53;

/// Compiles `{}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    vended::check(options)?;
    Ok(Box::new(ParseRoute53))
}

impl Process for ParseRoute53 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let fields = vended::fields(event.source.message, COLUMNS, COLUMNS.len())?;
        event.fields.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(())
    }
}
