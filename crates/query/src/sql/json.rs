//! Functions of JSON in texts, as Spark has them.

use serde_json::Value;

/// The value at a path like `$.a.b[0]['c d']`; none if there is none, or it is null. Scalars as text, others as JSON.
pub(super) fn get_json_object(text: &str, path: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    for step in steps(path)? {
        value = match (value, step) {
            (Value::Object(mut members), Step::Key(key)) => members.get_mut(&key)?.take(),
            (Value::Array(mut items), Step::Item(item)) => items.get_mut(item)?.take(),
            _ => return None,
        };
    }
    spelled(&value)
}

/// The member of an object.
pub(super) fn member(text: &str, key: &str) -> Option<String> {
    match serde_json::from_str(text).ok()? {
        Value::Object(members) => spelled(members.get(key)?),
        _ => None,
    }
}

/// The items of a list, or the values of an object's members; none if it is neither. Null is none.
pub(super) fn items(text: &str) -> Option<Vec<Option<String>>> {
    match serde_json::from_str(text).ok()? {
        Value::Array(items) => Some(items.iter().map(spelled).collect()),
        Value::Object(members) => Some(members.values().map(spelled).collect()),
        _ => None,
    }
}

/// How many members or items there are; none if it is neither.
pub(super) fn size(text: &str) -> Option<usize> {
    match serde_json::from_str(text).ok()? {
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// A value as text: texts without their quotes.
pub(super) fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

enum Step {
    Key(String),
    Item(usize),
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, after) = after.split_at_checked(end)?;
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = inside.strip_prefix('\'').and_then(|inside| inside.strip_suffix('\''));
            steps.push(match quoted {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Item(inside.parse().ok()?),
            });
            rest = after;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let text = r#"{"a":{"b":[1,"x",{"c d":true}]},"n":null,"f":1.50}"#;
        let cases = [
            ("$.a.b[0]", Some("1")),
            ("$.a.b[1]", Some("x")),
            ("$.a.b[2]['c d']", Some("true")),
            ("$['a'].b[2]", Some(r#"{"c d":true}"#)),
            ("$.a.b", Some(r#"[1,"x",{"c d":true}]"#)),
            ("$.f", Some("1.5")),
            ("$.n", None),
            ("$.a.b[9]", None),
            ("$.a.x", None),
            ("a", None),
            ("$.", None),
            ("$[x]", None),
        ];
        for (path, expected) in cases {
            assert_eq!(get_json_object(text, path).as_deref(), expected, "{path}");
        }
        assert_eq!(get_json_object("no json", "$.a"), None);
        assert_eq!(get_json_object(text, "$").map(|whole| whole.len()), Some(text.len() - 1));
    }

    #[test]
    fn members_and_items() {
        assert_eq!(member(r#"{"a":"x","b":[1]}"#, "b").as_deref(), Some("[1]"));
        assert_eq!(member("[1]", "b"), None);
        assert_eq!(items(r#"[1,null,"x"]"#), Some(vec![Some("1".into()), None, Some("x".into())]));
        assert_eq!((size("[1,2]"), size(r#"{"a":1}"#), size("7"), size("")), (Some(2), Some(1), None, None));
    }
}
