//! From structures to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use watchkeep_model::{Kind, Shape, Structure, TimestampFormat, View};

use super::Members;
use crate::text::{epoch_seconds, member_format, shape_format, timestamp};

/// Appends the structure as an object.
pub fn structure(out: &mut Vec<u8>, from: &dyn Structure, members: Members) {
    out.push(b'{');
    let mut first = true;
    structure_members(out, from, members, &mut first);
    out.push(b'}');
}

/// Appends the members that are present, without the braces.
pub fn structure_members(out: &mut Vec<u8>, from: &dyn Structure, members: Members, first: &mut bool) {
    for (index, member) in from.schema().members.iter().enumerate() {
        if !members.has(member) {
            continue;
        }
        if let Some(view) = from.get(index) {
            if !std::mem::take(first) {
                out.push(b',');
            }
            // The model's names are identifiers: nothing in them needs an escape.
            out.push(b'"');
            out.extend_from_slice(member.wire_name().as_bytes());
            out.extend_from_slice(b"\":");
            value(out, view, member.shape, member_format(member, TimestampFormat::EpochSeconds));
        }
    }
}

fn value(out: &mut Vec<u8>, view: View<'_>, shape: &'static Shape, format: TimestampFormat) {
    match view {
        View::String(text) => string(out, text),
        View::Double(number) => double(out, number),
        View::Float(number) if number.is_finite() => display(out, &number),
        View::Float(number) => double(out, f64::from(number)),
        View::Long(number) => display(out, &number),
        View::Integer(number) => display(out, &number),
        View::Boolean(true) => out.extend_from_slice(b"true"),
        View::Boolean(false) => out.extend_from_slice(b"false"),
        View::Timestamp(moment) if format == TimestampFormat::EpochSeconds => {
            out.extend_from_slice(epoch_seconds(moment).as_bytes());
        }
        View::Timestamp(moment) => string(out, &timestamp::format(moment, format)),
        View::Blob(bytes) => {
            out.push(b'"');
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.push(b'"');
        }
        View::Structure(inner) => structure(out, inner, Members::All),
        View::Document(document) => display(out, document),
        View::List(list) => {
            let Kind::List(element) = &shape.kind else { return out.extend_from_slice(b"[]") };
            let format =
                element.timestamp_format.unwrap_or_else(|| shape_format(element.shape, TimestampFormat::EpochSeconds));
            out.push(b'[');
            for (position, entry) in (0..list.len()).filter_map(|index| list.get(index)).enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                value(out, entry, element.shape, format);
            }
            out.push(b']');
        }
        View::Map(map) => {
            let Kind::Map(_, element) = &shape.kind else { return out.extend_from_slice(b"{}") };
            let format =
                element.timestamp_format.unwrap_or_else(|| shape_format(element.shape, TimestampFormat::EpochSeconds));
            out.push(b'{');
            let mut first = true;
            map.each(&mut |key, entry| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                string(out, key);
                out.push(b':');
                value(out, entry, element.shape, format);
            });
            out.push(b'}');
        }
    }
}

/// Numbers and documents as serde_json prints them. Writing to memory cannot fail, and these have nothing that JSON lacks.
fn display(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    let _ = serde_json::to_writer(out, value);
}

/// A double; what JSON cannot say as text.
fn double(out: &mut Vec<u8>, number: f64) {
    match number {
        _ if number.is_finite() => display(out, &number),
        _ if number.is_nan() => out.extend_from_slice(b"\"NaN\""),
        _ if number > 0.0 => out.extend_from_slice(b"\"Infinity\""),
        _ => out.extend_from_slice(b"\"-Infinity\""),
    }
}

/// A text with its quotes; escaped is only what JSON demands.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(length) = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        let (plain, tail) = rest.split_at(length);
        out.extend_from_slice(plain);
        let Some((byte, after)) = tail.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
