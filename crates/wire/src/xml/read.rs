//! From a tree into the places of a structure. Elements that the model does not know are passed over.

use watchkeep_model::{Element, Kind, ListSlot, Location, MapSlot, Member, Shape, Slot, Structure};

use super::flattened_name;
use super::tree::Node;
use crate::constraints::{Missing, Seen, Step};
use crate::text::{self, Malformed};

/// Reads the attributes and children of `node` into the members that belong in the body; reports those of them that are
/// required and absent.
///
/// # Errors
/// If a text is no value of its member's kind.
pub fn structure(node: &Node, into: &mut dyn Structure, missing: &mut Missing) -> Result<(), Malformed> {
    let schema = into.schema();
    let mut seen = Seen::default();
    for (name, value) in &node.attributes {
        let found = schema.members.iter().position(|member| member.xml_attribute && member.wire_name() == name);
        let Some(index) = found else { continue };
        if let Some(slot) = into.slot(index) {
            text::read(value, slot)?;
            seen.note(index);
        }
    }
    for child in &node.children {
        let found = schema.members.iter().enumerate().find(|(_, member)| is_named(member, &child.name));
        let Some((index, member)) = found else { continue };
        if let Some(slot) = into.slot(index) {
            seen.note(index);
            missing.enter(Step::Member(member.name));
            self::member(child, slot, member, missing)?;
            missing.leave();
        }
    }
    for (index, member) in schema.members.iter().enumerate() {
        if member.required && member.location == Location::Body && !seen.has(index) {
            missing.member(member.name);
        }
    }
    Ok(())
}

fn is_named(member: &Member, name: &str) -> bool {
    member.location == Location::Body
        && !member.xml_attribute
        && match &member.shape.kind {
            Kind::List(element) if member.flattened => flattened_name(member, element) == name,
            _ => member.query_name() == name,
        }
}

fn member(node: &Node, slot: Slot<'_>, member: &'static Member, missing: &mut Missing) -> Result<(), Malformed> {
    match (slot, &member.shape.kind) {
        (Slot::List(list), Kind::List(element)) if member.flattened => entry(node, list, element, missing),
        (Slot::Map(map), Kind::Map(key, element)) if member.flattened => pair(node, key, element, map, missing),
        (slot, _) => value(node, slot, member.shape, missing),
    }
}

fn value(node: &Node, slot: Slot<'_>, shape: &'static Shape, missing: &mut Missing) -> Result<(), Malformed> {
    match (slot, &shape.kind) {
        (Slot::Structure(into), _) => structure(node, into, missing),
        (Slot::List(list), Kind::List(element)) => {
            let name = element.wire_name.unwrap_or("member");
            let mut entries = node.children.iter().filter(|child| child.name == name);
            entries.try_for_each(|child| entry(child, list, element, missing))
        }
        (Slot::Map(map), Kind::Map(key, element)) => {
            let mut entries = node.children.iter().filter(|child| child.name == "entry");
            entries.try_for_each(|child| pair(child, key, element, map, missing))
        }
        (slot @ Slot::String(_), _) => text::read(&node.text, slot),
        (slot, _) => text::read(node.text.trim(), slot),
    }
}

fn entry(
    node: &Node,
    list: &mut dyn ListSlot,
    element: &'static Element,
    missing: &mut Missing,
) -> Result<(), Malformed> {
    missing.enter(Step::Entry(list.len()));
    value(node, list.push(), element.shape, missing)?;
    missing.leave();
    Ok(())
}

fn pair(
    node: &Node,
    key: &Element,
    element: &'static Element,
    map: &mut dyn MapSlot,
    missing: &mut Missing,
) -> Result<(), Malformed> {
    let key = node.child_text(key.wire_name.unwrap_or("key"));
    let key = key.ok_or_else(|| Malformed::new("A map's entry has no key"))?.to_owned();
    let Some(child) = node.child(element.wire_name.unwrap_or("value")) else { return Ok(()) };
    missing.enter(Step::Key(key.clone()));
    value(child, map.insert(key), element.shape, missing)?;
    missing.leave();
    Ok(())
}
