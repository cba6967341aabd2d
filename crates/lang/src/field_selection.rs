//! Field selection criteria: which events a metric or subscription filter takes, by where they come from ("PutMetricFilter",
//! `fieldSelectionCriteria`).
//!
//! ```text
//! @aws.region = "us-east-1" OR @aws.account IN ["123456789012", "987654321098"]
//! ```
//!
//! `AND` binds before `OR`; parentheses bind first.

/// Limits of the criteria.
pub mod limits {
    /// Characters (model: `FieldSelectionCriteria`).
    pub const CHARS_MAX: usize = 2_000;

    /// How deep parentheses may stand in one another; ours.
    pub const PARENTHESES_DEPTH_MAX: usize = 32;
}

/// Fields that CloudWatch Logs itself knows of every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SystemField {
    /// The account that the event comes from.
    Account,
    /// The Region that it comes from.
    Region,
}

/// Criteria, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSelection(Expression);

/// Why a text is no criteria, for the caller of the API (`InvalidParameterException`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid field selection criteria: {0}")]
pub struct SelectionError(String);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    /// The field is, or is not, one of these.
    Field {
        field: SystemField,
        is_one_of: bool,
        values: Vec<String>,
    },
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl SystemField {
    /// The field of this name.
    pub fn parse(name: &str) -> Option<SystemField> {
        [SystemField::Account, SystemField::Region].into_iter().find(|field| field.as_str() == name)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            SystemField::Account => "@aws.account",
            SystemField::Region => "@aws.region",
        }
    }
}

impl FieldSelection {
    /// Compiles criteria.
    ///
    /// # Errors
    ///
    /// [`SelectionError`] if they do not follow the syntax.
    pub fn parse(text: &str) -> Result<FieldSelection, SelectionError> {
        if text.chars().nth(limits::CHARS_MAX).is_some() {
            return Err(SelectionError(format!("it has more than {} characters", limits::CHARS_MAX)));
        }
        let mut reader = Reader { rest: text };
        let expression = reader.any(0)?;
        match reader.rest.trim_start() {
            "" => Ok(FieldSelection(expression)),
            _ => Err(reader.expected("AND, OR or the end")),
        }
    }

    /// Whether events are taken whose fields have these values.
    pub fn selects<'v>(&self, value: &impl Fn(SystemField) -> &'v str) -> bool {
        self.0.holds(value)
    }
}

impl Expression {
    fn holds<'v>(&self, value: &impl Fn(SystemField) -> &'v str) -> bool {
        match self {
            Expression::Field { field, is_one_of, values } => {
                let own = value(*field);
                values.iter().any(|value| value == own) == *is_one_of
            }
            Expression::All(parts) => parts.iter().all(|part| part.holds(value)),
            Expression::Any(parts) => parts.iter().any(|part| part.holds(value)),
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn any(&mut self, depth: usize) -> Result<Expression, SelectionError> {
        let mut parts = vec![self.all(depth)?];
        while self.eat_word("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, SelectionError> {
        let mut parts = vec![self.primary(depth)?];
        while self.eat_word("AND") {
            parts.push(self.primary(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn primary(&mut self, depth: usize) -> Result<Expression, SelectionError> {
        if !self.eat("(") {
            return self.condition();
        }
        if depth == limits::PARENTHESES_DEPTH_MAX {
            let depth = limits::PARENTHESES_DEPTH_MAX;
            return Err(SelectionError(format!("parentheses are nested more than {depth} deep")));
        }
        let inner = self.any(depth + 1)?;
        if self.eat(")") { Ok(inner) } else { Err(self.expected("a closing parenthesis")) }
    }

    fn condition(&mut self) -> Result<Expression, SelectionError> {
        let before = self.rest;
        let name = self.take(|c| c.is_ascii_alphanumeric() || "@._".contains(c));
        let Some(field) = SystemField::parse(name) else {
            self.rest = before;
            return Err(self.expected("@aws.account or @aws.region"));
        };
        let (is_one_of, is_list) = if self.eat("=") {
            (true, false)
        } else if self.eat("!=") {
            (false, false)
        } else if self.eat_word("IN") {
            (true, true)
        } else if self.eat_word("NOT") && self.eat_word("IN") {
            (false, true)
        } else {
            return Err(self.expected("=, !=, IN or NOT IN"));
        };
        let values = if is_list { self.list()? } else { vec![self.value()?] };
        Ok(Expression::Field { field, is_one_of, values })
    }

    fn list(&mut self) -> Result<Vec<String>, SelectionError> {
        if !self.eat("[") {
            return Err(self.expected("a list in brackets"));
        }
        let mut values = vec![self.value()?];
        while self.eat(",") {
            values.push(self.value()?);
        }
        if self.eat("]") { Ok(values) } else { Err(self.expected("a comma or the closing bracket")) }
    }

    fn value(&mut self) -> Result<String, SelectionError> {
        self.rest = self.rest.trim_start();
        for quote in ['"', '\''] {
            if let Some(inner) = self.rest.strip_prefix(quote) {
                let Some((value, rest)) = inner.split_once(quote) else { return Err(self.expected("a closing quote")) };
                self.rest = rest;
                return Ok(value.to_owned());
            }
        }
        Err(self.expected("a value in quotes"))
    }

    fn eat(&mut self, text: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Passes a word, if it comes next as a whole.
    fn eat_word(&mut self, word: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(word);
        let after = after.filter(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !wanted(c)).unwrap_or(rest.len());
        let (taken, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        self.rest = rest;
        taken
    }

    fn expected(&self, what: &str) -> SelectionError {
        let found: String = self.rest.trim_start().chars().take(20).collect();
        SelectionError(format!("expected {what} at '{found}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_compared() {
        let cases = [
            (r#"@aws.region = "us-east-1""#, true),
            (r#"@aws.region='us-east-1'"#, true),
            (r#"@aws.region != "us-east-1""#, false),
            (r#"@aws.account IN ["1", "2"]"#, true),
            (r#"@aws.account NOT IN ["1", "2"]"#, false),
            (r#"@aws.account NOT IN ["3"]"#, true),
            (r#"@aws.account = "3" OR @aws.region = "us-east-1""#, true),
            (r#"@aws.account = "3" AND @aws.region = "us-east-1""#, false),
            (r#"@aws.account = "1" OR @aws.account = "3" AND @aws.region = "x""#, true),
            (r#"(@aws.account = "1" OR @aws.account = "3") AND @aws.region = "x""#, false),
        ];
        let value = |field| match field {
            SystemField::Account => "1",
            SystemField::Region => "us-east-1",
        };
        for (text, expected) in cases {
            assert_eq!(FieldSelection::parse(text).unwrap().selects(&value), expected, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        let deep = format!("{}@aws.account = \"1\"", "(".repeat(33));
        let cases = [
            ("", "expected @aws.account or @aws.region at ''"),
            ("@source = \"x\"", "expected @aws.account or @aws.region at '@source = \"x\"'"),
            ("@aws.account", "expected =, !=, IN or NOT IN at ''"),
            ("@aws.account INx [\"1\"]", "expected =, !=, IN or NOT IN at 'INx [\"1\"]'"),
            ("@aws.account = 1", "expected a value in quotes at '1'"),
            ("@aws.account = \"1", "expected a closing quote at '\"1'"),
            ("@aws.account IN \"1\"", "expected a list in brackets at '\"1\"'"),
            ("@aws.account IN [\"1\"", "expected a comma or the closing bracket at ''"),
            ("@aws.account = \"1\" @aws.region = \"x\"", "expected AND, OR or the end at '@aws.region = \"x\"'"),
            ("(@aws.account = \"1\"", "expected a closing parenthesis at ''"),
            (&deep, "parentheses are nested more than 32 deep"),
            (&" ".repeat(2_001), "it has more than 2000 characters"),
        ];
        for (text, expected) in cases {
            let error = FieldSelection::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid field selection criteria: {expected}"), "{text}");
        }
    }
}
