//! `parseCloudfront`: standard access logs of CloudFront.

use serde_json::Value;

use super::vended::{self, Column, number, text};
use crate::transform::event::{Event, Failure, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseCloudfront";

/// The fields of version 1.0 ("Standard logging reference"), the newest at the end.
const COLUMNS: &[Column] = &[
    text("date"),
    text("time"),
    text("x-edge-location"),
    number("sc-bytes"),
    text("c-ip"),
    text("cs-method"),
    text("cs(Host)"),
    text("cs-uri-stem"),
    number("sc-status"),
    text("cs(Referer)"),
    text("cs(User-Agent)"),
    text("cs-uri-query"),
    text("cs(Cookie)"),
    text("x-edge-result-type"),
    text("x-edge-request-id"),
    text("x-host-header"),
    text("cs-protocol"),
    number("cs-bytes"),
    number("time-taken"),
    text("x-forwarded-for"),
    text("ssl-protocol"),
    text("ssl-cipher"),
    text("x-edge-response-result-type"),
    text("cs-protocol-version"),
    text("fle-status"),
    number("fle-encrypted-fields"),
    number("c-port"),
    number("time-to-first-byte"),
    text("x-edge-detailed-result-type"),
    text("sc-content-type"),
    number("sc-content-len"),
    number("sc-range-start"),
    number("sc-range-end"),
];

/// Logs from before 2019 end with `fle-encrypted-fields`.
const COLUMNS_MIN: usize = 26;

struct ParseCloudfront;

/// Compiles `{}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    vended::check(options)?;
    Ok(Box::new(ParseCloudfront))
}

impl Process for ParseCloudfront {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let fields = vended::fields(event.source.message, COLUMNS, COLUMNS_MIN)?;
        event.fields.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(())
    }
}
