//! OpenSearch's Piped Processing Language, as CloudWatch Logs has it. Source: "OpenSearch Piped Processing Language", "Supported PPL
//! commands".

mod columns;
mod extract;
mod join;
mod rows;
mod source;
mod stats;

use super::builder::{Builder, ShownBy};
use super::cursor::Cursor;
use super::error::QueryError;
use super::plan::{Column, Field, Language, Name, Plan, Span};
use super::resolve::Named;
use super::syntax::{Expressions, Node};

/// A query in the parsing.
struct Parser<'c> {
    cursor: &'c mut Cursor,
    builder: Builder,
}

/// A command's name in lower case, and what parses it from behind its name; the span is its name's.
struct Command(&'static str, fn(&mut Parser<'_>, Span) -> Result<(), QueryError>);

const COMMANDS: &[Command] = &[
    Command("fields", columns::fields),
    Command("where", rows::filter),
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

/// Parses a query.
pub(super) fn parse_query(text: &str) -> Result<Plan, QueryError> {
    let mut cursor = Cursor::new(text, Language::Ppl)?;
    let plan = pipeline(&mut cursor, Nesting::Outer)?.finish()?;
    if cursor.is_end() { Ok(plan) } else { Err(cursor.expected("'|', <EOF>")) }
}

/// Whether a query stands in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outer,
    Inner,
}

fn pipeline(cursor: &mut Cursor, nesting: Nesting) -> Result<Builder, QueryError> {
    let builder = Builder::new(cursor, nesting == Nesting::Inner);
    let mut parser = Parser { cursor, builder };
    parser.cursor.eat_word("search")?;
    if parser.cursor.is_word("source") || parser.cursor.is_word("index") {
        source::source(&mut parser)?;
        if !parser.cursor.eat_symbol("|")? {
            return Ok(parser.builder);
        }
    } else if nesting == Nesting::Inner {
        return Err(parser.cursor.expected("K_SOURCE"));
    }
    loop {
        parser.command()?;
        if !parser.cursor.eat_symbol("|")? {
            return Ok(parser.builder);
        }
    }
}

impl Parser<'_> {
    fn command(&mut self) -> Result<(), QueryError> {
        let span = self.cursor.span();
        let Some(Command(_, parse)) = COMMANDS.iter().find(|Command(name, _)| self.cursor.is_word(name)) else {
            let names: Vec<String> = COMMANDS.iter().map(|Command(name, _)| name.to_ascii_uppercase()).collect();
            return Err(self.cursor.expected(&names.join(", ")));
        };
        self.cursor.advance()?;
        parse(self, span)
    }

    /// An expression, as it is written.
    fn node(&mut self) -> Result<Node, QueryError> {
        self.expressions(|expressions| expressions.expression())
    }

    fn expressions<T>(
        &mut self,
        parse: impl FnOnce(&mut Expressions<'_>) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let nested = match self.builder.is_nested {
            false => |cursor: &mut Cursor| pipeline(cursor, Nesting::Inner)?.finish(),
            true => |cursor: &mut Cursor| Err(QueryError::new(cursor.span(), "nested subqueries are not supported")),
        };
        parse(&mut Expressions { cursor: self.cursor, nested })
    }

    /// Expressions with commas between them, each perhaps with `as` and what it is called.
    fn all_named(&mut self) -> Result<Vec<Named>, QueryError> {
        let mut all = Vec::new();
        loop {
            let node = self.node()?;
            let alias = if self.cursor.eat_word("as")? { Some(self.cursor.name()?) } else { None };
            all.push((node, alias));
            if !self.cursor.eat_symbol(",")? {
                return Ok(all);
            }
        }
    }

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
