//! From structures to CBOR. Structures are maps of indefinite length, so that their members are looked at once.

use watchkeep_model::{Document, Structure, View};

use super::Moments;

const BREAK: u8 = 0xff;
const MAP_INDEFINITE: u8 = 0xbf;

/// Appends the structure as a map.
pub fn structure(out: &mut Vec<u8>, from: &dyn Structure, moments: Moments) {
    out.push(MAP_INDEFINITE);
    structure_members(out, from, moments);
    out.push(BREAK);
}

/// Appends the members that are present, without the map's head and end.
pub fn structure_members(out: &mut Vec<u8>, from: &dyn Structure, moments: Moments) {
    for (index, member) in from.schema().members.iter().enumerate() {
        if let Some(view) = from.get(index) {
            text(out, member.name);
            value(out, view, moments);
        }
    }
}

fn value(out: &mut Vec<u8>, view: View<'_>, moments: Moments) {
    match view {
        View::String(value) => text(out, value),
        View::Double(number) => double(out, number),
        View::Float(number) => {
            out.push(0xfa);
            out.extend_from_slice(&number.to_be_bytes());
        }
        View::Long(number) => integer(out, number),
        View::Integer(number) => integer(out, i64::from(number)),
        View::Boolean(value) => out.push(0xf4 + u8::from(value)),
        View::Timestamp(moment) => {
            out.push(0xc1);
            match moments {
                Moments::Seconds => double(out, moment.0 as f64 / 1000.0),
                Moments::Milliseconds => integer(out, moment.0),
            }
        }
        View::Blob(bytes) => {
            head(out, 2, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        View::Structure(inner) => structure(out, inner, moments),
        View::List(list) => {
            head(out, 4, list.len() as u64);
            for index in 0..list.len() {
                match list.get(index) {
                    Some(entry) => value(out, entry, moments),
                    None => out.push(0xf6),
                }
            }
        }
        View::Map(map) => {
            head(out, 5, map.len() as u64);
            map.each(&mut |key, entry| {
                text(out, key);
                value(out, entry, moments);
            });
        }
        View::Document(inner) => document(out, inner),
    }
}

fn document(out: &mut Vec<u8>, from: &Document) {
    match from {
        Document::Null => out.push(0xf6),
        Document::Bool(value) => out.push(0xf4 + u8::from(*value)),
        Document::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => head(out, 0, number),
            (None, Some(number)) => integer(out, number),
            (None, None) => double(out, number.as_f64().unwrap_or_default()),
        },
        Document::String(value) => text(out, value),
        Document::Array(entries) => {
            head(out, 4, entries.len() as u64);
            entries.iter().for_each(|entry| document(out, entry));
        }
        Document::Object(members) => {
            head(out, 5, members.len() as u64);
            for (key, member) in members {
                text(out, key);
                document(out, member);
            }
        }
    }
}

/// A text with its head.
pub fn text(out: &mut Vec<u8>, value: &str) {
    head(out, 3, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

fn double(out: &mut Vec<u8>, number: f64) {
    out.push(0xfb);
    out.extend_from_slice(&number.to_be_bytes());
}

fn integer(out: &mut Vec<u8>, number: i64) {
    match u64::try_from(number) {
        Ok(number) => head(out, 0, number),
        // -1 - n, without the overflow at the smallest number.
        Err(_) => head(out, 1, !number as u64),
    }
}

/// A head in its shortest form.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    if argument < 24 {
        out.push(major | argument as u8);
    } else if let Ok(argument) = u8::try_from(argument) {
        out.extend_from_slice(&[major | 24, argument]);
    } else if let Ok(argument) = u16::try_from(argument) {
        out.push(major | 25);
        out.extend_from_slice(&argument.to_be_bytes());
    } else if let Ok(argument) = u32::try_from(argument) {
        out.push(major | 26);
        out.extend_from_slice(&argument.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}
