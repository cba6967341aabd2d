//! One pass over an event, which hands out the leaves at paths that are wanted, with the elements of arrays that they lie in.

use std::fmt;

use hashbrown::{HashMap, HashSet};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::filter_policy::leaf::{Leaf, Number};

/// An element of an array of the event: the array's number, and which element it is.
pub(super) type Element = (u32, u32);

/// The paths that are wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    ends: HashMap<Box<str>, usize>,
    /// Whatever a wanted path may go on behind, dots included.
    beginnings: HashSet<Box<str>>,
}

impl Wanted {
    /// The number of a path, which is wanted from now on.
    pub(super) fn add(&mut self, path: &str) -> usize {
        if let Some(number) = self.ends.get(path) {
            return *number;
        }
        for (at, _) in path.match_indices('.') {
            self.beginnings.extend(path.get(..=at).map(Box::from));
        }
        let number = self.ends.len();
        self.ends.insert(path.into(), number);
        number
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Hands out the leaves of an event: the number of the path, the leaf, the elements from the outermost array to the innermost. None if
/// the text is no JSON object; what was handed out until then means nothing.
pub(super) fn walk(event: &[u8], wanted: &Wanted, visit: &mut dyn FnMut(usize, Leaf<'_>, &[Element])) -> Option<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(event);
    let mut walk = Walk { wanted, visit, path: String::new(), elements: Vec::new(), arrays: 0 };
    Members(&mut walk).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()
}

struct Walk<'w> {
    wanted: &'w Wanted,
    visit: &'w mut dyn FnMut(usize, Leaf<'_>, &[Element]),
    path: String,
    elements: Vec<Element>,
    /// How many arrays there were.
    arrays: u32,
}

impl Walk<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) {
        if let Some(number) = self.wanted.ends.get(self.path.as_str()) {
            (self.visit)(*number, leaf, &self.elements);
        }
    }

    fn members<'de, A: MapAccess<'de>>(&mut self, mut members: A) -> Result<(), A::Error> {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
            if !self.wanted.beginnings.contains(self.path.as_str()) {
                self.path.truncate(length);
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        }
        let begin = self.path.len();
        while members.next_key_seed(Name(&mut self.path))?.is_some() {
            members.next_value_seed(Part(self))?;
            self.path.truncate(begin);
        }
        self.path.truncate(length);
        Ok(())
    }
}

/// The name of a member, which is added to the path.
struct Name<'w>(&'w mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.0.push_str(name);
        Ok(())
    }
}

/// The event itself.
struct Members<'a, 'w>(&'a mut Walk<'w>);

impl<'de> DeserializeSeed<'de> for Members<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.0.members(members)
    }
}

/// A value somewhere in the event.
struct Part<'a, 'w>(&'a mut Walk<'w>);

impl<'de> DeserializeSeed<'de> for Part<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.leaf(Leaf::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.leaf(Leaf::Number(Number::Whole(value.into())));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.leaf(Leaf::Number(Number::Whole(value.into())));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        let number = serde_json::Number::from_f64(value).map_or(Number::Real(value), |number| Number::of(&number));
        self.0.leaf(Leaf::Number(number));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.leaf(Leaf::String(value));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.leaf(Leaf::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let walk = self.0;
        let (array, depth) = (walk.arrays, walk.elements.len());
        walk.arrays += 1;
        for element in 0.. {
            walk.elements.push((array, element));
            let next = values.next_element_seed(Part(walk))?;
            walk.elements.truncate(depth);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.0.members(members)
    }
}
