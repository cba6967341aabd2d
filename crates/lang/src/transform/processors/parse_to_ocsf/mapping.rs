//! A record on its way into an event of OCSF: what was not mapped yet, and what was made.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Version;
use super::classes::{Class, OTHER};
use crate::transform::event::Failure;
use crate::transform::limits::TRANSFORMED_BYTES_MAX;

/// A record, half mapped. Paths have dots between their keys.
pub(super) struct Mapping {
    /// What is left of the record.
    rest: Map<String, Value>,
    /// The event.
    made: Map<String, Value>,
    /// The version of OCSF.
    pub version: Version,
}

/// Who makes the records.
pub(super) struct Product {
    pub name: &'static str,
    /// The part of the product; none if it is told otherwise.
    pub feature: Option<&'static str>,
    /// OCSF's profiles that events have the attributes of.
    pub profiles: &'static [&'static str],
}

/// What an observable is.
#[derive(Clone, Copy)]
pub(super) enum Observable {
    Hostname = 1,
    IpAddress = 2,
    UserName = 4,
    Url = 6,
    ResourceUid = 10,
}

/// What was done about what a record tells of.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Unknown,
    Allowed,
    Denied,
}

impl Mapping {
    /// A record of which nothing was mapped yet.
    pub(super) fn new(record: Map<String, Value>, version: Version) -> Mapping {
        Mapping { rest: record, made: Map::new(), version }
    }

    /// The record with other names for its fields; those without one are left out.
    pub(super) fn renamed(mut self, name: impl Fn(&str, &Value) -> Option<String>) -> Mapping {
        self.rest = self.rest.into_iter().filter_map(|(own, value)| Some((name(&own, &value)?, value))).collect();
        self
    }

    /// Makes it an event of a class and an activity; `other` is what the record calls an activity that has no number.
    pub(super) fn begin(&mut self, class: &Class, activity: u32, other: &str) {
        let name = class.activity(activity);
        let own_name = if activity == OTHER { other } else { name };
        self.put("activity_id", activity);
        self.put("activity_name", own_name);
        self.put("category_name", class.category_name);
        self.put("category_uid", class.category_uid);
        self.put("class_name", class.name);
        self.put("class_uid", class.uid);
        self.put("severity", "Informational");
        self.put("severity_id", 1);
        self.put("type_name", format!("{}: {name}", class.name));
        self.put("type_uid", class.uid * 100 + activity);
        self.put("cloud.provider", "AWS");
    }

    /// Says who made the record.
    pub(super) fn made_by(&mut self, product: &Product) {
        self.put("metadata.product.name", product.name);
        self.put("metadata.product.vendor_name", "AWS");
        self.put_some("metadata.product.feature.name", product.feature);
        self.put("metadata.profiles", product.profiles);
        self.put("metadata.version", self.version.as_str());
    }

    /// What is left of the record at a path.
    pub(super) fn peek(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let first = self.rest.get(keys.next()?)?;
        keys.try_fold(first, |value, key| value.get(key))
    }

    /// A text that is left of the record.
    pub(super) fn peek_text(&self, path: &str) -> Option<&str> {
        self.peek(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// Takes a value out of the record; none if it is null.
    pub(super) fn take(&mut self, path: &str) -> Option<Value> {
        let (parents, last) = split(path);
        let mut at = &mut self.rest;
        for key in parents {
            let Value::Object(inner) = at.get_mut(key)? else { return None };
            at = inner;
        }
        at.shift_remove(last).filter(|value| !value.is_null())
    }

    /// Takes a text, a number or a truth out of the record, as a text; none if it is empty. Others stay.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let text = text_of(self.peek(path)?)?;
        self.take(path);
        Some(text).filter(|text| !text.is_empty())
    }

    /// A whole number that is left of the record, which may be written as a text.
    pub(super) fn peek_number(&self, path: &str) -> Option<i64> {
        match self.peek(path)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        }
    }

    /// Takes a whole number out of the record. Others stay.
    pub(super) fn number(&mut self, path: &str) -> Option<i64> {
        let number = self.peek_number(path)?;
        self.take(path);
        Some(number)
    }

    /// Takes a list of objects out of the record. Others stay.
    pub(super) fn objects(&mut self, path: &str) -> Vec<Map<String, Value>> {
        let is_one = |value: &Value| value.as_array().is_some_and(|items| items.iter().all(Value::is_object));
        if !self.peek(path).is_some_and(is_one) {
            return Vec::new();
        }
        let Some(Value::Array(items)) = self.take(path) else { return Vec::new() };
        items.into_iter().filter_map(|item| if let Value::Object(item) = item { Some(item) } else { None }).collect()
    }

    /// Gives a value back that is not mapped.
    pub(super) fn leave(&mut self, key: &str, value: Value) {
        self.rest.insert(key.to_owned(), value);
    }

    /// Takes a text that no event of the class can be without.
    pub(super) fn required(&mut self, path: &str) -> Result<String, Failure> {
        self.text(path).ok_or_else(|| missing(path))
    }

    /// Takes a time, in RFC 3339, that no event of the class can be without.
    pub(super) fn required_time(&mut self, path: &str) -> Result<Timestamp, Failure> {
        let text = self.required(path)?;
        text.parse().map_err(|_| Failure(format!("'{path}' is no time")))
    }

    /// Sets an attribute of the event.
    pub(super) fn put(&mut self, path: &str, value: impl Into<Value>) {
        let (parents, last) = split(path);
        let mut at = &mut self.made;
        for key in parents {
            let Value::Object(inner) = at.entry(key).or_insert_with(|| Value::Object(Map::new())) else { return };
            at = inner;
        }
        at.insert(last.to_owned(), value.into());
    }

    /// Sets an attribute that there may be.
    pub(super) fn put_some(&mut self, path: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(path, value);
        }
    }

    /// Sets attributes to texts of the record: pairs of where from and where to. The last one that there is counts.
    pub(super) fn carry(&mut self, pairs: &[(&str, &str)]) {
        for (from, to) in pairs {
            let text = self.text(from);
            self.put_some(to, text);
        }
    }

    /// Sets attributes to whole numbers of the record.
    pub(super) fn carry_numbers(&mut self, pairs: &[(&str, &str)]) {
        for (from, to) in pairs {
            let number = self.number(from);
            self.put_some(to, number);
        }
    }

    /// Sets when it happened.
    pub(super) fn put_time(&mut self, at: Timestamp) {
        self.put("time", at.as_millisecond());
        self.put("time_dt", at.to_string());
    }

    /// Sets whether it went well.
    pub(super) fn put_status(&mut self, is_success: bool) {
        let (id, name) = if is_success { (1, "Success") } else { (2, "Failure") };
        self.put("status", name);
        self.put("status_id", id);
    }

    /// Sets what was done about it.
    pub(super) fn put_action(&mut self, action: Action) {
        let (id, name) = match action {
            Action::Unknown => (0, "Unknown"),
            Action::Allowed => (1, "Allowed"),
            Action::Denied => (2, "Denied"),
        };
        self.put("action", name);
        self.put("action_id", id);
    }

    /// Sets the outcome of a control.
    pub(super) fn put_disposition(&mut self, id: u32, name: &str) {
        self.put("disposition", name);
        self.put("disposition_id", id);
    }

    /// The event, with those of the attributes that are observables named again, and what is left of the record.
    pub(super) fn finish(mut self, observables: &[(&str, Observable)]) -> Result<Map<String, Value>, Failure> {
        let mut found = Vec::new();
        for (path, kind) in observables {
            let mut values = Vec::new();
            collect(&self.made, path, &mut values);
            let values = values.into_iter().filter(|value| kind.is_of(value));
            found.extend(
                values.map(|value| json!({"name": path, "type": kind.name(), "type_id": *kind as u32, "value": value})),
            );
        }
        if !found.is_empty() {
            self.put("observables", found);
        }
        let mut unmapped = Unmapped::default();
        for (key, value) in self.rest {
            unmapped.add(key, value)?;
        }
        if !unmapped.found.is_empty() {
            self.made.insert("unmapped".to_owned(), Value::Object(unmapped.found));
        }
        Ok(self.made)
    }
}

/// What no mapping names: texts by their paths, where `[]` stands for the items of a list, whose values have commas between them.
#[derive(Default)]
struct Unmapped {
    found: Map<String, Value>,
    bytes: usize,
}

impl Unmapped {
    fn add(&mut self, path: String, value: Value) -> Result<(), Failure> {
        self.bytes += path.len();
        if self.bytes > TRANSFORMED_BYTES_MAX {
            return Err(Failure("what is not mapped is too large".into()));
        }
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.add(format!("{path}.{key}"), value)?;
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.add(format!("{path}[]"), item)?;
                }
            }
            value => {
                let text = text_of(&value).unwrap_or_default();
                match self.found.get_mut(&path) {
                    Some(Value::String(known)) => {
                        known.push(',');
                        known.push_str(&text);
                    }
                    _ => drop(self.found.insert(path, text.into())),
                }
            }
        }
        Ok(())
    }
}

impl Observable {
    fn name(self) -> &'static str {
        match self {
            Observable::Hostname => "Hostname",
            Observable::IpAddress => "IP Address",
            Observable::UserName => "User Name",
            Observable::Url => "URL String",
            Observable::ResourceUid => "Resource UID",
        }
    }

    fn is_of(self, value: &str) -> bool {
        !matches!(self, Observable::IpAddress) || is_address(value)
    }
}

/// Whether a text is an IP address.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Why a record cannot be mapped that has no value at a path.
pub(super) fn missing(path: &str) -> Failure {
    Failure(format!("the record has no '{path}'"))
}

/// The keys before the last one of a path, and the last one.
fn split(path: &str) -> (impl Iterator<Item = &str>, &str) {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    (parents.split('.').filter(|key| !key.is_empty()), last)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The texts at a path, in which a key that ends in `[]` stands for the items of its list.
fn collect<'v>(fields: &'v Map<String, Value>, path: &str, found: &mut Vec<&'v str>) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let Some(value) = fields.get(key.trim_end_matches("[]")) else { return };
    let values = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    for value in values {
        match (value, rest) {
            (Value::String(text), None) => found.push(text),
            (Value::Object(fields), Some(rest)) => collect(fields, rest, found),
            _ => {}
        }
    }
}
