//! Filters: what must hold of an event. One on a field that is not there does not hold, but for `IsPresent: false`.

use super::event::Leaf;
use super::path::Path;

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    /// The field.
    pub(super) path: Path,
    /// What must hold of it.
    pub(super) test: Test,
}

/// What must hold of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// It is one of these texts.
    In(Vec<String>),
    /// It is none of these texts.
    NotIn(Vec<String>),
    /// It begins with one of these texts.
    StartsWith(Vec<String>),
    /// It is a number above this one.
    GreaterThan(f64),
    /// It is a number below this one.
    LessThan(f64),
    /// It is this number.
    EqualTo(f64),
    /// It is another number.
    NotEqualTo(f64),
    /// It is there, or is not.
    IsPresent(bool),
}

impl Filter {
    /// Whether it holds of an event that has this at its path.
    pub(super) fn passes(&self, leaf: Option<Leaf<'_>>) -> bool {
        let text = |holds: &dyn Fn(&str) -> bool| leaf.and_then(Leaf::text).is_some_and(|text| holds(&text));
        let number = |holds: &dyn Fn(f64) -> bool| leaf.and_then(Leaf::number).is_some_and(holds);
        match &self.test {
            Test::In(texts) => text(&|found| texts.iter().any(|text| text == found)),
            Test::NotIn(texts) => text(&|found| texts.iter().all(|text| text != found)),
            Test::StartsWith(texts) => text(&|found| texts.iter().any(|text| found.starts_with(text.as_str()))),
            Test::GreaterThan(bound) => number(&|found| found > *bound),
            Test::LessThan(bound) => number(&|found| found < *bound),
            Test::EqualTo(wanted) => number(&|found| found == *wanted),
            Test::NotEqualTo(unwanted) => number(&|found| found != *unwanted),
            Test::IsPresent(wanted) => leaf.is_some() == *wanted,
        }
    }
}
