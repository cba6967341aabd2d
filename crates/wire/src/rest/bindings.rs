//! Members outside of the body: labels, query strings and headers.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use watchkeep_model::{Kind, Location, Member, Slot, Structure, TimestampFormat, View};

use crate::constraints::Seen;
use crate::text::{self, Malformed};

/// Reads the labels' values.
pub fn read_labels(
    labels: &[(&'static str, &str)],
    into: &mut dyn Structure,
    seen: &mut Seen,
) -> Result<(), Malformed> {
    for (index, member) in located(into, Location::Uri) {
        let Some((_, value)) = labels.iter().find(|(name, _)| *name == member.wire_name()) else { continue };
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| Malformed(format!("{} in the path is not UTF-8", member.wire_name())))?;
        if let Some(slot) = into.slot(index) {
            text::read(&value, slot)?;
            seen.note(index);
        }
    }
    Ok(())
}

/// Reads the query string's members: lists from repeated keys, maps from the keys that no other member claims.
pub fn read_query(
    query: &[(Cow<'_, str>, Cow<'_, str>)],
    into: &mut dyn Structure,
    seen: &mut Seen,
) -> Result<(), Malformed> {
    let members = into.schema().members;
    let claimed = |key: &str| {
        let scalars = members.iter().filter(|member| !matches!(member.shape.kind, Kind::Map(..)));
        scalars.filter(|member| member.location == Location::QueryString).any(|member| member.wire_name() == key)
    };
    for (index, member) in located(into, Location::QueryString) {
        let is_map = matches!(member.shape.kind, Kind::Map(..));
        for (key, value) in query {
            let mine = if is_map { !claimed(key) } else { key == member.wire_name() };
            // `max-keys=` is as good as nothing; an empty text is a text.
            let absent = value.is_empty() && !is_text(member);
            if !mine || absent {
                continue;
            }
            seen.note(index);
            let read = match into.slot(index) {
                Some(Slot::List(list)) => text::read(value, list.push()),
                Some(Slot::Map(map)) => match map.insert(key.clone().into_owned()) {
                    Slot::List(list) => text::read(value, list.push()),
                    slot => text::read(value, slot),
                },
                Some(slot) => text::read(value, slot),
                None => Ok(()),
            };
            read.map_err(|error| Malformed(format!("{}: {key}", error.0)))?;
        }
    }
    Ok(())
}

fn is_text(member: &Member) -> bool {
    match &member.shape.kind {
        Kind::List(element) => matches!(element.shape.kind, Kind::String),
        kind => matches!(kind, Kind::String | Kind::Map(..)),
    }
}

/// Reads the members in headers of their own and in those of a prefix.
pub fn read_headers(headers: &HeaderMap, into: &mut dyn Structure, seen: &mut Seen) -> Result<(), Malformed> {
    for (index, member) in located(into, Location::Header) {
        for value in headers.get_all(member.wire_name()) {
            let value = header_text(value, member.wire_name())?;
            seen.note(index);
            let read = match into.slot(index) {
                Some(Slot::List(list)) => split_list(value).iter().try_for_each(|entry| text::read(entry, list.push())),
                Some(slot) => text::read(value, slot),
                None => Ok(()),
            };
            read.map_err(|error| Malformed(format!("{}: {}", error.0, member.wire_name())))?;
        }
    }
    for (index, member) in located(into, Location::Headers) {
        let prefix = member.wire_name().to_ascii_lowercase();
        for (name, value) in headers {
            let Some(key) = name.as_str().strip_prefix(prefix.as_str()) else { continue };
            let value = header_text(value, name.as_str())?;
            seen.note(index);
            if let Some(Slot::Map(map)) = into.slot(index) {
                text::read(value, map.insert(key.to_owned()))?;
            }
        }
    }
    Ok(())
}

fn header_text<'v>(value: &'v HeaderValue, name: &str) -> Result<&'v str, Malformed> {
    std::str::from_utf8(value.as_bytes()).map_err(|_| Malformed(format!("The header {name} is not UTF-8")))
}

/// Writes the members that stand in headers.
pub fn write_headers(structure: &dyn Structure, headers: &mut HeaderMap) {
    for (index, member) in structure.schema().members.iter().enumerate() {
        let format = text::member_format(member, TimestampFormat::HttpDate);
        match (member.location, structure.get(index)) {
            (Location::Header, Some(View::List(list))) => {
                let entries = (0..list.len()).filter_map(|index| text::write(list.get(index)?, format));
                let joined = entries.map(|entry| quoted(&entry)).collect::<Vec<_>>().join(", ");
                if !joined.is_empty() {
                    insert(headers, member.wire_name(), &joined);
                }
            }
            (Location::Header, Some(view)) => {
                if let Some(text) = text::write(view, format) {
                    insert(headers, member.wire_name(), &text);
                }
            }
            (Location::Headers, Some(View::Map(map))) => map.each(&mut |key, view| {
                if let Some(text) = text::write(view, format) {
                    insert(headers, &format!("{}{key}", member.wire_name()), &text);
                }
            }),
            _ => {}
        }
    }
}

/// A name or value that no header can hold is left out: there is no way to send it.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
    {
        headers.insert(name, value);
    }
}

/// The query string's members as pairs.
pub fn query_pairs(structure: &dyn Structure) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (index, member) in structure.schema().members.iter().enumerate() {
        if member.location != Location::QueryString {
            continue;
        }
        let format = text::member_format(member, TimestampFormat::Iso8601);
        let mut push = |key: &str, view: View<'_>| {
            if let Some(text) = text::write(view, format) {
                pairs.push((key.to_owned(), text));
            }
        };
        match structure.get(index) {
            Some(View::List(list)) => {
                (0..list.len()).filter_map(|index| list.get(index)).for_each(|view| push(member.wire_name(), view));
            }
            Some(View::Map(map)) => map.each(&mut |key, view| match view {
                View::List(list) => {
                    (0..list.len()).filter_map(|index| list.get(index)).for_each(|view| push(key, view));
                }
                view => push(key, view),
            }),
            Some(view) => push(member.wire_name(), view),
            None => {}
        }
    }
    pairs
}

/// The members of the structure's schema in this location.
fn located(structure: &dyn Structure, location: Location) -> impl Iterator<Item = (usize, &'static Member)> + use<> {
    structure.schema().members.iter().enumerate().filter(move |(_, member)| member.location == location)
}

/// Splits a header's list at its commas; entries may be quoted to hold commas and quotes.
fn split_list(value: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let entry;
        if let Some(inner) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut characters = inner.chars();
            while let Some(character) = characters.next() {
                match character {
                    '"' => break,
                    '\\' => text.extend(characters.next()),
                    other => text.push(other),
                }
            }
            entry = text;
            rest = characters.as_str().split_once(',').map_or("", |(_, after)| after);
        } else {
            let (text, after) = rest.split_once(',').unwrap_or((rest, ""));
            entry = text.trim_end().to_owned();
            rest = after;
        }
        entries.push(entry);
        rest = rest.trim_start();
    }
    entries
}

fn quoted(entry: &str) -> String {
    if entry.contains([',', '"']) {
        format!("\"{}\"", entry.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        entry.to_owned()
    }
}
