//! From JSON into a structure, in one pass over the bytes: each value goes straight to its place.

use watchkeep_model::{Kind, ListSlot, Location, MapSlot, Member, Shape, Slot, Structure, Timestamp};

use super::Members;
use super::read::{Next, Reader, too_deep};
use crate::constraints::{Missing, Seen, Step};
use crate::limits::{DEPTH_MAX, ENTRIES_ALL_MAX, ENTRIES_MAX};
use crate::text::{Malformed, base64_decode, timestamp};

/// Reads a whole body; an empty one is `{}`.
pub fn body(body: &[u8], into: &mut dyn Structure, members: Members, missing: &mut Missing) -> Result<(), Malformed> {
    let mut decoder = Decoder { reader: Reader::new(body)?, missing, entries: 0 };
    if decoder.reader.peek().is_none() {
        decoder.finish(into, Seen::default(), members);
        return Ok(());
    }
    decoder.structure(into, members, DEPTH_MAX)?;
    decoder.reader.end()
}

struct Decoder<'a, 'm> {
    reader: Reader<'a>,
    missing: &'m mut Missing,
    /// Of all lists and maps so far.
    entries: usize,
}

impl Decoder<'_, '_> {
    fn structure(&mut self, into: &mut dyn Structure, members: Members, depth: usize) -> Result<(), Malformed> {
        self.kind(Next::Object, "structure")?;
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let table = into.schema().members;
        let mut seen = Seen::default();
        // Clients send a structure's members in much the same order each time: mostly the model's.
        let mut guess = 0;
        self.reader.expect(b'{')?;
        if !self.reader.eat(b'}') {
            loop {
                let found = self.name(table, guess, members)?;
                self.reader.expect(b':')?;
                match found {
                    Some((index, member)) => {
                        guess = index + 1;
                        if !self.reader.eat_null()? {
                            self.member(into, index, member, depth)?;
                            seen.note(index);
                        }
                    }
                    None => self.reader.skip(depth).map(drop)?,
                }
                if !self.reader.eat(b',') {
                    break;
                }
            }
            self.reader.expect(b'}')?;
        }
        self.finish(into, seen, members);
        Ok(())
    }

    fn finish(&mut self, into: &dyn Structure, seen: Seen, members: Members) {
        match members {
            Members::All => self.missing.structure(into.schema(), seen),
            // The others come from elsewhere in the request.
            Members::Body => {
                for (index, member) in into.schema().members.iter().enumerate() {
                    if member.required && member.location == Location::Body && !seen.has(index) {
                        self.missing.member(member.name);
                    }
                }
            }
        }
    }

    /// Consumes a member's name and finds the member, first where it is expected.
    fn name(
        &mut self,
        table: &'static [Member],
        guess: usize,
        members: Members,
    ) -> Result<Option<(usize, &'static Member)>, Malformed> {
        self.reader.peek();
        if let Some(member) = table.get(guess)
            && members.has(member)
            && self.reader.eat_name(member.wire_name())
        {
            return Ok(Some((guess, member)));
        }
        let name = self.reader.string()?;
        // From the guess onwards, then from the start: members that a client leaves out cost one comparison each.
        let after = table.iter().enumerate().skip(guess);
        let mut candidates = after.chain(table.iter().enumerate().take(guess));
        Ok(candidates.find(|(_, member)| members.has(member) && member.wire_name() == name))
    }

    fn member(
        &mut self,
        into: &mut dyn Structure,
        index: usize,
        member: &'static Member,
        depth: usize,
    ) -> Result<(), Malformed> {
        let Some(slot) = into.slot(index) else { return self.reader.skip(depth).map(drop) };
        match slot {
            Slot::List(_) | Slot::Map(_) | Slot::Structure(_) => {
                self.missing.enter(Step::Member(member.name));
                self.value(slot, member.shape, depth)?;
                self.missing.leave();
                Ok(())
            }
            _ => self.value(slot, member.shape, depth),
        }
    }

    fn value(&mut self, slot: Slot<'_>, shape: &'static Shape, depth: usize) -> Result<(), Malformed> {
        match slot {
            Slot::String(place) => {
                self.kind(Next::String, "String")?;
                *place = self.reader.string()?.into_owned();
            }
            Slot::Double(place) => *place = self.double("Double")?,
            Slot::Float(place) => *place = self.double("Float")? as f32,
            Slot::Long(place) => *place = self.long("Long")?,
            Slot::Integer(place) => {
                *place = i32::try_from(self.long("Integer")?).map_err(|_| unconvertible(Next::Number, "Integer"))?;
            }
            Slot::Boolean(place) => {
                self.kind(Next::Boolean, "Boolean")?;
                *place = self.reader.boolean()?;
            }
            Slot::Timestamp(place) => *place = self.timestamp()?,
            Slot::Blob(place) => {
                self.kind(Next::String, "Blob")?;
                let text = self.reader.string()?;
                *place =
                    base64_decode(&text).ok_or_else(|| Malformed::new("Invalid base64 content in the request body"))?;
            }
            Slot::Structure(structure) => self.structure(structure, Members::All, depth)?,
            Slot::List(list) => self.list(list, shape, depth)?,
            Slot::Map(map) => self.map(map, shape, depth)?,
            Slot::Document(place) => {
                let text = self.reader.skip(depth)?;
                *place = serde_json::from_str(text).map_err(|error| Malformed(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn list(&mut self, list: &mut dyn ListSlot, shape: &'static Shape, depth: usize) -> Result<(), Malformed> {
        self.kind(Next::Array, "list")?;
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let Kind::List(element) = &shape.kind else { return Err(Malformed::new("not a list")) };
        self.reader.expect(b'[')?;
        if self.reader.eat(b']') {
            return Ok(());
        }
        self.missing.enter(Step::Entry(0));
        for index in 0.. {
            self.count(index)?;
            self.missing.turn_to(index);
            match self.reader.eat_null()? {
                true => self.missing.here(),
                false => self.value(list.push(), element.shape, depth)?,
            }
            if !self.reader.eat(b',') {
                break;
            }
        }
        self.missing.leave();
        self.reader.expect(b']')
    }

    fn map(&mut self, map: &mut dyn MapSlot, shape: &'static Shape, depth: usize) -> Result<(), Malformed> {
        self.kind(Next::Object, "map")?;
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let Kind::Map(_, element) = &shape.kind else { return Err(Malformed::new("not a map")) };
        let nested = matches!(element.shape.kind, Kind::List(_) | Kind::Map(..) | Kind::Structure(_));
        self.reader.expect(b'{')?;
        if self.reader.eat(b'}') {
            return Ok(());
        }
        for index in 0.. {
            self.count(index)?;
            let key = self.reader.string()?.into_owned();
            self.reader.expect(b':')?;
            if self.reader.eat_null()? {
                // A map's null value is an absent entry.
            } else if nested {
                self.missing.enter(Step::Key(key.clone()));
                self.value(map.insert(key), element.shape, depth)?;
                self.missing.leave();
            } else {
                self.value(map.insert(key), element.shape, depth)?;
            }
            if !self.reader.eat(b',') {
                break;
            }
        }
        self.reader.expect(b'}')
    }

    /// Counts the entry at this index of a list or map.
    fn count(&mut self, index: usize) -> Result<(), Malformed> {
        self.entries += 1;
        match index >= ENTRIES_MAX || self.entries > ENTRIES_ALL_MAX {
            true => Err(Malformed::new("The lists and maps of the request have too many entries")),
            false => Ok(()),
        }
    }

    fn kind(&mut self, wanted: Next, name: &str) -> Result<(), Malformed> {
        match self.reader.next()? {
            found if found == wanted => Ok(()),
            found => Err(unconvertible(found, name)),
        }
    }

    /// A number, or the text of one that JSON cannot say.
    fn double(&mut self, name: &str) -> Result<f64, Malformed> {
        match self.reader.next()? {
            Next::Number => self.reader.number()?.parse().map_err(|_| unconvertible(Next::Number, name)),
            Next::String => match &*self.reader.string()? {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                _ => Err(unconvertible(Next::String, name)),
            },
            found => Err(unconvertible(found, name)),
        }
    }

    /// An integer, also where a client spells it with a fraction of zero or an exponent.
    fn long(&mut self, name: &str) -> Result<i64, Malformed> {
        self.kind(Next::Number, name)?;
        let text = self.reader.number()?;
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        let number: f64 = text.parse().map_err(|_| unconvertible(Next::Number, name))?;
        whole(number).ok_or_else(|| unconvertible(Next::Number, name))
    }

    /// Seconds as a number; some clients send a date as text.
    fn timestamp(&mut self) -> Result<Timestamp, Malformed> {
        let found = self.reader.next()?;
        let moment = match found {
            Next::Number => timestamp::parse(self.reader.number()?),
            Next::String => timestamp::parse(&self.reader.string()?),
            _ => None,
        };
        moment.ok_or_else(|| unconvertible(found, "Timestamp"))
    }
}

/// The integer that this double is, if it is one that a double can count to.
pub fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn unconvertible(found: Next, name: &str) -> Malformed {
    Malformed(format!("{} can not be converted to {} {name}", found.token(), article(name)))
}

/// The article before a kind's name.
pub fn article(name: &str) -> &'static str {
    if name.starts_with(['I', 'a', 'e', 'i', 'o']) { "an" } else { "a" }
}
