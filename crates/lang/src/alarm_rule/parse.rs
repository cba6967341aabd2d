//! Lexemes to a rule.

use std::collections::HashSet;

use super::limits::{CHILDREN_MAX, DEPTH_MAX, ELEMENTS_MAX};
use super::scan::{Kind, Lexeme, scan};
use super::{AlarmReference, AlarmRule, Condition, Expression, Problem, RuleError, State, Threshold};
use crate::lexemes::{Lexemes, single_or};

/// Parses a rule.
pub(super) fn parse(text: &str) -> Result<AlarmRule, RuleError> {
    let (lexemes, end) = scan(text)?;
    let mut parser =
        Parser { lexemes: Lexemes::new(&lexemes, end), elements: 0, children: Vec::new(), names: HashSet::new() };
    let expression = parser.any(0)?;
    match parser.lexemes.first() {
        None => Ok(AlarmRule { expression, children: parser.children }),
        Some(_) => Err(parser.expected("AND, OR or the end of the rule")),
    }
}

/// What may begin an operand, for errors.
const OPERAND: &str = "a condition";

struct Parser<'l> {
    lexemes: Lexemes<'l, Kind>,
    /// How many elements were met.
    elements: usize,
    /// The alarms that were met, in order.
    children: Vec<AlarmReference>,
    /// Their names.
    names: HashSet<String>,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Expression, RuleError> {
        let mut parts = vec![self.all(depth)?];
        while self.eat_word("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(single_or(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, RuleError> {
        let mut parts = vec![self.not(depth)?];
        while self.eat_word("AND") {
            parts.push(self.not(depth)?);
        }
        Ok(single_or(parts, Expression::All))
    }

    fn not(&mut self, depth: usize) -> Result<Expression, RuleError> {
        if depth > DEPTH_MAX {
            return Err(RuleError { position: self.lexemes.position(), problem: Problem::TooDeep });
        }
        if self.eat_word("NOT") {
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        self.operand(depth)
    }

    fn operand(&mut self, depth: usize) -> Result<Expression, RuleError> {
        let Some(Lexeme { position, kind }) = self.lexemes.first() else { return Err(self.expected(OPERAND)) };
        match kind {
            Kind::Open => {
                self.element()?;
                self.lexemes.advance();
                let group = self.any(depth + 1)?;
                self.close(*position, "AND, OR or ')'")?;
                Ok(group)
            }
            Kind::Word(word) if word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE") => {
                self.element()?;
                self.lexemes.advance();
                Ok(Expression::Constant(word.eq_ignore_ascii_case("TRUE")))
            }
            Kind::Word(word) if word == "AT_LEAST" => {
                self.lexemes.advance();
                self.at_least()
            }
            Kind::Word(word) => {
                let Some(state) = State::named(word) else { return Err(self.expected(OPERAND)) };
                self.lexemes.advance();
                let open = self.open()?;
                let alarm = self.alarm()?;
                self.close(open, "')'")?;
                Ok(Expression::Is(state, alarm))
            }
            _ => Err(self.expected(OPERAND)),
        }
    }

    /// What follows `AT_LEAST`.
    fn at_least(&mut self) -> Result<Expression, RuleError> {
        let open = self.open()?;
        let threshold = self.threshold()?;
        self.comma()?;
        let condition = if self.eat_word("NOT") { Condition::IsNot } else { Condition::Is };
        let condition = condition(self.state()?);
        self.comma()?;
        let list = self.open()?;
        let mut alarms = vec![self.alarm()?];
        while self.lexemes.eat(&Kind::Comma) {
            alarms.push(self.alarm()?);
        }
        self.close(list, "',' or ')'")?;
        self.close(open, "')'")?;
        Ok(Expression::AtLeast(threshold, condition, alarms))
    }

    fn threshold(&mut self) -> Result<Threshold, RuleError> {
        let Some(Lexeme { position, kind: Kind::Word(mut text) | Kind::Quoted(mut text) }) =
            self.lexemes.first().cloned()
        else {
            return Err(self.expected("a number or a percentage"));
        };
        self.lexemes.advance();
        // `50 %` is two words.
        if self.eat_word("%") {
            text.push('%');
        }
        let number = |digits: &str| {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten()
        };
        let threshold = match text.strip_suffix('%') {
            Some(percent) => number(percent).filter(|percent| *percent <= 100).map(Threshold::Percent),
            None => number(&text).map(Threshold::Count),
        };
        threshold.ok_or(RuleError { position, problem: Problem::Threshold(text) })
    }

    fn state(&mut self) -> Result<State, RuleError> {
        let state = match self.lexemes.first() {
            Some(Lexeme { kind: Kind::Word(word), .. }) => State::named(word),
            _ => None,
        };
        let state = state.ok_or_else(|| self.expected("ALARM, OK or INSUFFICIENT_DATA"))?;
        self.lexemes.advance();
        Ok(state)
    }

    fn alarm(&mut self) -> Result<AlarmReference, RuleError> {
        let alarm = match self.lexemes.first() {
            Some(Lexeme { kind: Kind::Word(text) | Kind::Quoted(text), .. }) if !text.is_empty() => {
                AlarmReference::new(text.clone())
            }
            _ => return Err(self.expected("the name or ARN of an alarm")),
        };
        self.element()?;
        if self.names.insert(alarm.name().to_owned()) {
            if self.children.len() == CHILDREN_MAX {
                return Err(RuleError { position: self.lexemes.position(), problem: Problem::TooManyChildren });
            }
            self.children.push(alarm.clone());
        }
        self.lexemes.advance();
        Ok(alarm)
    }

    /// Counts the element that comes next.
    fn element(&mut self) -> Result<(), RuleError> {
        if self.elements == ELEMENTS_MAX {
            return Err(RuleError { position: self.lexemes.position(), problem: Problem::TooManyElements });
        }
        self.elements += 1;
        Ok(())
    }

    /// Eats `(` and says where it is.
    fn open(&mut self) -> Result<usize, RuleError> {
        let position = self.lexemes.position();
        if self.lexemes.eat(&Kind::Open) { Ok(position) } else { Err(self.expected("'('")) }
    }

    /// Eats the `)` of the parenthesis that was opened at `open`.
    fn close(&mut self, open: usize, expected: &'static str) -> Result<(), RuleError> {
        if self.lexemes.eat(&Kind::Close) {
            return Ok(());
        }
        match self.lexemes.first() {
            None => Err(RuleError { position: open, problem: Problem::Unclosed('(') }),
            Some(_) => Err(self.expected(expected)),
        }
    }

    fn comma(&mut self) -> Result<(), RuleError> {
        if self.lexemes.eat(&Kind::Comma) { Ok(()) } else { Err(self.expected("','")) }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.lexemes.eat_if(|kind| matches!(kind, Kind::Word(found) if found == word))
    }

    fn expected(&self, expected: &'static str) -> RuleError {
        let problem = match self.lexemes.first() {
            Some(lexeme) => Problem::Expected { expected, found: lexeme.kind.written() },
            None => Problem::Missing(expected),
        };
        RuleError { position: self.lexemes.position(), problem }
    }
}
