//! OpenSearch's Piped Processing Language, as CloudWatch Logs has it. Source: "OpenSearch Piped Processing Language", "Supported PPL
//! commands".

mod columns;
mod extract;
mod join;
mod rows;
mod source;
mod stats;

use super::builder::ShownBy;
use super::error::QueryError;
use super::parser::{Command, Grammar, Nesting, Parser, filter};
use super::plan::{Column, Field, Name};

/// The language.
pub(super) const GRAMMAR: Grammar = Grammar { source, commands: COMMANDS, command_prefix: "" };

const COMMANDS: &[Command] = &[
    Command("fields", columns::fields),
    Command("where", filter),
    Command("stats", stats::stats),
    Command("eventstats", stats::event_stats),
    Command("sort", rows::sort),
    Command("head", rows::head),
    Command("dedup", rows::dedup),
    Command("top", stats::top),
    Command("rare", stats::rare),
    Command("rename", columns::rename),
    Command("eval", columns::eval),
    Command("parse", extract::parse),
    Command("grok", extract::grok),
    Command("fillnull", columns::fill_null),
    Command("flatten", columns::flatten),
    Command("expand", columns::expand),
    Command("trendline", stats::trendline),
    Command("fieldsummary", stats::field_summary),
    Command("join", join::inner),
    Command("inner", join::inner_join),
    Command("left", join::left_join),
];

/// `search source = ..`
fn source(parser: &mut Parser<'_>, _: Nesting) -> Result<bool, QueryError> {
    parser.cursor.eat_word("search")?;
    let is_there = parser.cursor.is_word("source") || parser.cursor.is_word("index");
    if is_there {
        source::source(parser)?;
    }
    Ok(is_there)
}

impl Parser<'_> {
    /// Makes a column known, which the result shows, too.
    fn add_column(&mut self, column: &Name) {
        self.builder.define(column);
        let shown = &mut self.builder.shown;
        if shown.by == ShownBy::Nobody {
            return;
        }
        match shown.columns.iter_mut().find(|known| known.name == column.name) {
            Some(known) => known.field = Field::Column(column.clone()),
            None => shown.columns.push(Column::of(column)),
        }
    }
}
