//! A small schema language for dashboard bodies: what each value must be is a table, and one walk holds a value against it and
//! says what is wrong, and where, in CloudWatch's words.

use serde_json::{Map, Value};

use crate::limits::DASHBOARD_FINDINGS_MAX;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// What a value must be.
pub(super) enum Kind {
    /// Anything.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A whole number, within these bounds, both included.
    Integer(i64, i64),
    /// A string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A string that passes a test; the text is the pattern that the message gives.
    Matching(&'static str, fn(&str) -> bool),
    /// An object.
    Object(&'static Shape),
    /// A list of as many values, both bounds included.
    List(&'static Kind, usize, usize),
    /// A value, or a list of two: the ends of a band.
    OneOrPair(&'static Kind),
    /// A list that is checked by a function: rows of metrics.
    Rows(fn(&[Value], &mut Findings)),
}

/// What an object must be.
pub(super) struct Shape {
    /// Its properties; others are warned of, unless the shape is open.
    pub(super) properties: &'static [Property],
    /// Whether it may have properties that are not listed.
    pub(super) is_open: bool,
    /// What else must hold of it.
    pub(super) check: fn(&Object, &mut Findings),
}

/// A property of an object.
pub(super) struct Property {
    name: &'static str,
    kind: Kind,
    presence: Presence,
    /// What anything wrong with its value is.
    severity: Severity,
}

/// Whether a property must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Optional,
    /// Its absence is a warning.
    Expected,
    /// Its absence is an error.
    Required,
}

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The dashboard is kept, but will not look as it should.
    Warning,
    /// The dashboard is refused.
    Error,
}

impl Shape {
    /// An object with these properties and no others.
    pub(super) const fn of(properties: &'static [Property]) -> Shape {
        Shape { properties, is_open: false, check: nothing_else }
    }

    /// The same, of which more must hold.
    pub(super) const fn with(self, check: fn(&Object, &mut Findings)) -> Shape {
        Shape { check, ..self }
    }

    /// The same, which may have properties that are not listed.
    pub(super) const fn open(self) -> Shape {
        Shape { is_open: true, ..self }
    }
}

fn nothing_else(_: &Object, _: &mut Findings) {}

impl Property {
    /// A property that may be absent.
    pub(super) const fn optional(name: &'static str, kind: Kind) -> Property {
        Property { name, kind, presence: Presence::Optional, severity: Severity::Error }
    }

    /// A property whose absence is warned of.
    pub(super) const fn expected(name: &'static str, kind: Kind) -> Property {
        Property { name, kind, presence: Presence::Expected, severity: Severity::Error }
    }

    /// A property that must be there.
    pub(super) const fn required(name: &'static str, kind: Kind) -> Property {
        Property { name, kind, presence: Presence::Required, severity: Severity::Error }
    }

    /// The same, but a wrong value is only warned of.
    pub(super) const fn lenient(self) -> Property {
        Property { severity: Severity::Warning, ..self }
    }
}

/// Something wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The JSON pointer of the value.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) message: String,
}

/// What is wrong with a body, in the order of its text.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Why it is refused; the first [`DASHBOARD_FINDINGS_MAX`] reasons.
    pub(crate) errors: Vec<Finding>,
    /// How many reasons there are.
    pub(crate) error_count: usize,
    /// What is wrong with it although it is kept; the first [`DASHBOARD_FINDINGS_MAX`].
    pub(crate) warnings: Vec<Finding>,
    /// Where the walk is.
    path: String,
    /// Within a lenient property.
    is_lenient: bool,
}

impl Findings {
    /// Something is wrong with the value that the walk is at.
    pub(super) fn add(&mut self, severity: Severity, message: impl Into<String>) {
        let list = match severity {
            Severity::Error if !self.is_lenient => {
                self.error_count += 1;
                &mut self.errors
            }
            _ => &mut self.warnings,
        };
        if list.len() < DASHBOARD_FINDINGS_MAX {
            list.push(Finding { path: self.path.clone(), message: message.into() });
        }
    }

    /// Something is wrong with the value that the walk is at, so that the body is refused.
    pub(super) fn error(&mut self, message: impl Into<String>) {
        self.add(Severity::Error, message);
    }

    /// Something is wrong with the value that the walk is at, but the body is kept.
    pub(super) fn warning(&mut self, message: impl Into<String>) {
        self.add(Severity::Warning, message);
    }

    /// A property is missing in the object that the walk is at.
    pub(super) fn missing(&mut self, severity: Severity, name: &str) {
        self.add(severity, format!("Should have required property '{name}'"));
    }

    /// Looks at a value within the one that the walk is at: an element or a property.
    pub(super) fn at(&mut self, step: impl std::fmt::Display, look: impl FnOnce(&mut Findings)) {
        let length = self.path.len();
        self.path.push('/');
        // The escapes of a JSON pointer.
        let step = step.to_string();
        self.path.push_str(&step.replace('~', "~0").replace('/', "~1"));
        look(self);
        self.path.truncate(length);
    }

    fn within(&mut self, severity: Severity, look: impl FnOnce(&mut Findings)) {
        let before = self.is_lenient;
        self.is_lenient = before || severity == Severity::Warning;
        look(self);
        self.is_lenient = before;
    }
}

/// Holds a value against what it must be. As deep as the tables are, whatever the body is.
pub(super) fn check(value: &Value, kind: &Kind, findings: &mut Findings) {
    match (kind, value) {
        (Kind::Any, _)
        | (Kind::Boolean, Value::Bool(_))
        | (Kind::Number, Value::Number(_))
        | (Kind::Text, Value::String(_)) => {}
        (Kind::Integer(least, most), Value::Number(number)) => match whole(number) {
            None => findings.error("Should be integer"),
            Some(number) if number < *least => findings.error(format!("Should be >= {least}")),
            Some(number) if number > *most => findings.error(format!("Should be <= {most}")),
            Some(_) => {}
        },
        (Kind::OneOf(allowed), Value::String(text)) => {
            if !allowed.contains(&text.as_str()) {
                findings.error("Should be equal to one of the allowed values");
            }
        }
        (Kind::Matching(pattern, passes), Value::String(text)) => {
            if !passes(text) {
                findings.error(format!("Should match pattern \"{pattern}\""));
            }
        }
        (Kind::Object(shape), Value::Object(object)) => check_object(object, shape, findings),
        (Kind::List(kind, least, most), Value::Array(values)) => {
            if check_length(values, *least, *most, findings) {
                for (index, value) in values.iter().enumerate() {
                    findings.at(index, |findings| check(value, kind, findings));
                }
            }
        }
        (Kind::OneOrPair(kind), Value::Array(values)) => {
            if check_length(values, 2, 2, findings) {
                for (index, value) in values.iter().enumerate() {
                    findings.at(index, |findings| check(value, kind, findings));
                }
            }
        }
        (Kind::OneOrPair(kind), value) => check(value, kind, findings),
        (Kind::Rows(check), Value::Array(rows)) => check(rows, findings),
        (kind, _) => findings.error(format!("Should be {}", kind.name())),
    }
}

/// Holds an object against what it must be.
pub(super) fn check_object(object: &Object, shape: &Shape, findings: &mut Findings) {
    for property in shape.properties {
        let Some(value) = object.get(property.name) else {
            match property.presence {
                Presence::Optional => {}
                Presence::Expected => findings.missing(Severity::Warning, property.name),
                Presence::Required => findings.missing(Severity::Error, property.name),
            }
            continue;
        };
        findings.within(property.severity, |findings| {
            findings.at(property.name, |findings| check(value, &property.kind, findings));
        });
    }
    let is_known = |name: &str| shape.properties.iter().any(|property| property.name == name);
    if !shape.is_open {
        for name in object.keys().filter(|name| !is_known(name)) {
            findings.at(name, |findings| findings.warning("Should NOT have additional properties"));
        }
    }
    (shape.check)(object, findings);
}

fn check_length(values: &[Value], least: usize, most: usize, findings: &mut Findings) -> bool {
    if values.len() > most {
        findings.error(format!("Should NOT have more than {most} items"));
    } else if values.len() < least {
        findings.error(format!("Should NOT have fewer than {least} items"));
    } else {
        return true;
    }
    false
}

impl Kind {
    /// What a value of it is called.
    fn name(&self) -> &'static str {
        match self {
            Kind::Any => "anything",
            Kind::Boolean => "boolean",
            Kind::Number => "number",
            Kind::Integer(..) => "integer",
            Kind::Text | Kind::OneOf(_) | Kind::Matching(..) => "string",
            Kind::Object(_) => "object",
            Kind::List(..) | Kind::Rows(_) => "array",
            Kind::OneOrPair(kind) => kind.name(),
        }
    }
}

/// A whole number, also if it is written with a point.
pub(super) fn whole(number: &serde_json::Number) -> Option<i64> {
    let integer = number.as_i64();
    integer.or_else(|| number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64))
}
