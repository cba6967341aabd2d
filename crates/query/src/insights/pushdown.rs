//! What a plan's first filters say of messages, for the store to skip by.
//!
//! `@message like "x"` says that messages contain `x`, and a regular expression that they contain what all its matches do; a field that is a text says so too ([`Required`]).

use watchkeep_lang::insights::plan::{Comparison, Expr, ExprKind, Field, Pattern, Step, System};
use watchkeep_lang::insights::value::{Value, number_of};
use watchkeep_lang::regex_literals::required_literals;
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
        ExprKind::Like { operand, pattern: Pattern::Regex(regex) | Pattern::Wildcards(_, regex), negated: false } => {
            for literal in required_literals(regex.as_str()) {
                contains(required, operand, &literal, fields);
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
        // `true` and `false` are shown as 1 and 0.
        Field::Discovered(_) if matches!(text, "0" | "1") => {}
        Field::Discovered(path) if fields == FieldsAre::InMessages && !path.name.starts_with('@') => {
            required.in_field(text);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_lang::insights::Plan;
    use watchkeep_lang::insights::plan::Language;

    use super::*;

    #[test]
    fn filters_say_what_messages_contain() {
        let cases: &[(&str, &[&str])] = &[
            ("filter @message like 'xylophone'", &["xylophone"]),
            ("filter @message like /xyl[a-p]phone/", &["phone", "xyl"]),
            ("filter level like /^ERR[A-Z]+$/ and @message like /\\bab(cd)?/", &["ab", "ERR"]),
            ("filter @message like /(?i)error/", &[]),
            ("filter @message not like /error/", &[]),
            ("filter @message like /error|failure/", &[]),
            // True and false are 1 and 0.
            ("filter ok like '1'", &[]),
            ("filter ok like /^0$/", &[]),
            ("filter status like /^50/", &["50"]),
        ];
        for (query, expected) in cases {
            let plan = Plan::parse(query, Language::Cwli).unwrap();
            let found = text_filter(&plan.steps, FieldsAre::InMessages);
            let literals = found.map(|filter| filter.literals).unwrap_or_default();
            let literals: Vec<&str> = literals.iter().map(|literal| std::str::from_utf8(literal).unwrap()).collect();
            assert_eq!(literals, *expected, "{query}");
        }
    }
}
