//! Lexemes to a query.

use super::limits::SERIES_MAX;
use super::scan::{Kind, Lexeme, scan};
use super::words::is_reserved;
use super::{Condition, Function, Key, Operator, OrderBy, Problem, Query, QueryError, Source, Value};
use crate::lexemes::Lexemes;

/// Parses a query.
pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    let (lexemes, end) = scan(text)?;
    let mut parser = Parser { lexemes: Lexemes::new(&lexemes, end) };
    let query = parser.query()?;
    match parser.lexemes.first() {
        None => Ok(query),
        Some(_) => Err(parser.expected("the end of the query")),
    }
}

struct Parser<'l> {
    lexemes: Lexemes<'l, Kind>,
}

impl<'l> Parser<'l> {
    fn query(&mut self) -> Result<Query, QueryError> {
        self.keyword("SELECT")?;
        let function = self.function()?;
        self.symbol(&Kind::Open, "'('")?;
        let metric_name = self.name("a metric name")?;
        self.symbol(&Kind::Close, "')'")?;
        self.keyword("FROM")?;
        let source = self.source()?;
        let conditions = if self.eat_word("WHERE") { self.conditions()? } else { Vec::new() };
        let group_by = if self.eat_word("GROUP") { self.group_by()? } else { Vec::new() };
        let order_by = if self.eat_word("ORDER") { Some(self.order_by()?) } else { None };
        let limit = if self.eat_word("LIMIT") { Some(self.limit()?) } else { None };
        Ok(Query { function, metric_name, source, conditions, group_by, order_by, limit })
    }

    fn source(&mut self) -> Result<Source, QueryError> {
        if !self.eat_word("SCHEMA") {
            return Ok(Source { namespace: self.name("a namespace or SCHEMA")?, dimension_names: None });
        }
        self.symbol(&Kind::Open, "'('")?;
        let namespace = self.name("a namespace")?;
        let mut names = Vec::new();
        while self.lexemes.eat(&Kind::Comma) {
            names.push(self.name("a dimension name")?);
        }
        self.symbol(&Kind::Close, "')'")?;
        names.sort_unstable();
        names.dedup();
        Ok(Source { namespace, dimension_names: Some(names) })
    }

    fn conditions(&mut self) -> Result<Vec<Condition>, QueryError> {
        let mut conditions = vec![self.condition()?];
        while self.eat_word("AND") {
            conditions.push(self.condition()?);
        }
        match self.lexemes.first() {
            Some(Lexeme { position, kind: Kind::Word(word) }) if word.eq_ignore_ascii_case("OR") => {
                Err(QueryError { position: *position, problem: Problem::Operator(word.clone()) })
            }
            _ => Ok(conditions),
        }
    }

    fn condition(&mut self) -> Result<Condition, QueryError> {
        let key = self.key()?;
        let operator = match self.lexemes.first() {
            Some(Lexeme { kind: Kind::Equal, .. }) => Operator::Equal,
            Some(Lexeme { kind: Kind::NotEqual, .. }) => Operator::NotEqual,
            Some(Lexeme { position, kind: Kind::Word(word) }) => {
                return Err(QueryError { position: *position, problem: Problem::Operator(word.clone()) });
            }
            _ => return Err(self.expected("'=' or '!='")),
        };
        self.lexemes.advance();
        let value = self.value(&key)?;
        Ok(Condition { key, operator, value })
    }

    fn value(&mut self, key: &Key) -> Result<Value, QueryError> {
        let value = match self.lexemes.first() {
            Some(Lexeme { kind: Kind::Text(text), .. }) => Value::Text(text.clone()),
            Some(Lexeme { position, kind: Kind::Word(word) }) if word.eq_ignore_ascii_case("CURRENT_ACCOUNT_ID") => {
                if *key != Key::AccountId {
                    return Err(QueryError { position: *position, problem: Problem::CurrentAccount });
                }
                self.lexemes.advance();
                self.symbol(&Kind::Open, "'('")?;
                self.symbol(&Kind::Close, "')'")?;
                return Ok(Value::CurrentAccountId);
            }
            Some(Lexeme { position, kind: kind @ (Kind::Name(_) | Kind::Word(_)) }) => {
                return Err(QueryError { position: *position, problem: Problem::ValueQuotes(kind.written()) });
            }
            _ => return Err(self.expected("a value in single quotes")),
        };
        self.lexemes.advance();
        Ok(value)
    }

    fn group_by(&mut self) -> Result<Vec<Key>, QueryError> {
        self.keyword("BY")?;
        let mut keys = vec![self.key()?];
        while self.lexemes.eat(&Kind::Comma) {
            keys.push(self.key()?);
        }
        Ok(keys)
    }

    /// A dimension, `tag.` and the key of a tag, or `AWS.AccountId`.
    fn key(&mut self) -> Result<Key, QueryError> {
        let dotted = self.lexemes.second().is_some_and(|lexeme| lexeme.kind == Kind::Dot);
        match self.lexemes.first() {
            Some(Lexeme { kind: Kind::Word(word), .. }) if dotted && word == "tag" => {
                self.lexemes.advance();
                self.lexemes.advance();
                Ok(Key::Tag(self.name("the key of a tag")?))
            }
            Some(Lexeme { kind: Kind::Word(word), .. }) if dotted && word == "AWS" => {
                self.lexemes.advance();
                self.lexemes.advance();
                match self.lexemes.first() {
                    Some(Lexeme { kind: Kind::Word(word), .. }) if word == "AccountId" => {
                        self.lexemes.advance();
                        Ok(Key::AccountId)
                    }
                    _ => Err(self.expected("AccountId")),
                }
            }
            _ => Ok(Key::Dimension(self.name("a label key")?)),
        }
    }

    fn order_by(&mut self) -> Result<OrderBy, QueryError> {
        self.keyword("BY")?;
        let function = self.function()?;
        self.symbol(&Kind::Open, "'('")?;
        self.symbol(&Kind::Close, "')'")?;
        let descending = self.eat_word("DESC");
        if !descending {
            self.eat_word("ASC");
        }
        Ok(OrderBy { function, descending })
    }

    fn limit(&mut self) -> Result<usize, QueryError> {
        let Some(Lexeme { position, kind: Kind::Word(word) }) = self.lexemes.first() else {
            return Err(self.expected("a number"));
        };
        let limit = word.parse().ok().filter(|limit| (1..=SERIES_MAX).contains(limit));
        self.lexemes.advance();
        limit.ok_or_else(|| QueryError { position: *position, problem: Problem::Limit(word.clone()) })
    }

    fn function(&mut self) -> Result<Function, QueryError> {
        let Some(Lexeme { position, kind: Kind::Word(word) }) = self.lexemes.first() else {
            return Err(self.expected("AVG, COUNT, MAX, MIN or SUM"));
        };
        let function = Function::named(word);
        self.lexemes.advance();
        function.ok_or_else(|| QueryError { position: *position, problem: Problem::Function(word.clone()) })
    }

    /// A name, in double quotes or a word that is not reserved.
    fn name(&mut self, expected: &'static str) -> Result<String, QueryError> {
        let name = match self.lexemes.first() {
            Some(Lexeme { position, kind: Kind::Word(word) }) if is_reserved(word) => {
                return Err(QueryError { position: *position, problem: Problem::Reserved(word.clone()) });
            }
            Some(Lexeme { kind: Kind::Word(name) | Kind::Name(name), .. }) if !name.is_empty() => name.clone(),
            _ => return Err(self.expected(expected)),
        };
        self.lexemes.advance();
        match self.lexemes.first() {
            Some(Lexeme { position, kind: Kind::Dot }) => {
                Err(QueryError { position: *position, problem: Problem::Character('.') })
            }
            _ => Ok(name),
        }
    }

    fn keyword(&mut self, word: &'static str) -> Result<(), QueryError> {
        if self.eat_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    fn symbol(&mut self, kind: &Kind, written: &'static str) -> Result<(), QueryError> {
        if self.lexemes.eat(kind) { Ok(()) } else { Err(self.expected(written)) }
    }

    /// Eats a word, in whatever case.
    fn eat_word(&mut self, word: &str) -> bool {
        self.lexemes.eat_if(|kind| matches!(kind, Kind::Word(found) if found.eq_ignore_ascii_case(word)))
    }

    fn expected(&self, expected: &'static str) -> QueryError {
        let problem = match self.lexemes.first() {
            Some(lexeme) => Problem::Expected { expected, found: lexeme.kind.written() },
            None => Problem::Missing(expected),
        };
        QueryError { position: self.lexemes.position(), problem }
    }
}
