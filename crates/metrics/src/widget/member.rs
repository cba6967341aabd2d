//! Reading JSON values that must be of a type, with the path of what is not.

use std::fmt;

use serde_json::{Map, Value};

/// What is wrong with a widget, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// The place as a JSON pointer: `/metrics/0/1`.
    pub(crate) path: String,
    /// What is wrong, as a sentence without its end.
    pub(crate) message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// Something wrong at a path.
pub(crate) fn invalid(path: impl Into<String>, message: impl Into<String>) -> Invalid {
    Invalid { path: path.into(), message: message.into() }
}

/// An object at a path. A member that is null is as good as absent.
#[derive(Debug, Clone)]
pub(crate) struct Object<'v> {
    pub(crate) path: String,
    members: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    /// The object that a value is.
    pub(crate) fn of(value: &'v Value, path: impl Into<String>) -> Result<Object<'v>, Invalid> {
        let path = path.into();
        match value {
            Value::Object(members) => Ok(Object { path, members }),
            _ => Err(invalid(path, "Should be object")),
        }
    }

    /// The path of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Invalid> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| invalid(self.at(name), format!("Should be {kind}")))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'v str>, Invalid> {
        self.typed(name, "string", Value::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Invalid> {
        Ok(self.typed(name, "boolean", Value::as_bool)?.unwrap_or(false))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Invalid> {
        self.typed(name, "number", |value| value.as_f64().filter(|value| value.is_finite()))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Invalid> {
        self.typed(name, "integer", Value::as_i64)
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&'v [Value]>, Invalid> {
        self.typed(name, "array", |value| value.as_array().map(Vec::as_slice))
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Object<'v>>, Invalid> {
        self.get(name).map(|value| Object::of(value, self.at(name))).transpose()
    }

    /// One of the values that a member may have.
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Invalid> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let chosen = choices.iter().find(|(known, _)| *known == text).map(|(_, choice)| *choice);
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        chosen.map(Some).ok_or_else(|| invalid(self.at(name), format!("Should be one of {}", names())))
    }
}
