//! `parseVPC`: VPC flow logs in their default format.

use serde_json::Value;

use super::vended::{self, Column, number, text};
use crate::transform::event::{Event, Failure, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseVPC";

/// The fields of version 2 ("Flow log records").
const COLUMNS: &[Column] = &[
    number("version"),
    text("accountId"),
    text("interfaceId"),
    text("srcAddr"),
    text("dstAddr"),
    number("srcPort"),
    number("dstPort"),
    number("protocol"),
    number("packets"),
    number("bytes"),
    number("start"),
    number("end"),
    text("action"),
    text("logStatus"),
];

struct ParseVpc;

/// Compiles `{}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    vended::check(options)?;
    Ok(Box::new(ParseVpc))
}

impl Process for ParseVpc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let fields = vended::fields(event.source.message, COLUMNS, COLUMNS.len())?;
        event.fields.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(())
    }
}
