//! Logs Insights QL: commands with `|` between them. Source: "CloudWatch Logs Insights language query syntax", a page for each command.

mod columns;
mod join;
mod parse;
mod patterns;
mod rows;
mod source;
mod stats;

use super::builder::Builder;
use super::cursor::Cursor;
use super::error::QueryError;
use super::plan::{Language, Plan, Span};
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
    Command("display", columns::display),
    Command("filter", rows::filter),
    Command("search", rows::filter),
    Command("where", rows::filter),
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

/// Parses a query.
pub(super) fn parse_query(text: &str) -> Result<Plan, QueryError> {
    let mut cursor = Cursor::new(text, Language::Cwli)?;
    let plan = query(&mut cursor, Nesting::Outer)?;
    if cursor.is_end() { Ok(plan) } else { Err(cursor.expected("'|', <EOF>")) }
}

/// Whether a query stands in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outer,
    Inner,
}

/// A query, to its end or to the closing parenthesis.
fn query(cursor: &mut Cursor, nesting: Nesting) -> Result<Plan, QueryError> {
    pipeline(cursor, nesting)?.finish()
}

fn pipeline(cursor: &mut Cursor, nesting: Nesting) -> Result<Builder, QueryError> {
    let builder = Builder::new(cursor, nesting == Nesting::Inner);
    let mut parser = Parser { cursor, builder };
    if parser.cursor.is_word("source") {
        parser.builder.source = Some(source::source(parser.cursor, nesting)?);
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
        let Some(Command(name, parse)) = COMMANDS.iter().find(|Command(name, _)| self.cursor.is_word(name)) else {
            return Err(self.cursor.expected(&expected_commands()));
        };
        self.cursor.advance()?;
        self.builder.check_order(name, span)?;
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
            false => |cursor: &mut Cursor| query(cursor, Nesting::Inner),
            true => |cursor: &mut Cursor| Err(QueryError::new(cursor.span(), "nested subqueries are not supported")),
        };
        parse(&mut Expressions { cursor: self.cursor, nested })
    }

    /// An expression, and `as` what it is called.
    fn named(&mut self) -> Result<Named, QueryError> {
        let node = self.node()?;
        let alias = if self.cursor.eat_word("as")? { Some(self.cursor.name()?) } else { None };
        Ok((node, alias))
    }

    /// Such, with commas between them.
    fn all_named(&mut self) -> Result<Vec<Named>, QueryError> {
        let mut all = vec![self.named()?];
        while self.cursor.eat_symbol(",")? {
            all.push(self.named()?);
        }
        Ok(all)
    }
}

fn expected_commands() -> String {
    let names: Vec<String> =
        COMMANDS.iter().map(|Command(name, _)| format!("K_{}", name.to_ascii_uppercase())).collect();
    names.join(", ")
}
