//! Series selectors: `name{label="value"}`.

use super::super::ast::{Selector, When};
use super::super::labels::METRIC_NAME;
use super::super::lex::Token;
use super::super::matcher::{MatchOperator, Matcher};
use super::{ParseError, Parsed, Parser, fail_at};
use crate::limits::SELECTORS_MAX;

impl Parser {
    /// The matchers of a selector whose name, if it has one in front, was taken.
    pub(super) fn selector(&mut self, name: Option<String>, position: usize) -> Parsed<Selector> {
        if self.selectors >= SELECTORS_MAX {
            return self.fail(format!("the query has more than {SELECTORS_MAX} selectors"));
        }
        let mut matchers = Vec::new();
        let mut names: Option<String> = name;
        let matcher = |name: &str, operator, value: &str, position| {
            Matcher::new(name, operator, value).map_err(|reason| ParseError { position, reason })
        };
        if names.is_none() || matches!(self.peek(), Token::Sign("{")) {
            self.expect("{", "series selector, expected \"{\"")?;
            while !self.takes("}") {
                let position = self.position();
                let (label, is_text) = match self.next() {
                    Token::Word(label) if !label.contains(':') => (label, false),
                    Token::Text(label) => (label, true),
                    other => {
                        let reason = format!(
                            "unexpected {} in label matching, expected identifier or \"}}\"",
                            other.described()
                        );
                        return fail_at(position, reason);
                    }
                };
                match self.match_operator() {
                    Some(operator) => {
                        self.next();
                        let Token::Text(value) = self.peek().clone() else {
                            return self.unexpected("label matching, expected string");
                        };
                        self.next();
                        matchers.push(matcher(&label, operator, &value, position)?);
                    }
                    // A text by itself is the metric's name.
                    None if is_text => match &names {
                        Some(first) => {
                            let reason = format!("metric name must not be set twice: {first:?} or {label:?}");
                            return fail_at(position, reason);
                        }
                        None => names = Some(label),
                    },
                    None => return self.unexpected("label matching, expected label matching operator"),
                }
                if !self.takes(",") && !matches!(self.peek(), Token::Sign("}")) {
                    return self.unexpected("label matching, expected \",\" or \"}\"");
                }
            }
        }
        if let Some(name) = names {
            if let Some(twice) = matchers.iter().find(|matcher| matcher.name == METRIC_NAME) {
                let reason = format!("metric name must not be set twice: {name:?} or {:?}", twice.value);
                return fail_at(position, reason);
            }
            matchers.push(matcher(METRIC_NAME, MatchOperator::Equal, &name, position)?);
        }
        if matchers.iter().all(|matcher| matcher.accepts("")) {
            return fail_at(position, "vector selector must contain at least one non-empty matcher");
        }
        let id = self.selectors;
        self.selectors += 1;
        Ok(Selector { id, matchers, when: When::default(), statistic: None })
    }

    fn match_operator(&self) -> Option<MatchOperator> {
        match self.peek() {
            Token::Sign("=") => Some(MatchOperator::Equal),
            Token::Sign("!=") => Some(MatchOperator::NotEqual),
            Token::Sign("=~") => Some(MatchOperator::Matches),
            Token::Sign("!~") => Some(MatchOperator::NotMatches),
            _ => None,
        }
    }
}
