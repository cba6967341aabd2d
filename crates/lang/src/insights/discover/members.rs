//! Members of JSON by path, found in one pass over the text: what nobody asks for is skipped, and nothing of it kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::insights::limits::{FIELDS_MAX, JSON_DEPTH_MAX};
use crate::insights::value::Value;

/// Which members are wanted: a tree by the parts of their paths.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// The first is the root.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    children: HashMap<Box<str>, usize>,
    slot: Option<usize>,
}

impl Wanted {
    /// Adds a path with dots between its parts.
    pub(super) fn add(&mut self, path: &str, slot: usize) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for part in path.split('.') {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            let child = *node.children.entry(part.into()).or_insert(next);
            if child == next {
                self.nodes.push(Node::default());
            }
            at = child;
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.slot = Some(slot);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node below one, for a key that may hold dots.
    fn below(&self, node: usize, key: &str) -> Option<usize> {
        key.split('.').try_fold(node, |at, part| self.nodes.get(at)?.children.get(part).copied())
    }

    fn node(&self, node: Option<usize>) -> Option<&Node> {
        self.nodes.get(node?)
    }
}

/// A pass over one text.
pub(super) struct Walk<'w, 'v, 'e> {
    wanted: &'w Wanted,
    values: &'v mut Vec<Value<'e>>,
    /// Leaves so far: those after [`FIELDS_MAX`] are not discovered.
    leaves: usize,
    depth: usize,
}

impl<'w, 'v, 'e> Walk<'w, 'v, 'e> {
    pub(super) fn new(wanted: &'w Wanted, values: &'v mut Vec<Value<'e>>) -> Self {
        Walk { wanted, values, leaves: 0, depth: 0 }
    }

    /// Goes over a text that is one object; false, if it is not.
    pub(super) fn whole(&mut self, text: &'e str) -> bool {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let seed = At { walk: self, node: Some(0) };
        seed.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
    }

    /// Goes over the object that a text starts with.
    pub(super) fn start(&mut self, text: &'e str) -> bool {
        At { walk: self, node: Some(0) }.deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok()
    }

    /// Counts a leaf; whether it is discovered.
    fn leaf(&mut self) -> bool {
        self.leaves += 1;
        self.leaves <= FIELDS_MAX
    }

    fn set(&mut self, slot: usize, value: Value<'e>) {
        if let Some(place) = self.values.get_mut(slot) {
            *place = value;
        }
    }
}

/// A value of the text, and the node that it is wanted by.
struct At<'a, 'w, 'v, 'e> {
    walk: &'a mut Walk<'w, 'v, 'e>,
    node: Option<usize>,
}

impl<'e> DeserializeSeed<'e> for At<'_, '_, '_, 'e> {
    type Value = ();

    fn deserialize<D: Deserializer<'e>>(self, deserializer: D) -> Result<(), D::Error> {
        let slot = self.walk.wanted.node(self.node).and_then(|node| node.slot);
        let Some(slot) = slot else { return deserializer.deserialize_any(self) };
        let raw: &'e RawValue = serde::Deserialize::deserialize(deserializer)?;
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'{' | b'[') => {
                if self.walk.leaves < FIELDS_MAX
                    && let Ok(json) = serde_json::from_str::<Json>(text)
                {
                    self.walk.set(slot, Value::Json(Arc::new(json)));
                }
                // What lies in it may be wanted, too, and counts.
                let mut inner = serde_json::Deserializer::from_str(text);
                inner.deserialize_any(self).map_err(D::Error::custom)
            }
            _ => {
                let value = leaf(text);
                let counts = self.walk.leaf();
                self.walk.set(slot, if counts { value } else { Value::Null });
                Ok(())
            }
        }
    }
}

impl<'e> Visitor<'e> for At<'_, '_, '_, 'e> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'e>>(self, mut map: A) -> Result<(), A::Error> {
        if self.walk.depth >= JSON_DEPTH_MAX {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        self.walk.depth += 1;
        while let Some(key) = map.next_key_seed(Key)? {
            let node = self.node.and_then(|node| self.walk.wanted.below(node, &key));
            map.next_value_seed(At { walk: self.walk, node })?;
        }
        self.walk.depth -= 1;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'e>>(self, mut sequence: A) -> Result<(), A::Error> {
        if self.walk.depth >= JSON_DEPTH_MAX {
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        self.walk.depth += 1;
        for index in 0_usize.. {
            let node = match self.walk.wanted.node(self.node) {
                Some(node) if !node.children.is_empty() => node.children.get(index.to_string().as_str()).copied(),
                _ => None,
            };
            if sequence.next_element_seed(At { walk: self.walk, node })?.is_none() {
                break;
            }
        }
        self.walk.depth -= 1;
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.walk.leaf();
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.walk.leaf();
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.walk.leaf();
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.walk.leaf();
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.walk.leaf();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.walk.leaf();
        Ok(())
    }
}

/// A key, borrowed where it can be.
struct Key;

impl<'e> DeserializeSeed<'e> for Key {
    type Value = Cow<'e, str>;

    fn deserialize<D: Deserializer<'e>>(self, deserializer: D) -> Result<Cow<'e, str>, D::Error> {
        deserializer.deserialize_str(Key)
    }
}

impl<'e> Visitor<'e> for Key {
    type Value = Cow<'e, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'e str) -> Result<Cow<'e, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Cow<'e, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The value of a leaf as JSON writes it.
fn leaf(text: &str) -> Value<'_> {
    match text.as_bytes().first() {
        Some(b'"') => {
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            match inner.contains('\\') {
                false => Value::Text(Cow::Borrowed(inner)),
                true => serde_json::from_str::<String>(text).map_or(Value::Null, Value::text),
            }
        }
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') | None => Value::Null,
        Some(_) => Value::Text(Cow::Borrowed(text)),
    }
}

/// All leaves below a name, as far as they are discovered.
pub(super) fn flatten(name: &str, json: &Json, fields: &mut Vec<(String, Value<'static>)>) {
    let below = |key: &str| match name {
        "" if key.starts_with('@') => format!("@{key}"),
        "" => key.to_owned(),
        name => format!("{name}.{key}"),
    };
    match json {
        Json::Object(members) => members.iter().for_each(|(key, member)| flatten(&below(key), member, fields)),
        Json::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, element)| flatten(&below(&index.to_string()), element, fields));
        }
        leaf if fields.len() < FIELDS_MAX => match Value::of_json(leaf) {
            Value::Null => {}
            value => fields.push((name.to_owned(), value)),
        },
        _ => {}
    }
}
