//! Binary operators: what may follow one, and what may stand beside it.

use std::sync::Arc;

use super::super::ast::{Binary, BinaryOperator, Cardinality, Expr, ExprKind, Matching, Type};
use super::super::lex::Token;
use super::{Parsed, Parser, fail_at, node};

impl Parser {
    pub(super) fn modifiers(&mut self, operator: BinaryOperator) -> Parsed<(bool, Matching)> {
        let mut matching = Matching::default();
        let position = self.position();
        let is_bool = self.takes_word("bool");
        if is_bool && !operator.is_comparison() {
            return fail_at(position, "bool modifier can only be used on comparison operators");
        }
        if !self.is_word("on") && !self.is_word("ignoring") {
            return Ok((is_bool, matching));
        }
        matching.is_on = self.is_word("on");
        self.next();
        matching.labels = self.label_names()?;
        let position = self.position();
        let (is_left, is_right) = (self.takes_word("group_left"), self.takes_word("group_right"));
        if !is_left && !is_right {
            return Ok((is_bool, matching));
        }
        if operator.is_set() {
            return fail_at(position, format!("no grouping allowed for {:?} operation", operator.text()));
        }
        let include = if matches!(self.peek(), Token::Sign("(")) { self.label_names()? } else { Vec::new() };
        if let Some(both) = include.iter().find(|label| matching.is_on && matching.labels.contains(label)) {
            return fail_at(position, format!("label {both:?} must not occur in ON and GROUP clause at once"));
        }
        matching.cardinality = if is_left { Cardinality::ManyToOne(include) } else { Cardinality::OneToMany(include) };
        Ok((is_bool, matching))
    }

    pub(super) fn label_names(&mut self) -> Parsed<Vec<Arc<str>>> {
        const CONTEXT: &str = "grouping opts, expected label";
        self.expect("(", "grouping opts, expected \"(\"")?;
        let mut names = Vec::new();
        while !self.takes(")") {
            match self.peek() {
                Token::Word(name) if !name.contains(':') => names.push(Arc::from(name.as_str())),
                Token::Text(name) if !name.is_empty() => names.push(Arc::from(name.as_str())),
                _ => return self.unexpected(CONTEXT),
            }
            self.next();
            if !self.takes(",") && !matches!(self.peek(), Token::Sign(")")) {
                return self.unexpected("grouping opts, expected \",\" or \")\"");
            }
        }
        Ok(names)
    }
}

pub(super) fn binary(binary: Binary, position: usize) -> Parsed<Expr> {
    let (left, right) = (binary.left.r#type(), binary.right.r#type());
    let is_operand = |r#type| matches!(r#type, Type::Scalar | Type::Vector);
    if !is_operand(left) || !is_operand(right) {
        return fail_at(position, "binary expression must contain only scalar and instant vector types");
    }
    let are_vectors = left == Type::Vector && right == Type::Vector;
    if binary.operator.is_comparison() && left == Type::Scalar && right == Type::Scalar && !binary.is_bool {
        return fail_at(position, "comparisons between scalars must use BOOL modifier");
    }
    if binary.operator.is_set() && !are_vectors {
        let operator = binary.operator.text();
        return fail_at(position, format!("set operator {operator:?} not allowed in binary scalar expression"));
    }
    let is_matched = binary.matching != Matching::default();
    if !are_vectors
        && is_matched
        && (!binary.matching.labels.is_empty() || binary.matching.cardinality != Cardinality::OneToOne)
    {
        return fail_at(position, "vector matching only allowed between instant vectors");
    }
    let start = binary.left.position;
    node(start, ExprKind::Binary(Box::new(binary)))
}
