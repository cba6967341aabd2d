//! What WHERE says of the messages of a table, for the store to skip by ([`Required`]).
//!
//! Only where the rows of a table pass that WHERE before anything else happens to them: the query itself and those of its WITH, with
//! one table in FROM that stands nowhere else.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, Query, Select, SetExpr, TableFactor, Value, Visit, Visitor,
};
use watchkeep_lang::insights::value::number_of;

use super::rewrite::relation_name;
use crate::required::Required;

/// For each table of which something is said, what. `query` is one that was rewritten: each field is one name.
pub(super) fn required(query: &Query) -> BTreeMap<String, Required> {
    let mut places = Places(BTreeMap::new());
    let _ = query.visit(&mut places);
    let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
    let queries = ctes.map(|cte| &*cte.query).chain([query]);
    let mut found = BTreeMap::new();
    for select in queries.filter_map(plain_select) {
        if let (Some(table), Some(condition)) = (only_table(select), &select.selection)
            && places.0.get(&table) == Some(&1)
        {
            let mut required = Required::default();
            condition_of(&mut required, condition);
            found.insert(table, required);
        }
    }
    found
}

/// The SELECT that a query is, if it puts none together.
pub(super) fn plain_select(query: &Query) -> Option<&Select> {
    match &*query.body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// The table of a SELECT that reads one, and nothing beside it.
pub(super) fn only_table(select: &Select) -> Option<String> {
    let [from] = select.from.as_slice() else { return None };
    match &from.relation {
        TableFactor::Table { name, .. } if from.joins.is_empty() && select.lateral_views.is_empty() => {
            Some(relation_name(name))
        }
        _ => None,
    }
}

/// How often each table stands in a query.
struct Places(BTreeMap<String, usize>);

impl Visitor for Places {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        *self.0.entry(relation_name(relation)).or_default() += 1;
        ControlFlow::Continue(())
    }
}

fn condition_of(required: &mut Required, condition: &Expr) {
    match condition {
        Expr::Nested(inner) => condition_of(required, inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            condition_of(required, left);
            condition_of(required, right);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (text_of(left), text_of(right)) {
            (None, Some(text)) => equals(required, left, text),
            (Some(text), None) => equals(required, right, text),
            _ => {}
        },
        Expr::InList { expr, list, negated: false } => {
            if let [only] = list.as_slice()
                && let Some(text) = text_of(only)
            {
                equals(required, expr, text);
            }
        }
        Expr::Like { negated: false, any: false, expr, pattern, escape_char: None } => {
            if let Some(pattern) = text_of(pattern).filter(|pattern| !pattern.contains('\\')) {
                like(required, expr, pattern);
            }
        }
        _ => {}
    }
}

fn equals(required: &mut Required, operand: &Expr, text: &str) {
    match field_of(operand) {
        Some("@message") => required.in_message(text),
        Some(_) if is_only_text(text) => required.in_field(text),
        _ => {}
    }
}

fn like(required: &mut Required, operand: &Expr, pattern: &str) {
    let pieces = pattern.split(['%', '_']).filter(|piece| !piece.is_empty());
    match field_of(operand) {
        Some("@message") => pieces.for_each(|piece| required.in_message(piece)),
        // What a value begins with says whether it is written in the message as it is.
        Some(_) if pattern.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            pieces.for_each(|piece| required.in_field(piece));
        }
        _ => {}
    }
}

/// Whether a column's value is this text only if it was written so: numbers and conditions have other spellings, objects and arrays are
/// written anew.
fn is_only_text(text: &str) -> bool {
    let is_condition = ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    number_of(text.trim()).is_none() && !is_condition && !text.starts_with(['{', '['])
}

/// A field that may be told of its message, or the message.
fn field_of(expr: &Expr) -> Option<&str> {
    let name = match expr {
        Expr::Nested(inner) => return field_of(inner),
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        _ => return None,
    };
    Some(name.value.as_str()).filter(|name| *name == "@message" || !name.starts_with('@'))
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Nested(inner) => text_of(inner),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::SqlQuery;

    /// What is said of each table: messages that pass, and some that do not.
    #[test]
    fn what_where_says() {
        let says = |text: &str, message: &str| {
            let query = SqlQuery::parse(text).unwrap();
            let mut said = query.required.into_values().filter_map(Required::filter);
            said.all(|filter| (filter.matches)(message.as_bytes()))
        };
        let ruled_out = [
            "SELECT a FROM g WHERE level = 'ERROR'",
            "SELECT a FROM g WHERE 'ERROR' = g.level AND a > 1",
            "SELECT a FROM g WHERE (level IN ('ERROR') AND b = 2)",
            "SELECT a FROM g WHERE `@message` LIKE '%ERR%R'",
            "SELECT a FROM g WHERE level LIKE 'ERR%'",
            "WITH t AS (SELECT a FROM g WHERE level = 'ERROR') SELECT count(*) AS n FROM t",
            "SELECT a, count(*) AS n FROM g WHERE level = 'ERROR' GROUP BY a",
        ];
        for text in ruled_out {
            assert!(!says(text, r#"{"level":"INFO"}"#), "{text}");
            assert!(says(text, r#"{"level":"ERROR"}"#), "{text}");
        }
        let passes = [
            "SELECT a FROM g",
            "SELECT a FROM g WHERE level = 'ERROR' OR a = 1",
            "SELECT a FROM g WHERE NOT (level = 'ERROR')",
            "SELECT a FROM g WHERE level <> 'ERROR'",
            "SELECT a FROM g WHERE status = '500'",
            "SELECT a FROM g WHERE level NOT LIKE 'ERROR%'",
            "SELECT a FROM g WHERE level LIKE '%5%'",
            "SELECT a FROM g WHERE upper(level) = 'ERROR'",
            "SELECT a FROM g WHERE ok = 'TRUE'",
            "SELECT a FROM g WHERE o = '{\"a\":1}'",
            "SELECT a FROM g WHERE `@logStream` = 'ERROR'",
            "SELECT a FROM g WHERE level = 'ERROR' UNION SELECT a FROM g",
            "SELECT A.a FROM g A JOIN g B ON A.a = B.a WHERE A.level = 'ERROR'",
            "SELECT a FROM h WHERE a IN (SELECT b FROM g WHERE g.level = 'ERROR' OR h.c = 1)",
            "SELECT a FROM g WHERE level = 'ERROR' AND b IN (SELECT b FROM g)",
        ];
        for text in passes {
            assert!(says(text, r#"{"level":"INFO"}"#), "{text}");
        }
    }
}
