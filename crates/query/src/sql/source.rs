//! What stands in FROM: the name of a log group, or in backticks `logGroups(logGroupIdentifier: ['a', 'b'])`,
//! `dataSource(['shop.web'])` and `filterIndex('region' = 'us-east-1')`, alone or together.

use crate::error::QueryError;
use crate::limits::{FILTER_INDEX_VALUES_MAX, SQL_DATA_SOURCES_MAX, SQL_GROUPS_MAX};

/// A table of the query: which groups it reads, and which of their events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlSource {
    /// Its name in the query.
    pub name: String,
    /// Names or ARNs of the groups; those of the request, if it names none itself.
    pub groups: Option<Vec<String>>,
    /// Data sources, as `name.type` or by name alone; any, if empty.
    pub data_sources: Vec<String>,
    /// Indexed fields, and the values that events must have one of.
    pub indexed: Vec<(String, Vec<String>)>,
}

impl SqlSource {
    /// Reads the name of a table.
    pub(super) fn parse(name: &str) -> Result<SqlSource, QueryError> {
        let mut source =
            SqlSource { name: name.to_owned(), groups: None, data_sources: Vec::new(), indexed: Vec::new() };
        if !["logGroups", "dataSource", "filterIndex"].iter().any(|function| is_call(name, function)) {
            source.groups = Some(vec![name.to_owned()]);
            return Ok(source);
        }
        let mut reader = Reader { text: name, rest: name };
        while !reader.at_end() {
            if reader.word("logGroups") {
                let groups = reader.log_groups()?;
                source.groups.get_or_insert_default().extend(groups);
            } else if reader.word("dataSource") {
                source.data_sources.extend(reader.data_sources()?);
            } else if reader.word("filterIndex") {
                source.indexed.extend(reader.filter_index()?);
            } else {
                return Err(reader.unexpected());
            }
            reader.skip(',');
        }
        if source.groups.as_ref().is_some_and(|groups| groups.len() > SQL_GROUPS_MAX) {
            return Err(QueryError::malformed(format!("FROM names more than {SQL_GROUPS_MAX} log groups")));
        }
        if source.data_sources.len() > SQL_DATA_SOURCES_MAX {
            return Err(QueryError::malformed(format!("FROM names more than {SQL_DATA_SOURCES_MAX} data sources")));
        }
        Ok(source)
    }
}

/// Whether a name begins like a call of `function`.
fn is_call(name: &str, function: &str) -> bool {
    let start = name.trim_start().get(..function.len());
    let rest = name.trim_start().get(function.len()..);
    start.is_some_and(|start| start.eq_ignore_ascii_case(function))
        && rest.is_some_and(|rest| rest.trim_start().starts_with('('))
}

/// Reads on from a place in a name.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl Reader<'_> {
    fn at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    fn word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if found {
            self.rest = self.rest.get(word.len()..).unwrap_or_default();
        }
        found
    }

    fn skip(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), QueryError> {
        if self.skip(wanted) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> QueryError {
        QueryError::malformed(format!("FROM `{}`: cannot be read from `{}` on", self.text, self.rest.trim_start()))
    }

    /// A text in single or double quotes, in which a quote is written twice.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let quote = if self.skip('\'') { '\'' } else { self.expect('"').map(|()| '"')? };
        let mut text = String::new();
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, char)) = chars.next() {
            if char != quote {
                text.push(char);
            } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
                text.push(quote);
                chars.next();
            } else {
                self.rest = self.rest.get(at + quote.len_utf8()..).unwrap_or_default();
                return Ok(text);
            }
        }
        Err(self.unexpected())
    }

    /// A quoted text, or a number as it is written.
    fn literal(&mut self) -> Result<String, QueryError> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted();
        }
        let end = self.rest.find(|char: char| !(char.is_ascii_digit() || matches!(char, '-' | '.')));
        let (number, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len())).unwrap_or((self.rest, ""));
        if number.parse::<f64>().is_err() {
            return Err(self.unexpected());
        }
        self.rest = rest;
        Ok(number.to_owned())
    }

    fn list(&mut self, close: char) -> Result<Vec<String>, QueryError> {
        let mut items = Vec::new();
        while !self.skip(close) {
            if !items.is_empty() {
                self.expect(',')?;
            }
            items.push(self.literal()?);
            if items.len() > SQL_GROUPS_MAX.max(FILTER_INDEX_VALUES_MAX) {
                return Err(QueryError::malformed("a list in FROM is too long"));
            }
        }
        Ok(items)
    }

    fn log_groups(&mut self) -> Result<Vec<String>, QueryError> {
        self.expect('(')?;
        if !self.word("logGroupIdentifier") {
            return Err(self.unexpected());
        }
        self.word("s");
        self.expect(':')?;
        self.expect('[')?;
        let groups = self.list(']')?;
        self.expect(')')?;
        Ok(groups)
    }

    fn data_sources(&mut self) -> Result<Vec<String>, QueryError> {
        self.expect('(')?;
        self.expect('[')?;
        let names = self.list(']')?;
        self.expect(')')?;
        Ok(names)
    }

    fn filter_index(&mut self) -> Result<Vec<(String, Vec<String>)>, QueryError> {
        self.expect('(')?;
        let mut indexed = Vec::new();
        loop {
            let field = self.quoted()?;
            let values = if self.word("in") {
                let close = if self.skip('(') { ')' } else { self.expect('[').map(|()| ']')? };
                self.list(close)?
            } else {
                self.expect('=')?;
                vec![self.literal()?]
            };
            if values.len() > FILTER_INDEX_VALUES_MAX {
                return Err(QueryError::malformed(format!(
                    "filterIndex names more than {FILTER_INDEX_VALUES_MAX} values"
                )));
            }
            indexed.push((field, values));
            if self.skip(')') {
                return Ok(indexed);
            }
            if !self.word("and") {
                self.expect(',')?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, groups: Option<&[&str]>, indexed: &[(&str, &[&str])]) {
        let source = SqlSource::parse(name).unwrap();
        let found = source.groups.as_ref().map(|groups| groups.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), groups, "{name}");
        let texts = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected: Vec<_> = indexed.iter().map(|(field, values)| ((*field).to_owned(), texts(values))).collect();
        assert_eq!(source.indexed, expected, "{name}");
    }

    #[test]
    fn names_of_tables() {
        check("/aws/lambda/f", Some(&["/aws/lambda/f"]), &[]);
        check("logGroupsOfMine", Some(&["logGroupsOfMine"]), &[]);
        check("logGroups(logGroupIdentifier: ['a', 'b'])", Some(&["a", "b"]), &[]);
        check("dataSource(['shop.web'])", None, &[]);
        assert_eq!(SqlSource::parse("dataSource(['shop.web', 'shop'])").unwrap().data_sources, ["shop.web", "shop"]);
        let all =
            SqlSource::parse("logGroups(logGroupIdentifier: ['a']) filterIndex('x' = 1) dataSource(['b'])").unwrap();
        assert_eq!((all.groups.unwrap(), all.data_sources, all.indexed.len()), (vec!["a".into()], vec!["b".into()], 1));
        check("loggroups ( logGroupIdentifiers:[\"it''s\"] )", Some(&["it''s"]), &[]);
        check("filterIndex('region' = 'us-east-1')", None, &[("region", &["us-east-1"])]);
        check(
            "filterIndex('status' IN [200, 404], 'a' = 'it''s')",
            None,
            &[("status", &["200", "404"]), ("a", &["it's"])],
        );
        check("logGroups(logGroupIdentifier:['a']) filterIndex('x'=1)", Some(&["a"]), &[("x", &["1"])]);
    }

    #[test]
    fn what_is_neither_is_refused() {
        let bad = [
            "logGroups()",
            "logGroups(logGroupIdentifier: 'a')",
            "logGroups(logGroupIdentifier: ['a'",
            "filterIndex(region = 'x')",
            "filterIndex('region')",
            "filterIndex('region' = )",
            "filterIndex('region' = 'x') more",
        ];
        for name in bad {
            assert!(matches!(SqlSource::parse(name), Err(QueryError::Malformed { .. })), "{name}");
        }
    }
}
