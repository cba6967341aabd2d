//! What stands behind an expression: ranges, subqueries, `offset`, `@`.

use super::super::ast::{At, Expr, ExprKind, Subquery, Type, When};
use super::super::lex::Token;
use super::super::number::seconds_to_ms;
use super::{Parsed, Parser, fail_at, node};

/// The longest duration and the latest time, about 30,000 years: sums of them are far from what an i64 holds.
const MS_MAX: i64 = 1_000_000_000_000_000;

impl Parser {
    /// Ranges, subqueries, `offset` and `@` behind an expression.
    pub(super) fn postfix(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            let position = self.position();
            if self.takes("[") {
                expr = self.range(expr, position)?;
            } else if self.takes_word("offset") {
                let offset_ms = self.offset()?;
                let when = when_of(&mut expr, position, "offset modifier")?;
                if when.offset_ms.replace(offset_ms).is_some() {
                    return fail_at(position, "offset may not be set multiple times");
                }
            } else if self.takes("@") {
                let at = self.at()?;
                let when = when_of(&mut expr, position, "@ modifier")?;
                if when.at.replace(at).is_some() {
                    return fail_at(position, "@ <timestamp> may not be set multiple times");
                }
            } else {
                return Ok(expr);
            }
        }
    }

    fn range(&mut self, expr: Expr, position: usize) -> Parsed<Expr> {
        let range_ms = self.duration("subquery or range selector, expected duration")?;
        if range_ms <= 0 {
            return fail_at(position, "duration must be greater than 0");
        }
        if self.takes(":") {
            let step_ms = match self.peek() {
                Token::Sign("]") => None,
                _ => Some(self.duration("subquery selector, expected duration")?),
            };
            self.expect("]", "subquery selector, expected \"]\"")?;
            if step_ms.is_some_and(|step_ms| step_ms <= 0) {
                return fail_at(position, "duration must be greater than 0");
            }
            if expr.r#type() != Type::Vector {
                let found = expr.r#type().text();
                return fail_at(position, format!("subquery is only allowed on instant vector, got {found} instead"));
            }
            let start = expr.position;
            let subquery = Subquery { expr, range_ms, step_ms, when: When::default() };
            return node(start, ExprKind::Subquery(Box::new(subquery)));
        }
        self.expect("]", "range selector, expected \"]\"")?;
        match expr.kind {
            ExprKind::Selector(selector) if selector.when.at.is_some() => {
                fail_at(position, "no @ modifiers allowed before range")
            }
            ExprKind::Selector(selector) if selector.when.offset_ms.is_some() => {
                fail_at(position, "no offset modifiers allowed before range")
            }
            ExprKind::Selector(selector) => node(expr.position, ExprKind::Range { selector, range_ms }),
            _ => fail_at(position, "ranges only allowed for vector selectors"),
        }
    }

    fn duration(&mut self, context: &str) -> Parsed<i64> {
        let position = self.position();
        match self.peek() {
            Token::Duration(ms) => {
                let ms = *ms;
                self.next();
                if ms > MS_MAX { fail_at(position, "duration out of range") } else { Ok(ms) }
            }
            // A number is its seconds.
            Token::Number(seconds) => {
                let ms = seconds_to_ms(*seconds).filter(|ms| ms.abs() <= MS_MAX);
                self.next();
                ms.map_or_else(|| fail_at(position, "duration out of range"), Ok)
            }
            _ => self.unexpected(context),
        }
    }

    fn offset(&mut self) -> Parsed<i64> {
        let sign = if self.takes("-") { -1 } else { 1 };
        if sign == 1 {
            self.takes("+");
        }
        Ok(sign * self.duration("offset, expected duration")?)
    }

    fn at(&mut self) -> Parsed<At> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.takes_word(word) {
                self.expect("(", "@, expected \"(\"")?;
                self.expect(")", "@, expected \")\"")?;
                return Ok(at);
            }
        }
        let sign = if self.takes("-") { -1.0 } else { 1.0 };
        if sign == 1.0 {
            self.takes("+");
        }
        let Token::Number(seconds) = *self.peek() else { return self.unexpected("@, expected timestamp") };
        match seconds_to_ms(sign * seconds).filter(|ms| ms.abs() <= MS_MAX) {
            Some(time_ms) => {
                self.next();
                Ok(At::Time(time_ms))
            }
            None => self.fail(format!("timestamp out of bounds for @ modifier: {seconds}")),
        }
    }
}

fn when_of<'e>(expr: &'e mut Expr, position: usize, what: &str) -> Parsed<&'e mut When> {
    match &mut expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => Ok(&mut selector.when),
        ExprKind::Subquery(subquery) => Ok(&mut subquery.when),
        _ => fail_at(
            position,
            format!("{what} must be preceded by an instant vector selector or range vector selector or a subquery"),
        ),
    }
}
