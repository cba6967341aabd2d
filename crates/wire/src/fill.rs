//! Structures filled at random by their schema: what the codecs' round-trip tests run on.

use watchkeep_model::{
    Document, Kind, ListSlot, Location, MapSlot, SchemaKind, Shape, Slot, Structure, Timestamp, TimestampFormat,
};

use crate::text::member_format;

/// Fills structures, always alike from one seed.
pub struct Fill {
    state: u64,
    /// Whether empty texts, blobs, lists and maps are among the values.
    pub empties: bool,
    /// Whether texts may hold any character; else only those that headers and URIs carry unchanged.
    pub any_text: bool,
    /// Whether timestamps have milliseconds.
    pub millis: bool,
}

impl Fill {
    pub fn new(seed: u64) -> Self {
        Fill { state: seed, empties: true, any_text: true, millis: true }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn structure(&mut self, into: &mut dyn Structure) {
        self.structure_at(into, 0);
    }

    fn structure_at(&mut self, into: &mut dyn Structure, depth: usize) {
        let schema = into.schema();
        let only = match schema.kind {
            SchemaKind::Union | SchemaKind::EventStream => Some(self.below(schema.members.len() as u64) as usize),
            _ => None,
        };
        for (index, member) in schema.members.iter().enumerate() {
            let wanted = match only {
                Some(only) => index == only,
                None => {
                    // A body has a content type even if no member says it.
                    let named = member.wire_name().eq_ignore_ascii_case("content-type");
                    member.required || named || (!(is_nested(member.shape) && depth > 3) && self.below(3) > 0)
                }
            };
            if !wanted || member.location == Location::StatusCode {
                continue;
            }
            let before = (self.empties, self.any_text, self.millis);
            if member.location != Location::Body {
                (self.empties, self.any_text, self.millis) = (false, false, false);
            }
            if member_format(member, TimestampFormat::Iso8601) == TimestampFormat::HttpDate {
                self.millis = false;
            }
            // The text of an XML attribute, the entries of a list that leaves no trace when empty, and a payload.
            if member.flattened || schema.payload == Some(index) {
                self.empties = false;
            }
            if let Some(slot) = into.slot(index) {
                self.value(slot, member.shape, depth + 1);
            }
            (self.empties, self.any_text, self.millis) = before;
        }
    }

    fn value(&mut self, slot: Slot<'_>, shape: &Shape, depth: usize) {
        match slot {
            Slot::Boolean(place) => *place = self.below(2) == 1,
            Slot::Integer(place) => *place = self.next() as i32,
            Slot::Long(place) => *place = self.next() as i64,
            Slot::Float(place) => *place = self.double() as f32,
            Slot::Double(place) => *place = self.double(),
            Slot::String(place) => *place = self.text(),
            Slot::Blob(place) => {
                let length = self.length();
                *place = (0..length).map(|_| self.next() as u8).collect();
            }
            Slot::Timestamp(place) => {
                let seconds = self.below(4_000_000_000) as i64;
                let millis = if self.millis { self.below(1000) as i64 } else { 0 };
                *place = Timestamp(seconds * 1000 + millis);
            }
            Slot::List(list) => self.list(list, shape, depth),
            Slot::Map(map) => self.map(map, shape, depth),
            Slot::Structure(into) => self.structure_at(into, depth),
            Slot::Document(place) => *place = Document::from(vec![Document::from(self.text()), Document::Bool(true)]),
        }
    }

    fn list(&mut self, list: &mut dyn ListSlot, shape: &Shape, depth: usize) {
        let Kind::List(element) = &shape.kind else { return };
        for _ in 0..self.length() {
            self.value(list.push(), element.shape, depth + 1);
        }
    }

    fn map(&mut self, map: &mut dyn MapSlot, shape: &Shape, depth: usize) {
        let Kind::Map(_, element) = &shape.kind else { return };
        for _ in 0..self.length() {
            let key = if self.any_text { self.text() } else { format!("k{}", self.below(100)) };
            self.value(map.insert(key), element.shape, depth + 1);
        }
    }

    fn length(&mut self) -> u64 {
        // Past ten, the order of numbers and that of their texts differ.
        match self.below(8) {
            0 if self.empties => 0,
            7 => 12,
            more => more.clamp(1, 3),
        }
    }

    fn double(&mut self) -> f64 {
        match self.below(4) {
            0 => self.below(1000) as f64,
            1 => -(self.below(1 << 30) as f64) / 128.0,
            // Exact as a single-precision number too, so that both kinds read back.
            2 => f64::from(f32::from_bits((self.next() as u32) & 0x7eff_ffff)),
            _ => 0.5,
        }
    }

    fn text(&mut self) -> String {
        const ANY: &[char] = &[
            'a',
            'Z',
            '0',
            ' ',
            '&',
            '<',
            '>',
            '"',
            '\'',
            '%',
            '+',
            '=',
            '.',
            '\n',
            '\t',
            '\r',
            'ä',
            '\u{1f600}',
            '/',
            ',',
            '\\',
        ];
        const PLAIN: &[char] = &['a', 'Z', '0', '-', '_', '~', '%', '+', '&', '=', '/', ',', '"', '@'];
        let length = self.length();
        let set = if self.any_text { ANY } else { PLAIN };
        (0..length).map(|_| set[self.below(set.len() as u64) as usize]).collect()
    }
}

fn is_nested(shape: &Shape) -> bool {
    matches!(shape.kind, Kind::Structure(_) | Kind::List(_) | Kind::Map(..))
}

/// Both structures, for the message of a failed comparison.
pub fn shown(sent: &dyn Structure, read: &dyn Structure) -> String {
    struct Shown<'a>(&'a dyn Structure);
    impl std::fmt::Debug for Shown<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            watchkeep_model::debug_structure(self.0, f)
        }
    }
    format!("\nsent {:?}\nread {:?}", Shown(sent), Shown(read))
}
