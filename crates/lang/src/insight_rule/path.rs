//! Where a value is in an event: `$.a.b[0].c` in JSON, the number of a field otherwise.

use super::limits::PATH_STEPS_MAX;
use crate::json::{self, Step};

/// A place in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// In JSON.
    Json(json::Path),
    /// Among fields: the number, from 1.
    Field(usize),
}

impl Path {
    /// The path that a text like `$.a.b[0]` or `$['a.b']` means; none if it means none.
    pub(super) fn parse(text: &str) -> Option<Path> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if steps.len() == PATH_STEPS_MAX {
                return None;
            }
            let step;
            (step, rest) = match rest.strip_prefix('.') {
                Some(named) => member(named)?,
                None => in_brackets(rest.strip_prefix('[')?)?,
            };
            steps.push(step);
        }
        (!steps.is_empty()).then(|| Path::Json(steps.into()))
    }
}

fn member(text: &str) -> Option<(Step, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    (!name.is_empty()).then(|| (Step::Member(name.into()), rest))
}

/// `0]`, `'name']` or `"name"]`.
fn in_brackets(text: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (name, rest) = quoted.split_once(quote)?;
            return Some((Step::Member(name.into()), rest.strip_prefix(']')?));
        }
    }
    let (index, rest) = text.split_once(']')?;
    let is_number = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| index.parse().ok()).flatten().map(|index| (Step::Element(index), rest))
}
