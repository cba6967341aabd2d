//! The processors, one file each. [`PROCESSORS`] is the table of them: to add one, copy a neighbour and give it a row.

mod add_keys;
mod copy_value;
mod csv;
mod date_time_converter;
mod delete_keys;
mod grok;
mod list_to_map;
mod lower_case_string;
mod move_keys;
mod parse_cloudfront;
mod parse_json;
mod parse_key_value;
mod parse_postgres;
mod parse_route53;
mod parse_to_ocsf;
mod parse_vpc;
mod parse_waf;
mod rename_keys;
mod split_string;
mod strings;
mod substitute_string;
mod trim_string;
mod type_converter;
mod upper_case_string;
mod vended;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::event::Process;
use super::limits::TEXT_CHARS_MAX;
use super::path::Path;

/// A processor that transformers may have.
pub(super) struct Processor {
    /// Its name in the API.
    pub name: &'static str,
    /// Where it may stand.
    pub role: Role,
    /// Whether a transformer has at most one of it.
    pub is_unique: bool,
    /// Compiles what it is to do; the error says what is wrong.
    pub compile: Compile,
}

/// Where a processor may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Parses logs of AWS's services, and must be the first.
    VendedParser,
    /// Parses texts; one of these or of the above must be the first.
    Parser,
    /// Changes what was parsed.
    Mutator,
}

type Compile = fn(Value) -> Result<Box<dyn Process>, String>;

const fn row(name: &'static str, role: Role, is_unique: bool, compile: Compile) -> Processor {
    Processor { name, role, is_unique, compile }
}

/// All processors, by kind and name.
pub(super) const PROCESSORS: &[Processor] = &[
    row(parse_cloudfront::NAME, Role::VendedParser, true, parse_cloudfront::compile),
    row(parse_postgres::NAME, Role::VendedParser, true, parse_postgres::compile),
    row(parse_route53::NAME, Role::VendedParser, true, parse_route53::compile),
    row(parse_to_ocsf::NAME, Role::VendedParser, true, parse_to_ocsf::compile),
    row(parse_vpc::NAME, Role::VendedParser, true, parse_vpc::compile),
    row(parse_waf::NAME, Role::VendedParser, true, parse_waf::compile),
    row(csv::NAME, Role::Parser, false, csv::compile),
    row(grok::NAME, Role::Parser, true, grok::compile),
    row(parse_json::NAME, Role::Parser, false, parse_json::compile),
    row(parse_key_value::NAME, Role::Parser, false, parse_key_value::compile),
    row(add_keys::NAME, Role::Mutator, true, add_keys::compile),
    row(copy_value::NAME, Role::Mutator, true, copy_value::compile),
    row(date_time_converter::NAME, Role::Mutator, false, date_time_converter::compile),
    row(delete_keys::NAME, Role::Mutator, false, delete_keys::compile),
    row(list_to_map::NAME, Role::Mutator, false, list_to_map::compile),
    row(lower_case_string::NAME, Role::Mutator, false, lower_case_string::compile),
    row(move_keys::NAME, Role::Mutator, false, move_keys::compile),
    row(rename_keys::NAME, Role::Mutator, false, rename_keys::compile),
    row(split_string::NAME, Role::Mutator, false, split_string::compile),
    row(substitute_string::NAME, Role::Mutator, false, substitute_string::compile),
    row(trim_string::NAME, Role::Mutator, false, trim_string::compile),
    row(type_converter::NAME, Role::Mutator, false, type_converter::compile),
    row(upper_case_string::NAME, Role::Mutator, false, upper_case_string::compile),
];

/// Options that are a list of entries.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entries<E> {
    entries: Vec<E>,
}

/// Options that are a list of keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WithKeys {
    with_keys: Vec<String>,
}

/// Reads options. Lists of values in the order of their names are none.
fn options<O: DeserializeOwned>(options: Value) -> Result<O, String> {
    if !options.is_object() {
        return Err("an object is expected".into());
    }
    serde_json::from_value(options).map_err(|error| error.to_string())
}

/// The entries of a processor, of which there are between one and `max`.
fn entries<E: DeserializeOwned>(value: Value, max: usize) -> Result<Vec<E>, String> {
    let Entries { entries } = options::<Entries<Value>>(value)?;
    check_count("entries", entries.len(), max)?;
    entries.into_iter().map(options).collect()
}

/// The keys of a processor, of which there are between one and `max`.
fn with_keys(value: Value, max: usize) -> Result<Vec<Path>, String> {
    let WithKeys { with_keys } = options(value)?;
    check_count("withKeys", with_keys.len(), max)?;
    with_keys.iter().map(|key| Path::parse(key)).collect()
}

fn check_count(what: &str, count: usize, max: usize) -> Result<(), String> {
    match count {
        count if (1..=max).contains(&count) => Ok(()),
        _ => Err(format!("{what} must have between 1 and {max} items")),
    }
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    match text.chars().count() {
        count if (1..=TEXT_CHARS_MAX).contains(&count) => Ok(()),
        _ => Err(format!("{what} must have between 1 and {TEXT_CHARS_MAX} characters")),
    }
}
