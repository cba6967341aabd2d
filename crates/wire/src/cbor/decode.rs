//! From CBOR into a structure, in one pass over the bytes: each value goes straight to its place.

use watchkeep_model::{Document, Kind, ListSlot, MapSlot, Member, Shape, Slot, Structure, Timestamp};

use super::read::{Head, Reader};
use super::{Moments, malformed, too_deep};
use crate::constraints::{Missing, Seen, Step};
use crate::json::{article, whole};
use crate::limits::{DEPTH_MAX, ENTRIES_ALL_MAX, ENTRIES_MAX};
use crate::text::{Malformed, timestamp};

/// The tag of a moment: a number since the epoch.
const TAG_EPOCH: u64 = 1;

/// Reads a whole body; an empty one is an empty map.
pub fn body(body: &[u8], into: &mut dyn Structure, missing: &mut Missing, moments: Moments) -> Result<(), Malformed> {
    let mut decoder = Decoder { reader: Reader::new(body), missing, moments, entries: 0 };
    if body.is_empty() {
        decoder.missing.structure(into.schema(), Seen::default());
        return Ok(());
    }
    let head = decoder.head()?;
    decoder.structure(head, into, DEPTH_MAX)?;
    match decoder.reader.is_empty() {
        true => Ok(()),
        false => Err(malformed("Bytes after the end of the request body's document")),
    }
}

/// Reads a document of any shape.
pub fn document(body: &[u8]) -> Result<Document, Malformed> {
    let mut missing = Missing::default();
    let moments = Moments::Seconds;
    let mut decoder = Decoder { reader: Reader::new(body), missing: &mut missing, moments, entries: 0 };
    let head = decoder.head()?;
    decoder.document(head, DEPTH_MAX)
}

struct Decoder<'a, 'm> {
    reader: Reader<'a>,
    missing: &'m mut Missing,
    moments: Moments,
    /// Of all lists and maps so far.
    entries: usize,
}

impl Decoder<'_, '_> {
    /// The next item's head behind any tags that have no meaning here.
    fn head(&mut self) -> Result<Head, Malformed> {
        for _ in 0..DEPTH_MAX {
            match self.reader.head()? {
                Head::Tag(_) => {}
                head => return Ok(head),
            }
        }
        Err(too_deep())
    }

    fn structure(&mut self, head: Head, into: &mut dyn Structure, depth: usize) -> Result<(), Malformed> {
        let Head::Map(mut left) = head else { return Err(unconvertible(head, "structure")) };
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let table = into.schema().members;
        let mut seen = Seen::default();
        let mut guess = 0;
        while self.reader.more(&mut left) {
            let found = self.name(table, guess)?;
            let head = self.reader.head()?;
            match found {
                // Null is an absent member.
                Some((index, _)) if head == Head::Null => guess = index + 1,
                Some((index, member)) => {
                    guess = index + 1;
                    self.member(head, into, index, member, depth)?;
                    seen.note(index);
                }
                None => self.reader.skip(head, depth)?,
            }
        }
        self.missing.structure(into.schema(), seen);
        Ok(())
    }

    fn name(&mut self, table: &'static [Member], guess: usize) -> Result<Option<(usize, &'static Member)>, Malformed> {
        let head = self.reader.head()?;
        let Head::Text(length) = head else { return Err(unconvertible(head, "String")) };
        let name = self.reader.text(length)?;
        let after = table.iter().enumerate().skip(guess);
        let mut candidates = after.chain(table.iter().enumerate().take(guess));
        Ok(candidates.find(|(_, member)| member.name == name))
    }

    fn member(
        &mut self,
        head: Head,
        into: &mut dyn Structure,
        index: usize,
        member: &'static Member,
        depth: usize,
    ) -> Result<(), Malformed> {
        let Some(slot) = into.slot(index) else { return self.reader.skip(head, depth) };
        match slot {
            Slot::List(_) | Slot::Map(_) | Slot::Structure(_) => {
                self.missing.enter(Step::Member(member.name));
                self.value(head, slot, member.shape, depth)?;
                self.missing.leave();
                Ok(())
            }
            _ => self.value(head, slot, member.shape, depth),
        }
    }

    fn value(&mut self, head: Head, slot: Slot<'_>, shape: &'static Shape, depth: usize) -> Result<(), Malformed> {
        // A tag matters only to a timestamp, and there it may be left out.
        let head = match head {
            Head::Tag(TAG_EPOCH) if matches!(slot, Slot::Timestamp(_)) => self.reader.head()?,
            Head::Tag(_) if !matches!(slot, Slot::Timestamp(_)) => self.head()?,
            head => head,
        };
        match (slot, head) {
            (Slot::String(place), Head::Text(length)) => *place = self.reader.text(length)?.into_owned(),
            (Slot::Double(place), _) => *place = double(head, "Double")?,
            (Slot::Float(place), _) => *place = double(head, "Float")? as f32,
            (Slot::Long(place), _) => *place = long(head, "Long")?,
            (Slot::Integer(place), _) => {
                *place = i32::try_from(long(head, "Integer")?).map_err(|_| unconvertible(head, "Integer"))?;
            }
            (Slot::Boolean(place), Head::Boolean(value)) => *place = value,
            (Slot::Timestamp(place), _) => *place = self.timestamp(head)?,
            (Slot::Blob(place), Head::Bytes(length)) => *place = self.reader.bytes(length)?.into_owned(),
            (Slot::Structure(structure), _) => self.structure(head, structure, depth)?,
            (Slot::List(list), Head::Array(left)) => self.list(left, list, shape, depth)?,
            (Slot::Map(map), Head::Map(left)) => self.map(left, map, shape, depth)?,
            (Slot::Document(place), _) => *place = self.document(head, depth)?,
            (Slot::String(_), _) => return Err(unconvertible(head, "String")),
            (Slot::Boolean(_), _) => return Err(unconvertible(head, "Boolean")),
            (Slot::Blob(_), _) => return Err(unconvertible(head, "Blob")),
            (Slot::List(_), _) => return Err(unconvertible(head, "list")),
            (Slot::Map(_), _) => return Err(unconvertible(head, "map")),
        }
        Ok(())
    }

    fn list(
        &mut self,
        mut left: Option<u64>,
        list: &mut dyn ListSlot,
        shape: &'static Shape,
        depth: usize,
    ) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let Kind::List(element) = &shape.kind else { return Err(malformed("not a list")) };
        self.missing.enter(Step::Entry(0));
        let mut index = 0;
        while self.reader.more(&mut left) {
            self.count(index)?;
            self.missing.turn_to(index);
            match self.reader.head()? {
                Head::Null => self.missing.here(),
                head => self.value(head, list.push(), element.shape, depth)?,
            }
            index += 1;
        }
        self.missing.leave();
        Ok(())
    }

    fn map(
        &mut self,
        mut left: Option<u64>,
        map: &mut dyn MapSlot,
        shape: &'static Shape,
        depth: usize,
    ) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let Kind::Map(_, element) = &shape.kind else { return Err(malformed("not a map")) };
        let nested = matches!(element.shape.kind, Kind::List(_) | Kind::Map(..) | Kind::Structure(_));
        let mut index = 0;
        while self.reader.more(&mut left) {
            self.count(index)?;
            index += 1;
            let head = self.reader.head()?;
            let Head::Text(length) = head else { return Err(unconvertible(head, "String")) };
            let key = self.reader.text(length)?.into_owned();
            match self.reader.head()? {
                // A map's null value is an absent entry.
                Head::Null => {}
                head if nested => {
                    self.missing.enter(Step::Key(key.clone()));
                    self.value(head, map.insert(key), element.shape, depth)?;
                    self.missing.leave();
                }
                head => self.value(head, map.insert(key), element.shape, depth)?,
            }
        }
        Ok(())
    }

    /// Counts the entry at this index of a list or map.
    fn count(&mut self, index: usize) -> Result<(), Malformed> {
        self.entries += 1;
        match index >= ENTRIES_MAX || self.entries > ENTRIES_ALL_MAX {
            true => Err(malformed("The lists and maps of the request have too many entries")),
            false => Ok(()),
        }
    }

    /// A number of any kind.
    fn timestamp(&mut self, head: Head) -> Result<Timestamp, Malformed> {
        let unit_ms = self.moments.unit_ms();
        let moment = match head {
            Head::Unsigned(_) | Head::Negative(_) => integer(head).and_then(|number| number.checked_mul(unit_ms)),
            // Beyond 2^53 a double no longer counts milliseconds.
            Head::Float(number) => whole((number * unit_ms as f64).round()),
            Head::Text(length) => timestamp::parse(&self.reader.text(length)?).map(|moment| moment.0),
            _ => None,
        };
        moment.map(Timestamp).ok_or_else(|| unconvertible(head, "Timestamp"))
    }

    fn document(&mut self, head: Head, depth: usize) -> Result<Document, Malformed> {
        let inner = || depth.checked_sub(1).ok_or_else(too_deep);
        Ok(match head {
            Head::Null => Document::Null,
            Head::Boolean(value) => value.into(),
            Head::Unsigned(number) => number.into(),
            Head::Negative(_) => long(head, "document")?.into(),
            Head::Float(number) => number.into(),
            Head::Text(length) => self.reader.text(length)?.into_owned().into(),
            Head::Array(mut left) => {
                let inner = inner()?;
                let mut entries = Vec::new();
                while self.reader.more(&mut left) {
                    let head = self.head()?;
                    entries.push(self.document(head, inner)?);
                }
                Document::Array(entries)
            }
            Head::Map(mut left) => {
                let inner = inner()?;
                let mut members = serde_json::Map::new();
                while self.reader.more(&mut left) {
                    let head = self.head()?;
                    let Head::Text(length) = head else { return Err(unconvertible(head, "String")) };
                    let key = self.reader.text(length)?.into_owned();
                    let head = self.head()?;
                    members.insert(key, self.document(head, inner)?);
                }
                Document::Object(members)
            }
            Head::Bytes(_) | Head::Tag(_) | Head::Break => return Err(unconvertible(head, "document")),
        })
    }
}

fn integer(head: Head) -> Option<i64> {
    match head {
        Head::Unsigned(number) => i64::try_from(number).ok(),
        Head::Negative(number) => i64::try_from(number).ok().map(|number| -1 - number),
        Head::Float(number) => whole(number),
        _ => None,
    }
}

fn long(head: Head, name: &str) -> Result<i64, Malformed> {
    integer(head).ok_or_else(|| unconvertible(head, name))
}

fn double(head: Head, name: &str) -> Result<f64, Malformed> {
    match head {
        Head::Float(number) => Ok(number),
        Head::Unsigned(number) => Ok(number as f64),
        Head::Negative(number) => Ok(-1.0 - number as f64),
        _ => Err(unconvertible(head, name)),
    }
}

fn unconvertible(found: Head, name: &str) -> Malformed {
    Malformed(format!("{} can not be converted to {} {name}", found.token(), article(name)))
}
