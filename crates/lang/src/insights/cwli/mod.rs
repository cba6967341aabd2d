//! Logs Insights QL: commands with `|` between them. Source: "CloudWatch Logs Insights language query syntax", a page for each command.

mod columns;
mod join;
mod parse;
mod patterns;
mod rows;
mod source;
mod stats;

use super::error::QueryError;
use super::parser::{Command, Grammar, Nesting, Parser, filter};

/// The language.
pub(super) const GRAMMAR: Grammar = Grammar { source, commands: COMMANDS, command_prefix: "K_" };

const COMMANDS: &[Command] = &[
    Command("fields", columns::fields),
    Command("display", columns::display),
    Command("filter", filter),
    Command("search", filter),
    Command("where", filter),
    Command("filterindex", rows::filter_index),
    Command("parse", parse::parse),
    Command("stats", stats::stats),
    Command("sort", rows::sort),
    Command("order", rows::order),
    Command("limit", rows::limit),
    Command("head", rows::limit),
    Command("tail", rows::limit),
    Command("dedup", rows::dedup),
    Command("pattern", patterns::pattern),
    Command("diff", patterns::diff),
    Command("anomaly", patterns::anomaly),
    Command("unmask", columns::unmask),
    Command("unnest", columns::unnest),
    Command("lookup", columns::lookup),
    Command("join", join::join),
    Command("addtotals", columns::add_totals),
];

/// The commands that log groups of class INFREQUENT_ACCESS refuse ("Log classes").
pub const NOT_OF_INFREQUENT_ACCESS: &[&str] = &["pattern", "diff", "unmask", "anomaly", "filterIndex"];

/// `SOURCE ..`
fn source(parser: &mut Parser<'_>, nesting: Nesting) -> Result<bool, QueryError> {
    let is_there = parser.cursor.is_word("source");
    if is_there {
        parser.builder.source = Some(source::source(parser.cursor, nesting)?);
    }
    Ok(is_there)
}
