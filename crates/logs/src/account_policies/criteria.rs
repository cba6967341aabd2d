//! Selection criteria of account policies: for which log groups a policy holds.
//!
//! ```text
//! LogGroupName NOT IN ["a", "b"]          LogGroupNamePrefix = "p"
//! LogGroupNamePrefix IN ["p", "q"]        DataSourceName = "amazon_vpc" AND DataSourceType = "flow"
//! ```

use std::fmt;

use crate::limits::SELECTION_BYTES_MAX;

/// For which groups a policy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Criteria {
    /// For all.
    All,
    /// For none: what could not be read.
    Nothing,
    /// For those whose name is, or is not, among values.
    Groups {
        /// Whether values are names or prefixes.
        selector: Selector,
        /// How the values are compared.
        operator: Operator,
        /// The names or prefixes.
        values: Vec<String>,
    },
    /// For events of a data source, in whatever group.
    Source {
        /// As `amazon_vpc`.
        name: String,
        /// As `flow`.
        kind: String,
    },
}

/// What criteria look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selector {
    /// `LogGroupName`.
    Name,
    /// `LogGroupNamePrefix`.
    Prefix,
    /// `DataSourceName` and `DataSourceType`.
    DataSource,
}

/// How criteria compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `= "a"`
    Is,
    /// `IN ["a", "b"]`
    In,
    /// `NOT IN ["a", "b"]`
    NotIn,
}

/// Why a text is no selection criteria.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidCriteria {
    /// It does not follow the grammar: what was expected, at which byte.
    Syntax(&'static str, usize),
    /// It is too long.
    TooLong,
}

impl fmt::Display for InvalidCriteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidCriteria::Syntax(what, at) => {
                write!(f, "The selection criteria are invalid: {what} expected at byte {at}.")
            }
            InvalidCriteria::TooLong => {
                write!(f, "The selection criteria may have at most {SELECTION_BYTES_MAX} bytes.")
            }
        }
    }
}

impl Criteria {
    /// Reads criteria.
    pub(crate) fn parse(text: &str) -> Result<Criteria, InvalidCriteria> {
        if text.len() > SELECTION_BYTES_MAX {
            return Err(InvalidCriteria::TooLong);
        }
        let mut reader = Reader { text, at: 0 };
        let criteria = match reader.word() {
            "LogGroupName" => reader.groups(Selector::Name)?,
            "LogGroupNamePrefix" => reader.groups(Selector::Prefix)?,
            "DataSourceName" => {
                let name = reader.equals()?;
                reader.keyword("AND")?;
                reader.keyword("DataSourceType")?;
                Criteria::Source { name, kind: reader.equals()? }
            }
            "DataSourceType" => {
                let kind = reader.equals()?;
                reader.keyword("AND")?;
                reader.keyword("DataSourceName")?;
                Criteria::Source { name: reader.equals()?, kind }
            }
            _ => {
                let what = "LogGroupName, LogGroupNamePrefix, DataSourceName or DataSourceType";
                return Err(InvalidCriteria::Syntax(what, 0));
            }
        };
        reader.skip_space();
        match reader.rest() {
            "" => Ok(criteria),
            _ => Err(reader.expected("the end")),
        }
    }

    /// Whether a policy holds for the group of this name.
    pub(crate) fn selects(&self, group: &str) -> bool {
        match self {
            Criteria::All => true,
            // Events are not told apart by data sources.
            Criteria::Nothing | Criteria::Source { .. } => false,
            Criteria::Groups { selector, operator, values } => {
                let is_among = values.iter().any(|value| match selector {
                    Selector::Prefix => group.starts_with(value.as_str()),
                    Selector::Name | Selector::DataSource => group == value,
                });
                is_among != (*operator == Operator::NotIn)
            }
        }
    }

    /// Selector and operator, where there are such.
    pub(super) fn form(&self) -> Option<(Selector, Operator)> {
        match self {
            Criteria::All | Criteria::Nothing => None,
            Criteria::Groups { selector, operator, .. } => Some((*selector, *operator)),
            Criteria::Source { .. } => Some((Selector::DataSource, Operator::Is)),
        }
    }

    /// Whether it is a data source by which it selects.
    pub(super) fn selects_by_source(&self) -> bool {
        matches!(self, Criteria::Source { .. })
    }

    /// Whether there may be something that both select ("PutAccountPolicy"): two lists of names and prefixes overlap where one
    /// value is contained in another; a list of what is selected and one of what is not do not overlap if each value of the
    /// first is contained in one of the second; two lists of what is not selected always overlap.
    pub(super) fn overlaps(&self, other: &Criteria) -> bool {
        match (self, other) {
            (Criteria::Nothing, _) | (_, Criteria::Nothing) => false,
            (Criteria::Source { .. }, Criteria::Source { .. }) => self == other,
            (Criteria::Source { .. }, _) | (_, Criteria::Source { .. }) => false,
            (Criteria::All, _) | (_, Criteria::All) => true,
            (Criteria::Groups { operator: own, .. }, Criteria::Groups { operator: others, .. }) => {
                match (*own == Operator::NotIn, *others == Operator::NotIn) {
                    (true, true) => true,
                    (false, false) => self.sets().any(|a| other.sets().any(|b| is_within(a, b) || is_within(b, a))),
                    (false, true) => !self.sets().all(|a| other.sets().any(|b| is_within(a, b))),
                    (true, false) => !other.sets().all(|b| self.sets().any(|a| is_within(b, a))),
                }
            }
        }
    }

    /// The values, each as the set of names that it stands for.
    fn sets(&self) -> impl Iterator<Item = (Selector, &str)> {
        let selector = match self {
            Criteria::Groups { selector, .. } => *selector,
            _ => Selector::Name,
        };
        self.values().iter().map(move |value| (selector, value.as_str()))
    }

    /// The names or prefixes.
    pub(super) fn values(&self) -> &[String] {
        match self {
            Criteria::Groups { values, .. } => values,
            _ => &[],
        }
    }
}

/// Whether all names of `a` are names of `b`.
fn is_within(a: (Selector, &str), b: (Selector, &str)) -> bool {
    match (a, b) {
        ((_, a), (Selector::Prefix, b)) => a.starts_with(b),
        ((Selector::Prefix, _), _) => false,
        ((_, a), (_, b)) => a == b,
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, what: &'static str) -> InvalidCriteria {
        InvalidCriteria::Syntax(what, self.at)
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn word(&mut self) -> &'t str {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn keyword(&mut self, keyword: &'static str) -> Result<(), InvalidCriteria> {
        self.skip_space();
        let error = self.expected(keyword);
        if self.word() == keyword { Ok(()) } else { Err(error) }
    }

    fn sign(&mut self, sign: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len_utf8() } else { 0 };
        found
    }

    fn equals(&mut self) -> Result<String, InvalidCriteria> {
        if !self.sign('=') {
            return Err(self.expected("="));
        }
        self.value()
    }

    /// A text in double quotes. Names of groups hold no quotes, so that none is escaped.
    fn value(&mut self) -> Result<String, InvalidCriteria> {
        if !self.sign('"') {
            return Err(self.expected("a value in double quotes"));
        }
        let rest = self.rest();
        let Some(end) = rest.find('"') else { return Err(self.expected("closing quotes")) };
        let value = rest.get(..end).unwrap_or_default();
        if value.is_empty() {
            return Err(self.expected("a value that is not empty"));
        }
        self.at += end + 1;
        Ok(value.to_owned())
    }

    fn groups(&mut self, selector: Selector) -> Result<Criteria, InvalidCriteria> {
        if self.sign('=') {
            return Ok(Criteria::Groups { selector, operator: Operator::Is, values: vec![self.value()?] });
        }
        let error = self.expected("=, IN or NOT IN");
        let operator = match self.word() {
            "IN" => Operator::In,
            "NOT" => {
                self.keyword("IN")?;
                Operator::NotIn
            }
            _ => return Err(error),
        };
        if !self.sign('[') {
            return Err(self.expected("["));
        }
        let mut values = Vec::new();
        if self.sign(']') {
            return Ok(Criteria::Groups { selector, operator, values });
        }
        loop {
            values.push(self.value()?);
            if self.sign(']') {
                return Ok(Criteria::Groups { selector, operator, values });
            }
            if !self.sign(',') {
                return Err(self.expected(", or ]"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criteria(text: &str) -> Criteria {
        Criteria::parse(text).unwrap()
    }

    #[test]
    fn criteria_select_groups() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (r#"LogGroupName NOT IN ["a","b"]"#, &["c", "aa"], &["a", "b"]),
            (r#"LogGroupName NOT IN []"#, &["a"], &[]),
            (r#"  LogGroupName  IN [ "a" , "b" ] "#, &["a", "b"], &["c", "aa"]),
            (r#"LogGroupNamePrefix = "/aws/x""#, &["/aws/x", "/aws/xy"], &["/aws/", "aws/x"]),
            (r#"LogGroupNamePrefix="p""#, &["p"], &["q"]),
            (r#"LogGroupNamePrefix IN ["p","q"]"#, &["pa", "qa"], &["a"]),
            (r#"LogGroupNamePrefix NOT IN ["p","q"]"#, &["a"], &["pa", "qa"]),
            (r#"DataSourceName = "amazon_vpc" AND DataSourceType = "flow""#, &[], &["amazon_vpc"]),
            (r#"DataSourceType = "flow" AND DataSourceName = "amazon_vpc""#, &[], &["flow"]),
        ];
        for (text, selected, others) in cases {
            let criteria = criteria(text);
            assert!(selected.iter().all(|group| criteria.selects(group)), "{text}");
            assert!(!others.iter().any(|group| criteria.selects(group)), "{text}");
        }
    }

    #[test]
    fn bad_criteria_are_refused() {
        let cases: &[(&str, &str)] = &[
            ("", "LogGroupName, LogGroupNamePrefix, DataSourceName or DataSourceType expected at byte 0"),
            ("loggroupname IN []", "DataSourceType expected at byte 0"),
            ("LogGroupName", "=, IN or NOT IN expected at byte 12"),
            ("LogGroupName LIKE \"a\"", "=, IN or NOT IN expected at byte 13"),
            ("LogGroupName NOT [\"a\"]", "IN expected at byte 17"),
            ("LogGroupName IN \"a\"", "[ expected at byte 16"),
            ("LogGroupName IN [\"a\"", ", or ] expected at byte 20"),
            ("LogGroupName IN [\"a\",]", "a value in double quotes expected at byte 21"),
            ("LogGroupName IN [\"a]", "closing quotes expected at byte 18"),
            ("LogGroupNamePrefix = \"\"", "a value that is not empty expected"),
            ("LogGroupNamePrefix = \"a\" AND", "the end expected at byte 25"),
            ("DataSourceName = \"a\"", "AND expected at byte 20"),
            ("DataSourceName = \"ä\" OR DataSourceType = \"b\"", "AND expected at byte 22"),
        ];
        for (text, expected) in cases {
            let error = Criteria::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(Criteria::parse(&" ".repeat(SELECTION_BYTES_MAX + 1)), Err(InvalidCriteria::TooLong));
    }

    #[test]
    fn overlaps_are_seen() {
        let cases: &[(&str, &str, bool)] = &[
            (r#"LogGroupNamePrefix = "my-log""#, r#"LogGroupNamePrefix = "my-logging""#, true),
            (r#"LogGroupNamePrefix = "my-log""#, r#"LogGroupNamePrefix = "my-log""#, true),
            (r#"LogGroupNamePrefix = "/a""#, r#"LogGroupNamePrefix = "/b""#, false),
            (r#"LogGroupName IN ["a"]"#, r#"LogGroupName IN ["b","a"]"#, true),
            (r#"LogGroupName IN ["a"]"#, r#"LogGroupName IN ["aa"]"#, false),
            (r#"LogGroupName IN ["aa"]"#, r#"LogGroupNamePrefix IN ["a"]"#, true),
            (r#"LogGroupName IN ["a"]"#, r#"LogGroupNamePrefix IN ["aa"]"#, false),
            (r#"LogGroupNamePrefix NOT IN ["/l"]"#, r#"LogGroupName IN ["/l/f"]"#, false),
            (r#"LogGroupNamePrefix NOT IN ["/a/l"]"#, r#"LogGroupNamePrefix IN ["/a"]"#, true),
            (r#"LogGroupName NOT IN ["/a"]"#, r#"LogGroupNamePrefix IN ["/a"]"#, true),
            (r#"LogGroupName NOT IN ["/a"]"#, r#"LogGroupName IN ["/a","/b"]"#, true),
            (r#"LogGroupName NOT IN ["a"]"#, r#"LogGroupName NOT IN ["b"]"#, true),
            (
                r#"DataSourceName = "a" AND DataSourceType = "b""#,
                r#"DataSourceType = "b" AND DataSourceName = "a""#,
                true,
            ),
            (
                r#"DataSourceName = "a" AND DataSourceType = "b""#,
                r#"DataSourceName = "a" AND DataSourceType = "c""#,
                false,
            ),
            (r#"DataSourceName = "a" AND DataSourceType = "b""#, r#"LogGroupNamePrefix = "a""#, false),
        ];
        for (a, b, expected) in cases {
            assert_eq!(criteria(a).overlaps(&criteria(b)), *expected, "{a} {b}");
            assert_eq!(criteria(b).overlaps(&criteria(a)), *expected, "{b} {a}");
        }
        assert!(Criteria::All.overlaps(&criteria(cases[0].0)));
        assert!(!Criteria::All.overlaps(&criteria(cases[14].0)));
    }
}
