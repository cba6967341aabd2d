//! What arguments functions take.

use super::super::types::{Given, Type};
use std::fmt;

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Parameter {
    Scalar,
    Series,
    Array,
    /// The id of a metric query.
    Metric,
    Text,
    /// An array of texts.
    Texts,
    /// A number as it is written: what must be known before anything is evaluated.
    Number,
    /// A text, a number, `true` or `false`.
    Literal,
    Keyword(&'static [&'static str]),
}

/// One form of a function.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Signature {
    required: &'static [Parameter],
    optional: &'static [Parameter],
    returns: Type,
}

/// Why arguments fit no form.
pub(in super::super) struct Mismatch {
    /// Which argument does not fit, counted from 0; `None` if their number does not.
    pub argument: Option<usize>,
    pub message: String,
}

/// Of a series a series, of an array an array.
pub(in super::super) const EACH: &[Signature] =
    &[Signature::new(&[Parameter::Series], Type::Series), Signature::new(&[Parameter::Array], Type::Array)];

/// Of a series a number, of an array a series.
pub(in super::super) const REDUCE: &[Signature] =
    &[Signature::new(&[Parameter::Series], Type::Scalar), Signature::new(&[Parameter::Array], Type::Series)];

impl Signature {
    pub(super) const fn new(required: &'static [Parameter], returns: Type) -> Signature {
        Signature { required, optional: &[], returns }
    }

    pub(super) const fn with_optional(self, optional: &'static [Parameter]) -> Signature {
        Signature { optional, ..self }
    }

    fn parameter(&self, index: usize) -> Option<Parameter> {
        self.required.iter().chain(self.optional).nth(index).copied()
    }

    fn takes(&self, count: usize) -> bool {
        (self.required.len()..=self.required.len() + self.optional.len()).contains(&count)
    }

    /// How many arguments fit before one does not.
    fn fitting(&self, given: &[Given<'_>]) -> usize {
        let fits = |(index, given): (usize, &Given<'_>)| self.parameter(index).is_some_and(|p| p.accepts(given));
        given.iter().enumerate().take_while(|argument| fits(*argument)).count()
    }
}

impl Parameter {
    fn accepts(self, given: &Given<'_>) -> bool {
        match self {
            Parameter::Scalar => matches!(given, Given::Number(_) | Given::Type(Type::Scalar)),
            Parameter::Series => matches!(given, Given::Metric | Given::Type(Type::Series)),
            Parameter::Array => matches!(given, Given::Type(Type::Array)),
            Parameter::Metric => matches!(given, Given::Metric),
            Parameter::Text => matches!(given, Given::Text),
            Parameter::Texts => matches!(given, Given::Texts),
            Parameter::Number => matches!(given, Given::Number(_)),
            Parameter::Literal => matches!(given, Given::Text | Given::Number(_) | Given::Keyword("true" | "false")),
            Parameter::Keyword(words) => matches!(given, Given::Keyword(word) if words.contains(word)),
        }
    }

    /// As an error names it.
    fn described(self) -> String {
        match self {
            Parameter::Scalar => "a scalar".to_owned(),
            Parameter::Series => "a time series".to_owned(),
            Parameter::Array => "an array of time series".to_owned(),
            Parameter::Metric => "the id of a metric".to_owned(),
            Parameter::Text => "a text".to_owned(),
            Parameter::Texts => "an array of texts".to_owned(),
            Parameter::Number => "a number".to_owned(),
            Parameter::Literal => "a text, a number, true or false".to_owned(),
            Parameter::Keyword(words) => words.join(" or "),
        }
    }
}

/// As documentation names it: `S`, `TS`, `TS[]`, ...
impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Parameter::Scalar => "S",
            Parameter::Series => "TS",
            Parameter::Array => "TS[]",
            Parameter::Metric => "metric",
            Parameter::Text => "text",
            Parameter::Texts => "text[]",
            Parameter::Number => "number",
            Parameter::Literal => "literal",
            Parameter::Keyword(words) => return f.write_str(&words.join("|")),
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (index, parameter) in self.required.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{parameter}")?;
        }
        match self.optional {
            [first, .., last] if self.optional.len() > 3 && first == last => write!(f, "[, {first} ...]")?,
            optional => optional.iter().try_for_each(|parameter| write!(f, "[, {parameter}]"))?,
        }
        f.write_str(match self.returns {
            Type::Scalar => ") -> S",
            Type::Series => ") -> TS",
            Type::Array => ") -> TS[]",
        })
    }
}

/// What the first form that fits returns.
pub(super) fn resolve(name: &str, signatures: &[Signature], given: &[Given<'_>]) -> Result<Type, Mismatch> {
    let fits = |signature: &&Signature| signature.takes(given.len()) && signature.fitting(given) == given.len();
    if let Some(signature) = signatures.iter().find(fits) {
        return Ok(signature.returns);
    }
    let candidates: Vec<&Signature> = signatures.iter().filter(|signature| signature.takes(given.len())).collect();
    let Some(index) = candidates.iter().map(|signature| signature.fitting(given)).max() else {
        return Err(wrong_count(name, signatures, given.len()));
    };
    let nearest = candidates.iter().filter(|signature| signature.fitting(given) == index);
    let mut expected: Vec<String> =
        nearest.filter_map(|signature| signature.parameter(index)).map(Parameter::described).collect();
    expected.sort();
    expected.dedup();
    let message = format!("Argument {} of function '{name}' must be {}", index + 1, expected.join(" or "));
    Err(Mismatch { argument: Some(index), message })
}

fn wrong_count(name: &str, signatures: &[Signature], count: usize) -> Mismatch {
    let least = signatures.iter().map(|signature| signature.required.len()).min().unwrap_or_default();
    let most = signatures.iter().map(|s| s.required.len() + s.optional.len()).max().unwrap_or_default();
    let expected = match (least, most) {
        (least, most) if least != most => format!("{least} to {most} arguments"),
        (1, _) => "1 argument".to_owned(),
        (least, _) => format!("{least} arguments"),
    };
    Mismatch { argument: None, message: format!("Function '{name}' takes {expected}, but {count} were given") }
}
