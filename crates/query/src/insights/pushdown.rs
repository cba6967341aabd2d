//! What a plan's first filters say of messages, for the store to skip by.
//!
//! `@message like "x"` says that messages contain `x`; a field that is a text says so too ([`Required`]).

use watchkeep_lang::insights::plan::{Comparison, Expr, ExprKind, Field, Pattern, Step, System};
use watchkeep_lang::insights::value::{Value, number_of};
use watchkeep_store::TextFilter;

use super::prefix::is_newest_first;
use crate::required::Required;

/// Whether fields are discovered in messages only: elsewhere a message says nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldsAre {
    /// They are.
    InMessages,
    /// Of some events a transformer made others.
    Elsewhere,
}

/// The filter of messages that the steps imply; `None` if they imply nothing.
pub(super) fn text_filter(steps: &[Step], fields: FieldsAre) -> Option<TextFilter> {
    let mut required = Required::default();
    for step in steps {
        match step {
            Step::Filter(condition) | Step::FilterIndex { condition, .. } => {
                condition_of(&mut required, condition, fields)
            }
            // What follows may be of other texts.
            Step::Define(_) | Step::Parse(_) => {}
            step if is_newest_first(step) => {}
            _ => break,
        }
    }
    required.filter()
}

fn condition_of(required: &mut Required, condition: &Expr, fields: FieldsAre) {
    match &condition.kind {
        ExprKind::And(all) => all.iter().for_each(|one| condition_of(required, one, fields)),
        ExprKind::Like { operand, pattern: Pattern::Contains(finder), negated: false } => {
            if let Ok(text) = std::str::from_utf8(finder.needle()) {
                contains(required, operand, text, fields);
            }
        }
        ExprKind::Compare(Comparison::Equal, left, right) => match (&left.kind, &right.kind) {
            (_, ExprKind::Literal(value)) => equals(required, left, value, fields),
            (ExprKind::Literal(value), _) => equals(required, right, value, fields),
            _ => {}
        },
        ExprKind::In { operand, list, negated: false } => {
            if let [only] = list.values() {
                equals(required, operand, only, fields);
            }
        }
        _ => {}
    }
}

fn equals(required: &mut Required, operand: &Expr, value: &Value<'_>, fields: FieldsAre) {
    // Numbers and conditions equal others that are written otherwise.
    let Value::Text(text) = value else { return };
    let is_word = number_of(text).is_none() && !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_word {
        contains(required, operand, text, fields);
    }
}

fn contains(required: &mut Required, operand: &Expr, text: &str, fields: FieldsAre) {
    let ExprKind::Field(field) = &operand.kind else { return };
    match field {
        Field::System(System::Message) => required.in_message(text),
        Field::Discovered(path) if fields == FieldsAre::InMessages && !path.name.starts_with('@') => {
            required.in_field(text);
        }
        _ => {}
    }
}
