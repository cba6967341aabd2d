//! From a structure to the text of a document.

use watchkeep_model::{Kind, Location, MapView, Member, Schema, Shape, Structure, TimestampFormat, View};

use super::{flattened_name, prefix};
use crate::text;

/// Appends `<name>` with the attributes that the structure's members and namespace make.
fn open_structure(out: &mut String, name: &str, structure: &dyn Structure, namespace: Option<&str>) {
    let schema = structure.schema();
    out.push('<');
    out.push_str(name);
    let attributes = || schema.members.iter().enumerate().filter(|(_, member)| member.xml_attribute);
    // A namespace that is there for an attribute's prefix is not the element's own.
    let prefixed = attributes().find_map(|(_, member)| prefix(member.wire_name()));
    if let Some(uri) = namespace.or(schema.xml_namespace) {
        match prefixed {
            Some(prefix) => attribute(out, &format!("xmlns:{prefix}"), uri),
            None => attribute(out, "xmlns", uri),
        }
    }
    for (index, member) in attributes() {
        let format = text::member_format(member, TimestampFormat::Iso8601);
        if let Some(value) = structure.get(index).and_then(|view| text::write(view, format)) {
            attribute(out, member.wire_name(), &value);
        }
    }
    out.push('>');
}

/// Appends ` name="value"`.
pub fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

/// Appends `<name>text</name>`.
pub fn leaf(out: &mut String, name: &str, text: &str) {
    open(out, name);
    escape(out, text);
    close(out, name);
}

/// Appends `<name>`.
pub fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

/// Appends `</name>`.
pub fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends the text with what XML reserves escaped. Characters that no XML 1.0 document may hold become U+FFFD, for a
/// client's parser would refuse the whole answer because of one.
pub fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) =
        rest.find(|c: char| matches!(c, '&' | '<' | '>' | '"' | '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
    {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            // Kept from attribute normalization and line-end normalization.
            Some('\t') => out.push_str("&#x9;"),
            Some('\n') => out.push_str("&#xA;"),
            Some('\r') => out.push_str("&#xD;"),
            _ => out.push('\u{fffd}'),
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

/// Appends a whole element for a structure; `namespace` stands in for that of its schema.
pub fn structure(out: &mut String, name: &str, structure: &dyn Structure, namespace: Option<&str>) {
    open_structure(out, name, structure, namespace);
    members(out, structure);
    close(out, name);
}

/// Appends the members that belong in the body and are present.
pub fn members(out: &mut String, structure: &dyn Structure) {
    members_that(out, structure, |member| member.location == Location::Body);
}

/// Appends the members that `wanted` picks and that are present.
pub fn members_that(out: &mut String, structure: &dyn Structure, wanted: impl Fn(&Member) -> bool) {
    for (index, member) in structure.schema().members.iter().enumerate() {
        if member.xml_attribute || !wanted(member) {
            continue;
        }
        if let Some(view) = structure.get(index) {
            self::member(out, member, view);
        }
    }
}

/// Whether the schema has members that belong in the body.
pub fn has_body(schema: &Schema) -> bool {
    schema.members.iter().any(|member| member.location == Location::Body)
}

fn member(out: &mut String, member: &Member, view: View<'_>) {
    match (view, &member.shape.kind) {
        (View::List(list), Kind::List(element)) if member.flattened => {
            let name = flattened_name(member, element);
            for view in (0..list.len()).filter_map(|index| list.get(index)) {
                value(
                    out,
                    name,
                    element.shape,
                    view,
                    text::shape_format(element.shape, TimestampFormat::Iso8601),
                    None,
                );
            }
        }
        (View::Map(map), Kind::Map(..)) if member.flattened => {
            entries(out, member.query_name(), member.shape, map);
        }
        (view, _) => {
            let format = text::member_format(member, TimestampFormat::Iso8601);
            value(out, member.wire_name(), member.shape, view, format, member.xml_namespace);
        }
    }
}

fn value(
    out: &mut String,
    name: &str,
    shape: &Shape,
    view: View<'_>,
    format: TimestampFormat,
    namespace: Option<&str>,
) {
    match (view, &shape.kind) {
        (View::Structure(value), _) => structure(out, name, value, namespace),
        (View::List(list), Kind::List(element)) => {
            open(out, name);
            let format =
                element.timestamp_format.unwrap_or_else(|| text::shape_format(element.shape, TimestampFormat::Iso8601));
            for view in (0..list.len()).filter_map(|index| list.get(index)) {
                value(out, element.wire_name.unwrap_or("member"), element.shape, view, format, None);
            }
            close(out, name);
        }
        (View::Map(map), Kind::Map(..)) => {
            open(out, name);
            entries(out, "entry", shape, map);
            close(out, name);
        }
        (View::String(text), _) => leaf(out, name, text),
        (view, _) => {
            if let Some(text) = text::write(view, format) {
                leaf(out, name, &text);
            }
        }
    }
}

fn entries(out: &mut String, name: &str, shape: &Shape, map: &dyn MapView) {
    let Kind::Map(key, element) = &shape.kind else { return };
    let format =
        element.timestamp_format.unwrap_or_else(|| text::shape_format(element.shape, TimestampFormat::Iso8601));
    map.each(&mut |text, view| {
        open(out, name);
        leaf(out, key.wire_name.unwrap_or("key"), text);
        value(out, element.wire_name.unwrap_or("value"), element.shape, view, format, None);
        close(out, name);
    });
}
