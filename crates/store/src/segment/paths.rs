//! Walking JSON objects: the scalar values of a text, each with the number of its path.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::hash::BuildHasher;

use hashbrown::{HashMap, HashTable};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::limits::{
    JSON_DEPTH_MAX, SHRED_DEPTH_MAX, SHRED_ITEMS_MAX, SHRED_LEAVES_MAX, SHRED_PATH_BYTES_MAX, SHRED_PATHS_MAX,
};

/// A scalar value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'t> {
    Bool(bool),
    I64(i64),
    /// An integer beyond I64.
    U64(u64),
    F64(f64),
    Text(&'t str),
}

impl<'t> Value<'t> {
    /// The value as JSON spells it, texts without their quotes.
    pub(super) fn spelled(self) -> Cow<'t, str> {
        match self {
            Value::Bool(value) => value.to_string().into(),
            Value::I64(value) => value.to_string().into(),
            Value::U64(value) => value.to_string().into(),
            Value::F64(value) => value.to_string().into(),
            Value::Text(value) => value.into(),
        }
    }
}

/// The paths seen so far, as a tree. The root is path 0.
pub(super) struct Paths {
    nodes: Vec<Node>,
    children: HashTable<usize>,
    /// The paths by their joined name, to find two ways of writing one name.
    names: HashMap<String, usize, foldhash::fast::FixedState>,
    /// Paths and values of the row, and how many values, null among them, come before each.
    found: Vec<(usize, Found, usize)>,
    texts: String,
}

struct Node {
    parent: usize,
    key: String,
    /// The keys joined with dots; `None` if that is too long.
    name: Option<String>,
    /// The row after the one in which the path was seen last.
    seen: u32,
    /// Whether the path, or one above it, means two things in one row or in two.
    ambiguous: bool,
    /// Whether it leads to an object or an array in some row.
    is_container: bool,
    /// The child visited last, and the one visited after it in the row before: most objects repeat their order of keys.
    last_child: usize,
    next: usize,
}

/// A value found in a row whose end has not been reached.
enum Found {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(usize, usize),
}

const ROOT: usize = 0;
/// The root is nobody's child.
const NO_CHILD: usize = ROOT;

impl Paths {
    pub(super) fn new() -> Paths {
        let root = Node {
            parent: ROOT,
            key: String::new(),
            name: Some(String::new()),
            seen: 0,
            ambiguous: false,
            is_container: false,
            last_child: NO_CHILD,
            next: NO_CHILD,
        };
        Paths {
            nodes: vec![root],
            children: HashTable::new(),
            names: HashMap::default(),
            found: Vec::new(),
            texts: String::new(),
        }
    }

    /// Calls `each` with the scalar values in the text of a row, if it is one JSON object and nothing else, nested to at most
    /// [`JSON_DEPTH_MAX`]. Rows are numbered ascending.
    pub(super) fn walk(&mut self, text: &[u8], row: u32, mut each: impl FnMut(usize, Value<'_>)) {
        if text.trim_ascii_start().first() != Some(&b'{') {
            return;
        }
        let Ok(text) = std::str::from_utf8(text) else { return };
        self.found.clear();
        self.texts.clear();
        let mut json = sonic_rs::Deserializer::from_str(text);
        let leaves = Cell::new(0);
        let root = Walk { paths: self, path: ROOT, depth: 0, row, leaves: &leaves };
        if root.deserialize(&mut json).is_err() || json.end().is_err() {
            return;
        }
        for (path, found, before) in &self.found {
            if *before >= SHRED_LEAVES_MAX {
                // Who reads the message takes no notice of it there.
                if let Some(node) = self.nodes.get_mut(*path) {
                    node.ambiguous = true;
                }
                continue;
            }
            let value = match *found {
                Found::Bool(value) => Value::Bool(value),
                Found::I64(value) => Value::I64(value),
                Found::U64(value) => Value::U64(value),
                Found::F64(value) => Value::F64(value),
                Found::Text(start, end) => Value::Text(self.texts.get(start..end).unwrap_or_default()),
            };
            each(*path, value);
        }
    }

    /// The name of each path, in the order of their numbers; `None` for those that can have no column.
    pub(super) fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.nodes.iter().enumerate().map(|(path, node)| {
            let usable = path != ROOT && !node.is_container && !self.is_ambiguous(path);
            node.name.as_deref().filter(|_| usable)
        })
    }

    fn is_ambiguous(&self, path: usize) -> bool {
        let mut at = path;
        while let Some(node) = self.nodes.get(at) {
            if node.ambiguous || at == ROOT {
                return node.ambiguous;
            }
            at = node.parent;
        }
        false
    }

    /// The path of `key` under `parent`, seen in `row`; `None` if there are too many paths.
    fn child(&mut self, parent: usize, key: &str, row: u32) -> Option<usize> {
        let child = match self.expected(parent, key) {
            Some(child) => child,
            None => self.look_up(parent, key)?,
        };
        let before = self.nodes.get_mut(parent).map(|node| std::mem::replace(&mut node.last_child, child))?;
        let before = if before == NO_CHILD { parent } else { before };
        if let Some(node) = self.nodes.get_mut(before) {
            node.next = child;
        }
        let node = self.nodes.get_mut(child)?;
        if node.seen == row + 1 {
            node.ambiguous = true;
        }
        node.seen = row + 1;
        Some(child)
    }

    /// The child that followed the last one visited, if this is its key.
    fn expected(&self, parent: usize, key: &str) -> Option<usize> {
        let node = self.nodes.get(parent)?;
        let next = if node.last_child == NO_CHILD { node.next } else { self.nodes.get(node.last_child)?.next };
        let guess = self.nodes.get(next)?;
        (next != NO_CHILD && guess.parent == parent && guess.key == key).then_some(next)
    }

    fn look_up(&mut self, parent: usize, key: &str) -> Option<usize> {
        let state = foldhash::fast::FixedState::default();
        let hash = |parent: usize, key: &str| state.hash_one((parent, key));
        let nodes = &self.nodes;
        let same = |&path: &usize| nodes.get(path).is_some_and(|node| node.parent == parent && node.key == key);
        if let Some(&path) = self.children.find(hash(parent, key), same) {
            return Some(path);
        }
        let above = self.nodes.get(parent)?.name.as_deref();
        let name = above.map(|above| if parent == ROOT { key.to_owned() } else { format!("{above}.{key}") });
        let name = name.filter(|name| is_usable(name));
        let twin = name.as_ref().and_then(|name| self.names.get(name).copied());
        if let Some(twin) = twin.and_then(|twin| self.nodes.get_mut(twin)) {
            twin.ambiguous = true;
        }
        if self.nodes.len() >= SHRED_PATHS_MAX {
            return None;
        }
        let path = self.nodes.len();
        if let Some(name) = name.clone() {
            self.names.insert(name, path);
        }
        self.nodes.push(Node {
            parent,
            key: key.to_owned(),
            name,
            seen: 0,
            ambiguous: twin.is_some(),
            is_container: false,
            last_child: NO_CHILD,
            next: NO_CHILD,
        });
        let nodes = &self.nodes;
        let rehash = |&path: &usize| nodes.get(path).map_or(0, |node| hash(node.parent, &node.key));
        self.children.insert_unique(hash(parent, key), path, rehash);
        Some(path)
    }
}

/// Whether a joined path may name a column: not if it is too long, or if it might also lead to a depth or an array item that
/// is not walked.
fn is_usable(name: &str) -> bool {
    let item_beyond = |key: &str| key.parse().is_ok_and(|item: usize| item >= SHRED_ITEMS_MAX);
    let parts = name.split('.').count();
    name.len() <= SHRED_PATH_BYTES_MAX
        && parts <= SHRED_DEPTH_MAX
        && !name.split('.').any(str::is_empty)
        && !name.split('.').skip(1).any(item_beyond)
}

/// Walks one JSON value whose path is known.
struct Walk<'p> {
    paths: &'p mut Paths,
    path: usize,
    depth: usize,
    row: u32,
    /// The values passed so far.
    leaves: &'p Cell<usize>,
}

impl<'p> Walk<'p> {
    fn found(self, found: Found) {
        let before = self.leaves.replace(self.leaves.get() + 1);
        self.paths.found.push((self.path, found, before));
    }

    /// What reads over a value at this depth.
    fn skip(&self, depth: usize) -> Skip<'p> {
        Skip { depth, leaves: self.leaves }
    }

    /// The walk of a child; `None` if it is too deep or there are too many paths.
    fn step_into(&mut self, key: &str) -> Option<Walk<'_>> {
        let path = self.paths.child(self.path, key, self.row)?;
        Some(Walk { paths: &mut *self.paths, path, depth: self.depth + 1, row: self.row, leaves: self.leaves })
    }

    fn enter(&mut self) {
        if let Some(node) = self.paths.nodes.get_mut(self.path) {
            node.last_child = NO_CHILD;
            node.is_container = true;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.leaves.update(|leaves| leaves + 1);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.found(Found::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.found(Found::I64(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.found(i64::try_from(value).map_or(Found::U64(value), Found::I64));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.found(Found::F64(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let start = self.paths.texts.len();
        self.paths.texts.push_str(value);
        let end = self.paths.texts.len();
        self.found(Found::Text(start, end));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.enter();
        if self.depth < SHRED_DEPTH_MAX {
            for item in 0..SHRED_ITEMS_MAX {
                let more = match self.step_into(&item.to_string()) {
                    Some(child) => items.next_element_seed(child)?.is_some(),
                    None => items.next_element_seed(self.skip(self.depth + 1))?.is_some(),
                };
                if !more {
                    return Ok(());
                }
            }
        }
        self.skip(self.depth).visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        self.enter();
        if self.depth >= SHRED_DEPTH_MAX {
            return self.skip(self.depth).visit_map(fields);
        }
        while let Some(child) = fields.next_key_seed(Key(&mut self))? {
            match child {
                Some(path) => {
                    let (depth, row, leaves) = (self.depth + 1, self.row, self.leaves);
                    fields.next_value_seed(Walk { paths: &mut *self.paths, path, depth, row, leaves })?;
                }
                None => fields.next_value_seed(self.skip(self.depth + 1))?,
            }
        }
        Ok(())
    }
}

/// Reads over a value that gets no path. Serde's own way to ignore a value follows any depth, on the stack.
#[derive(Clone, Copy)]
struct Skip<'c> {
    depth: usize,
    leaves: &'c Cell<usize>,
}

impl Skip<'_> {
    fn leaf<E>(self) -> Result<(), E> {
        self.leaves.update(|leaves| leaves + 1);
        Ok(())
    }

    /// Into an object or array at this depth.
    fn into_value<E: Error>(self) -> Result<Self, E> {
        let deeper = Skip { depth: self.depth + 1, ..self };
        if deeper.depth > JSON_DEPTH_MAX { Err(E::custom("nested too deep")) } else { Ok(deeper) }
    }
}

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.leaf()
    }

    fn visit_bool<E>(self, _value: bool) -> Result<(), E> {
        self.leaf()
    }

    fn visit_i64<E>(self, _value: i64) -> Result<(), E> {
        self.leaf()
    }

    fn visit_u64<E>(self, _value: u64) -> Result<(), E> {
        self.leaf()
    }

    fn visit_f64<E>(self, _value: f64) -> Result<(), E> {
        self.leaf()
    }

    fn visit_str<E>(self, _value: &str) -> Result<(), E> {
        self.leaf()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = self.into_value()?;
        while items.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let value = self.into_value()?;
        while fields.next_key_seed(value)?.is_some() {
            fields.next_value_seed(value)?;
        }
        Ok(())
    }
}

/// Finds the path of a key.
struct Key<'k, 'p>(&'k mut Walk<'p>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        let walk = self.0;
        Ok(walk.paths.child(walk.path, key, walk.row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of some rows, each by the name of its path, of paths that can have columns.
    fn check(rows: &[&str], expected: &[&str]) {
        let mut paths = Paths::new();
        let mut found = Vec::new();
        for (row, text) in rows.iter().enumerate() {
            paths
                .walk(text.as_bytes(), row as u32, |path, value| found.push((row, path, value.spelled().into_owned())));
        }
        let names: Vec<Option<&str>> = paths.names().collect();
        let named = found.iter().filter_map(|(row, path, value)| Some(format!("{row} {}={value}", names[*path]?)));
        assert_eq!(named.collect::<Vec<_>>(), expected, "{rows:?}");
    }

    #[test]
    fn paths_of_values() {
        check(
            &[r#"{"a":1,"b":{"c":"x","d":[true,null,{"e":2.5}]},"z":null}"#, r#" {"b":{"c":"y\n"},"a":-7} "#],
            &["0 a=1", "0 b.c=x", "0 b.d.0=true", "0 b.d.2.e=2.5", "1 b.c=y\n", "1 a=-7"],
        );
        check(&[r#"{"n":18446744073709551615,"":1,"k8s.pod":"p"}"#], &["0 n=18446744073709551615", "0 k8s.pod=p"]);
    }

    #[test]
    fn what_is_not_one_object_has_no_values() {
        check(&["", "word", "[1]", "7", r#"{"a":1} x"#, r#"{"a":1"#, r#"{"a":}"#, r#"{"a":1,}"#, "{", "\u{1}"], &[]);
    }

    #[test]
    fn ambiguous_paths_are_left_out() {
        check(&[r#"{"a":1,"b":2,"a":3}"#], &["0 b=2"]);
        check(&[r#"{"a":{"x":1},"b":2,"a":{"y":3}}"#], &["0 b=2"]);
        check(&[r#"{"a":{"b":1},"c":1}"#, r#"{"a.b":2,"c":2}"#], &["0 c=1", "1 c=2"]);
        check(&[r#"{"a":1}"#, r#"{"a":1,"a":null}"#], &[]);
    }

    #[test]
    fn depth_and_width_are_bounded() {
        let deep = |depth: usize| format!(r#"{{"a":1,"d":{}1{}}}"#, r#"{"d":"#.repeat(depth), "}".repeat(depth));
        check(&[&deep(100)], &["0 a=1"]);
        check(&[&deep(JSON_DEPTH_MAX)], &[]);
        let very_deep = format!(r#"{{"a":1,"b":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let mut paths = Paths::new();
        paths.walk(very_deep.as_bytes(), 0, |_, _| {});
        let wide: Vec<String> = (0..3 * SHRED_PATHS_MAX).map(|n| format!("\"k{n}\":{n}")).collect();
        let wide = format!("{{{}}}", wide.join(","));
        let mut values = 0;
        paths.walk(wide.as_bytes(), 1, |_, _| values += 1);
        assert!(values < SHRED_PATHS_MAX && paths.nodes.len() <= SHRED_PATHS_MAX);
        let long: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let mut items = 0;
        Paths::new().walk(format!(r#"{{"a":[{}]}}"#, long.join(",")).as_bytes(), 0, |_, _| items += 1);
        assert_eq!(items, SHRED_ITEMS_MAX);
    }

    #[test]
    fn order_of_keys_does_not_matter() {
        check(
            &[r#"{"a":1,"b":2}"#, r#"{"b":3,"a":4}"#, r#"{"c":5,"a":6,"b":7}"#, r#"{"a":8,"b":9}"#],
            &["0 a=1", "0 b=2", "1 b=3", "1 a=4", "2 c=5", "2 a=6", "2 b=7", "3 a=8", "3 b=9"],
        );
    }

    #[test]
    fn fields_that_come_after_too_many_values_are_left_out() {
        let nulls = |count: usize| format!(r#"{{"first":1,"list":[{}],"last":2}}"#, vec!["null"; count].join(","));
        check(&[&nulls(SHRED_LEAVES_MAX - 2)], &["0 first=1", "0 last=2"]);
        check(&[&nulls(SHRED_LEAVES_MAX - 1)], &["0 first=1"]);
        check(&[&nulls(1), &nulls(SHRED_LEAVES_MAX)], &["0 first=1", "1 first=1"]);
    }
}
