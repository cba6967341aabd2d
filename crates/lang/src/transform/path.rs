//! Paths to fields: keys within keys, with dots between them.

use serde_json::{Map, Value};

use super::limits::{PATH_KEYS_MAX, TEXT_CHARS_MAX};

/// The way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// The keys before the last one.
    parents: Vec<String>,
    last: String,
}

impl Path {
    /// Reads a path, as `store.book`. The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Path, String> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(format!("a key has at most {TEXT_CHARS_MAX} characters"));
        }
        let mut keys: Vec<String> = text.split('.').map(str::to_owned).collect();
        if keys.iter().any(String::is_empty) {
            return Err(format!("'{text}' is no key"));
        }
        if keys.len() > PATH_KEYS_MAX {
            return Err(format!("'{text}' has more than {PATH_KEYS_MAX} nested keys"));
        }
        let last = keys.pop().unwrap_or_default();
        Ok(Path { parents: keys, last })
    }

    /// The last of the keys.
    pub(super) fn last(&self) -> &str {
        &self.last
    }

    /// The path to a key within the field of this one, whatever its depth.
    pub(super) fn within(&self, key: &str) -> Path {
        let mut parents = self.parents.clone();
        parents.push(self.last.clone());
        Path { parents, last: key.to_owned() }
    }

    /// The path to the field of another one, within the field of this one.
    pub(super) fn join(&self, inner: &Path) -> Path {
        let mut parents = self.parents.clone();
        parents.push(self.last.clone());
        parents.extend(inner.parents.iter().cloned());
        Path { parents, last: inner.last.clone() }
    }

    /// The value of the field. Items of arrays are named by their index.
    pub(super) fn get<'f>(&self, fields: &'f Map<String, Value>) -> Option<&'f Value> {
        let mut keys = self.parents.iter().chain([&self.last]);
        let first = fields.get(keys.next()?)?;
        keys.try_fold(first, |value, key| match value {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The value of the field, to be changed.
    pub(super) fn get_mut<'f>(&self, fields: &'f mut Map<String, Value>) -> Option<&'f mut Value> {
        let mut keys = self.parents.iter().chain([&self.last]);
        let first = fields.get_mut(keys.next()?)?;
        keys.try_fold(first, |value, key| match value {
            Value::Object(fields) => fields.get_mut(key),
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Sets the field, and makes the objects that it is in. A field that is there stays as it is unless `overwrite`. False if
    /// it was not set: it is there, or one of its parents is no object.
    pub(super) fn set(&self, fields: &mut Map<String, Value>, value: Value, overwrite: bool) -> bool {
        let mut at = fields;
        for key in &self.parents {
            let parent = at.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new()));
            match parent {
                Value::Object(fields) => at = fields,
                other if overwrite => {
                    *other = Value::Object(Map::new());
                    let Value::Object(fields) = other else { return false };
                    at = fields;
                }
                _ => return false,
            }
        }
        if at.contains_key(&self.last) && !overwrite {
            return false;
        }
        at.insert(self.last.clone(), value);
        true
    }

    /// Takes the field out of the object that it is in.
    pub(super) fn remove(&self, fields: &mut Map<String, Value>) -> Option<Value> {
        let mut at = fields;
        for key in &self.parents {
            let Value::Object(fields) = at.get_mut(key)? else { return None };
            at = fields;
        }
        // Not `remove`, which would put the last field in its place.
        at.shift_remove(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn fields_are_read_set_and_removed() {
        let mut event = fields(r#"{"a":{"b":{"c":1}},"l":[{"m":2}],"s":"t"}"#);
        let path = |text: &str| Path::parse(text).unwrap();
        assert_eq!(path("a.b.c").get(&event), Some(&Value::from(1)));
        assert_eq!(path("l.0.m").get(&event), Some(&Value::from(2)));
        assert_eq!(path("l.1.m").get(&event), None);
        assert_eq!(path("s.t").get(&event), None);
        assert!(!path("a.b.c").set(&mut event, "x".into(), false));
        assert!(path("a.b.c").set(&mut event, "x".into(), true));
        assert!(!path("s.t").set(&mut event, 1.into(), false), "a text has no fields");
        assert!(path("s.t").set(&mut event, 1.into(), true));
        assert!(path("n.o").set(&mut event, 1.into(), false));
        assert_eq!(path("a.b.c").remove(&mut event), Some("x".into()));
        assert_eq!(path("a.x.c").remove(&mut event), None);
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(text, r#"{"a":{"b":{}},"l":[{"m":2}],"s":{"t":1},"n":{"o":1}}"#);
    }

    #[test]
    fn paths_have_limits() {
        for (text, is_right) in
            [("a", true), ("a.b.c", true), ("a.b.c.d", false), ("", false), ("a..b", false), (".", false)]
        {
            assert_eq!(Path::parse(text).is_ok(), is_right, "{text}");
        }
        assert!(Path::parse(&"a".repeat(129)).is_err());
    }
}
