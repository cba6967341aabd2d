//! Reading and writing a structure's members by their index in its schema.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use crate::{Document, Kind, Schema, Shape};

/// A moment, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

/// A generated struct.
pub trait Structure: Any + Send + Sync {
    /// Its table.
    fn schema(&self) -> &'static Schema;
    /// The member at this index of the schema, if it is present.
    fn get(&self, index: usize) -> Option<View<'_>>;
    /// The place of the member at this index, made present with its default. `None` for an index out of range and for
    /// members that hold no value (event streams).
    fn slot(&mut self, index: usize) -> Option<Slot<'_>>;
}

/// A value, read.
#[derive(Clone, Copy)]
pub enum View<'a> {
    /// See [`Kind::Boolean`].
    Boolean(bool),
    /// See [`Kind::Integer`].
    Integer(i32),
    /// See [`Kind::Long`].
    Long(i64),
    /// See [`Kind::Float`].
    Float(f32),
    /// See [`Kind::Double`].
    Double(f64),
    /// See [`Kind::String`].
    String(&'a str),
    /// See [`Kind::Blob`].
    Blob(&'a [u8]),
    /// See [`Kind::Timestamp`].
    Timestamp(Timestamp),
    /// See [`Kind::List`].
    List(&'a dyn ListView),
    /// See [`Kind::Map`].
    Map(&'a dyn MapView),
    /// See [`Kind::Structure`].
    Structure(&'a dyn Structure),
    /// See [`Kind::Document`].
    Document(&'a Document),
}

/// The place of a value, to be written.
pub enum Slot<'a> {
    /// See [`Kind::Boolean`].
    Boolean(&'a mut bool),
    /// See [`Kind::Integer`].
    Integer(&'a mut i32),
    /// See [`Kind::Long`].
    Long(&'a mut i64),
    /// See [`Kind::Float`].
    Float(&'a mut f32),
    /// See [`Kind::Double`].
    Double(&'a mut f64),
    /// See [`Kind::String`].
    String(&'a mut String),
    /// See [`Kind::Blob`].
    Blob(&'a mut Vec<u8>),
    /// See [`Kind::Timestamp`].
    Timestamp(&'a mut Timestamp),
    /// See [`Kind::List`].
    List(&'a mut dyn ListSlot),
    /// See [`Kind::Map`].
    Map(&'a mut dyn MapSlot),
    /// See [`Kind::Structure`].
    Structure(&'a mut dyn Structure),
    /// See [`Kind::Document`].
    Document(&'a mut Document),
}

/// A list, read.
pub trait ListView {
    /// How many entries it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The entry at this index.
    fn get(&self, index: usize) -> Option<View<'_>>;
}

/// A list, written.
pub trait ListSlot {
    /// How many entries it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The place of a new last entry.
    fn push(&mut self) -> Slot<'_>;
}

/// A map, read.
pub trait MapView {
    /// How many entries it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Calls `visit` for every entry in the order of the keys.
    fn each(&self, visit: &mut dyn FnMut(&str, View<'_>));
}

/// A map, written.
pub trait MapSlot {
    /// The place of the value of `key`, fresh even if the key was there.
    fn insert(&mut self, key: String) -> Slot<'_>;
}

/// A type that a member can have.
pub trait Field: Default + Send + Sync + 'static {
    /// Reads it.
    fn view(&self) -> View<'_>;
    /// Its place.
    fn slot(&mut self) -> Slot<'_>;
}

macro_rules! scalars {
    ($($variant:ident $type:ty;)*) => {$(
        impl Field for $type {
            fn view(&self) -> View<'_> { View::$variant(*self) }
            fn slot(&mut self) -> Slot<'_> { Slot::$variant(self) }
        }
    )*};
}

scalars! {
    Boolean bool;
    Integer i32;
    Long i64;
    Float f32;
    Double f64;
    Timestamp Timestamp;
}

impl Field for String {
    fn view(&self) -> View<'_> {
        View::String(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::String(self)
    }
}

impl Field for Vec<u8> {
    fn view(&self) -> View<'_> {
        View::Blob(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::Blob(self)
    }
}

impl Field for Document {
    fn view(&self) -> View<'_> {
        View::Document(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::Document(self)
    }
}

impl<T: Field> Field for Box<T> {
    fn view(&self) -> View<'_> {
        T::view(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        T::slot(self)
    }
}

impl<T: Field> Field for Vec<T> {
    fn view(&self) -> View<'_> {
        View::List(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::List(self)
    }
}

impl<T: Field> ListView for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn get(&self, index: usize) -> Option<View<'_>> {
        self.as_slice().get(index).map(Field::view)
    }
}

impl<T: Field> ListSlot for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn push(&mut self) -> Slot<'_> {
        self.push_mut(T::default()).slot()
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn view(&self) -> View<'_> {
        View::Map(self)
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::Map(self)
    }
}

impl<T: Field> MapView for BTreeMap<String, T> {
    fn len(&self) -> usize {
        BTreeMap::len(self)
    }
    fn each(&self, visit: &mut dyn FnMut(&str, View<'_>)) {
        for (key, value) in self {
            visit(key, value.view());
        }
    }
}

impl<T: Field> MapSlot for BTreeMap<String, T> {
    fn insert(&mut self, key: String) -> Slot<'_> {
        let value = self.entry(key).or_default();
        *value = T::default();
        value.slot()
    }
}

/// Prints the members that are present; those marked sensitive in the model as `***`.
pub fn debug_structure(structure: &dyn Structure, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut out = f.debug_struct(structure.schema().name);
    for (index, member) in structure.schema().members.iter().enumerate() {
        if let Some(view) = structure.get(index) {
            out.field(member.name, &Shown { view, shape: member.shape });
        }
    }
    out.finish()
}

struct Shown<'a> {
    view: View<'a>,
    shape: &'static Shape,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shape.sensitive {
            return f.write_str("***");
        }
        match (self.view, &self.shape.kind) {
            (View::Boolean(value), _) => value.fmt(f),
            (View::Integer(value), _) => value.fmt(f),
            (View::Long(value), _) => value.fmt(f),
            (View::Float(value), _) => value.fmt(f),
            (View::Double(value), _) => value.fmt(f),
            (View::String(value), _) => value.fmt(f),
            (View::Blob(value), _) => write!(f, "{} bytes", value.len()),
            (View::Timestamp(value), _) => value.0.fmt(f),
            (View::Structure(value), _) => debug_structure(value, f),
            (View::Document(value), _) => value.fmt(f),
            (View::List(list), Kind::List(element)) => {
                let entries = (0..list.len()).filter_map(|index| list.get(index));
                f.debug_list().entries(entries.map(|view| Shown { view, shape: element.shape })).finish()
            }
            (View::Map(map), Kind::Map(_, element)) => {
                let mut out = f.debug_map();
                map.each(&mut |key, view| {
                    out.entry(&key, &Shown { view, shape: element.shape });
                });
                out.finish()
            }
            (View::List(_) | View::Map(_), _) => f.write_str("?"),
        }
    }
}

/// Whether both have the same schema and the same members.
pub fn equal(left: &dyn Structure, right: &dyn Structure) -> bool {
    std::ptr::eq(left.schema(), right.schema())
        && (0..left.schema().members.len()).all(|index| match (left.get(index), right.get(index)) {
            (Some(left), Some(right)) => same(left, right),
            (None, None) => true,
            _ => false,
        })
}

fn same(left: View<'_>, right: View<'_>) -> bool {
    match (left, right) {
        (View::Boolean(left), View::Boolean(right)) => left == right,
        (View::Integer(left), View::Integer(right)) => left == right,
        (View::Long(left), View::Long(right)) => left == right,
        (View::Float(left), View::Float(right)) => left == right,
        (View::Double(left), View::Double(right)) => left == right,
        (View::String(left), View::String(right)) => left == right,
        (View::Blob(left), View::Blob(right)) => left == right,
        (View::Timestamp(left), View::Timestamp(right)) => left == right,
        (View::Structure(left), View::Structure(right)) => equal(left, right),
        (View::Document(left), View::Document(right)) => left == right,
        (View::List(left), View::List(right)) => {
            left.len() == right.len()
                && (0..left.len()).all(|index| match (left.get(index), right.get(index)) {
                    (Some(left), Some(right)) => same(left, right),
                    _ => false,
                })
        }
        (View::Map(left), View::Map(right)) => {
            // Maps are ordered by key, so equal maps give equal sequences.
            let mut count = 0;
            let mut equal_so_far = left.len() == right.len();
            left.each(&mut |left_key, left_value| {
                let mut index = 0;
                right.each(&mut |right_key, right_value| {
                    if index == count {
                        equal_so_far &= left_key == right_key && same(left_value, right_value);
                    }
                    index += 1;
                });
                count += 1;
            });
            equal_so_far
        }
        _ => false,
    }
}
