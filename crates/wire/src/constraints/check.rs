//! The walk that finds what breaks a constraint.

use watchkeep_model::{Constraints, Kind, ListView, MapView, Shape, Structure, View};

use super::{Path, Step, accepted, pattern};
use crate::limits::{PATTERN_TEXT_BYTES_MAX, VALUE_SHOWN_MAX, VIOLATIONS_MAX};

/// One broken constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub path: Path,
    /// The value, as far as it may be shown; `None` if there is none.
    pub value: Option<String>,
    /// What was demanded: what follows "Member must ".
    pub rule: String,
}

impl Violation {
    /// A required value is absent.
    pub fn missing(path: Path) -> Self {
        Violation { path, value: None, rule: "not be null".into() }
    }

    /// Whether the violation is that a required value is absent.
    pub fn is_missing(&self) -> bool {
        self.value.is_none()
    }

    /// One failure's part of the message.
    pub fn text(&self) -> String {
        let value = self.value.as_ref().map_or("null".into(), |value| format!("'{value}'"));
        format!("Value {value} at '{}' failed to satisfy constraint: Member must {}", self.path.camel(), self.rule)
    }
}

/// Adds what breaks a constraint anywhere in `input` to `found`, up to a limit.
pub fn violations(input: &dyn Structure, found: &mut Vec<Violation>) {
    let mut walk = Walk { path: Path::default(), found };
    walk.structure(input);
}

struct Walk<'a> {
    path: Path,
    found: &'a mut Vec<Violation>,
}

impl Walk<'_> {
    fn structure(&mut self, structure: &dyn Structure) {
        for (index, member) in structure.schema().members.iter().enumerate() {
            // Most members have nothing to check: their place is not even looked at.
            if free(member.shape) {
                continue;
            }
            if let Some(view) = structure.get(index) {
                self.path.push(Step::Member(member.name));
                self.value(view, member.shape);
                self.path.pop();
            }
        }
    }

    fn value(&mut self, view: View<'_>, shape: &'static Shape) {
        if self.found.len() >= VIOLATIONS_MAX {
            return;
        }
        let rules = &shape.constraints;
        match view {
            View::String(text) => self.text(text, shape),
            View::Integer(number) => self.range(f64::from(number), || number.to_string(), rules),
            View::Long(number) => self.range(number as f64, || number.to_string(), rules),
            View::Float(number) => self.range(f64::from(number), || number.to_string(), rules),
            View::Double(number) => self.range(number, || number.to_string(), rules),
            View::Blob(bytes) => self.length(bytes.len(), || "java.nio.HeapByteBuffer".into(), rules),
            View::Structure(_) if accepted::is_checked_by_its_service(shape) => {}
            View::Structure(structure) => self.structure(structure),
            View::List(list) => self.list(list, shape),
            View::Map(map) => self.map(map, shape),
            View::Boolean(_) | View::Timestamp(_) | View::Document(_) => {}
        }
    }

    fn text(&mut self, text: &str, shape: &'static Shape) {
        let rules = &shape.constraints;
        let shown = || match shape.sensitive {
            true => "***".to_owned(),
            false => text.chars().take(VALUE_SHOWN_MAX).collect(),
        };
        if !rules.values.is_empty()
            && !rules.values.contains(&text)
            && !accepted::are_names_checked_by_their_service(shape)
        {
            return self.add(shown(), format!("satisfy enum value set: [{}]", rules.values.join(", ")));
        }
        // A text has at most as many characters as bytes: they are counted only where that does not settle it.
        if rules.max.is_some_and(|max| text.len() as f64 > max) || rules.min.is_some_and(|min| min > 0.0) {
            self.length(text.chars().count(), shown, rules);
        }
        if let Some(source) = rules.pattern
            && text.len() <= PATTERN_TEXT_BYTES_MAX
            && !pattern::matches(source, text)
            && !accepted::is_accepted(shape, text)
        {
            self.add(shown(), format!("satisfy regular expression pattern: {source}"));
        }
    }

    fn list(&mut self, list: &dyn ListView, shape: &'static Shape) {
        self.length(list.len(), || entries_shown(list), &shape.constraints);
        let Kind::List(element) = &shape.kind else { return };
        if free(element.shape) {
            return;
        }
        self.path.push(Step::Entry(0));
        for index in 0..list.len() {
            if let Some(view) = list.get(index) {
                self.path.turn_to(index);
                self.value(view, element.shape);
            }
        }
        self.path.pop();
    }

    fn map(&mut self, map: &dyn MapView, shape: &'static Shape) {
        self.length(map.len(), || format!("{} entries", map.len()), &shape.constraints);
        let Kind::Map(key_element, element) = &shape.kind else { return };
        if free(key_element.shape) && free(element.shape) {
            return;
        }
        map.each(&mut |key, view| {
            self.path.push(Step::Key(key.to_owned()));
            self.text(key, key_element.shape);
            self.value(view, element.shape);
            self.path.pop();
        });
    }

    fn length(&mut self, length: usize, shown: impl FnOnce() -> String, rules: &Constraints) {
        let length = length as f64;
        if let Some(min) = rules.min.filter(|min| length < *min) {
            self.add(shown(), format!("have length greater than or equal to {min}"));
        } else if let Some(max) = rules.max.filter(|max| length > *max) {
            self.add(shown(), format!("have length less than or equal to {max}"));
        }
    }

    fn range(&mut self, number: f64, shown: impl FnOnce() -> String, rules: &Constraints) {
        if let Some(min) = rules.min.filter(|min| number < *min) {
            self.add(shown(), format!("have value greater than or equal to {min}"));
        } else if let Some(max) = rules.max.filter(|max| number > *max) {
            self.add(shown(), format!("have value less than or equal to {max}"));
        }
    }

    fn add(&mut self, value: String, rule: String) {
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation { path: self.path.clone(), value: Some(value), rule });
        }
    }
}

/// Whether no value of this shape can break a constraint by itself or one level down.
fn free(shape: &Shape) -> bool {
    let rules = &shape.constraints;
    let scalar = match &shape.kind {
        Kind::List(element) => matches!(element.shape.kind, Kind::Double | Kind::String) && free(element.shape),
        Kind::Map(..) | Kind::Structure(_) => false,
        _ => true,
    };
    scalar && rules.min.is_none() && rules.max.is_none() && rules.pattern.is_none() && rules.values.is_empty()
}

/// A list's scalars as Java prints a list, `[a, b]`.
fn entries_shown(list: &dyn ListView) -> String {
    let mut out = String::from("[");
    for index in 0..list.len() {
        let entry = match list.get(index) {
            Some(View::String(text)) => text.chars().take(VALUE_SHOWN_MAX).collect(),
            Some(View::Integer(number)) => number.to_string(),
            Some(View::Long(number)) => number.to_string(),
            Some(View::Double(number)) => number.to_string(),
            _ => "...".into(),
        };
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(&entry);
        if out.len() > VALUE_SHOWN_MAX {
            break;
        }
    }
    out.push(']');
    out
}
