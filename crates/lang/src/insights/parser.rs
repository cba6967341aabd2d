//! What parses both languages: commands with `|` between them, and what many of them have. A language is a [`Grammar`].

use super::builder::Builder;
use super::cursor::Cursor;
use super::error::QueryError;
use super::plan::{Language, Plan, SortKey, Span, Stats, Step};
use super::resolve::Named;
use super::syntax::{Expressions, Node};
use super::{cwli, ppl};

/// A query in the parsing.
pub(super) struct Parser<'c> {
    pub(super) cursor: &'c mut Cursor,
    pub(super) builder: Builder,
}

/// A command's name in lower case, and what parses it from behind its name; the span is its name's.
pub(super) struct Command(pub(super) &'static str, pub(super) fn(&mut Parser<'_>, Span) -> Result<(), QueryError>);

/// A language.
pub(super) struct Grammar {
    /// Parses where the events come from, if the query begins with it; whether it does.
    pub(super) source: fn(&mut Parser<'_>, Nesting) -> Result<bool, QueryError>,
    pub(super) commands: &'static [Command],
    /// What the names of commands begin with in errors.
    pub(super) command_prefix: &'static str,
}

/// Whether a query stands in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nesting {
    Outer,
    Inner,
}

/// What walks over tokens.
pub(super) trait Walk {
    /// The tokens.
    fn cursor(&mut self) -> &mut Cursor;

    /// One or more, with commas between them.
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, QueryError>) -> Result<Vec<T>, QueryError> {
        let mut all = vec![one(self)?];
        while self.cursor().eat_symbol(",")? {
            all.push(one(self)?);
        }
        Ok(all)
    }
}

impl Walk for Cursor {
    fn cursor(&mut self) -> &mut Cursor {
        self
    }
}

impl Walk for Expressions<'_> {
    fn cursor(&mut self) -> &mut Cursor {
        self.cursor
    }
}

impl Walk for Parser<'_> {
    fn cursor(&mut self) -> &mut Cursor {
        self.cursor
    }
}

/// Parses a query.
pub(super) fn query(text: &str, language: Language) -> Result<Plan, QueryError> {
    let mut cursor = Cursor::new(text, language)?;
    let plan = pipeline(&mut cursor, Nesting::Outer)?.finish()?;
    if cursor.is_end() { Ok(plan) } else { Err(cursor.expected("'|', <EOF>")) }
}

/// A query, to its end or to the closing parenthesis or bracket.
pub(super) fn pipeline(cursor: &mut Cursor, nesting: Nesting) -> Result<Builder, QueryError> {
    let grammar = match cursor.language {
        Language::Cwli => &cwli::GRAMMAR,
        Language::Ppl => &ppl::GRAMMAR,
    };
    let builder = Builder::new(cursor, nesting == Nesting::Inner);
    let mut parser = Parser { cursor, builder };
    if (grammar.source)(&mut parser, nesting)? {
        if !parser.cursor.eat_symbol("|")? {
            return Ok(parser.builder);
        }
    } else if nesting == Nesting::Inner {
        return Err(parser.cursor.expected("K_SOURCE"));
    }
    loop {
        parser.command(grammar)?;
        if !parser.cursor.eat_symbol("|")? {
            return Ok(parser.builder);
        }
    }
}

impl Parser<'_> {
    fn command(&mut self, grammar: &Grammar) -> Result<(), QueryError> {
        let span = self.cursor.span();
        let mut commands = grammar.commands.iter();
        let Some(Command(name, parse)) = commands.find(|Command(name, _)| self.cursor.is_word(name)) else {
            let written =
                |Command(name, _): &Command| format!("{}{}", grammar.command_prefix, name.to_ascii_uppercase());
            let names: Vec<String> = grammar.commands.iter().map(written).collect();
            return Err(self.cursor.expected(&names.join(", ")));
        };
        self.cursor.advance()?;
        self.builder.check_order(name, span)?;
        parse(self, span)
    }

    /// An expression, as it is written.
    pub(super) fn node(&mut self) -> Result<Node, QueryError> {
        self.expressions(|expressions| expressions.expression())
    }

    pub(super) fn expressions<T>(
        &mut self,
        parse: impl FnOnce(&mut Expressions<'_>) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let nested = match self.builder.is_nested {
            false => |cursor: &mut Cursor| pipeline(cursor, Nesting::Inner)?.finish(),
            true => |cursor: &mut Cursor| Err(QueryError::new(cursor.span(), "nested subqueries are not supported")),
        };
        parse(&mut Expressions { cursor: self.cursor, nested })
    }

    /// `as` and a name, if they are there.
    pub(super) fn alias(&mut self) -> Result<Option<(String, Span)>, QueryError> {
        if self.cursor.eat_word("as")? { self.cursor.name().map(Some) } else { Ok(None) }
    }

    /// Expressions with commas between them, each perhaps with `as` and what it is called.
    pub(super) fn all_named(&mut self) -> Result<Vec<Named>, QueryError> {
        self.list(|parser| Ok((parser.node()?, parser.alias()?)))
    }

    /// `count(*) as n, avg(x) by level`.
    pub(super) fn stats(&mut self) -> Result<Stats, QueryError> {
        let aggregates = self.all_named()?;
        let groups = if self.cursor.eat_word("by")? { self.all_named()? } else { Vec::new() };
        self.builder.resolve_stats(&aggregates, &groups)
    }

    /// `a`, `a asc`, `a desc`.
    pub(super) fn sort_key(&mut self) -> Result<SortKey, QueryError> {
        let node = self.node()?;
        let descending = self.cursor.eat_word("desc")?;
        if !descending {
            self.cursor.eat_word("asc")?;
        }
        Ok(SortKey { value: self.builder.resolve(&node)?, descending })
    }
}

/// The command that keeps the rows of which a condition holds.
pub(super) fn filter(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let node = parser.node()?;
    let condition = parser.builder.resolve_condition(&node)?;
    parser.builder.step(Step::Filter(condition), span)
}
