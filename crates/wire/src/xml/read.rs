//! From a tree into the places of a structure. Elements that the model does not know are passed over.

use watchkeep_model::{Element, Kind, Location, Member, Shape, Slot, Structure};

use super::flattened_name;
use super::tree::Node;
use crate::text::{self, Malformed};

/// Reads the attributes and children of `node` into the members that belong in the body.
///
/// # Errors
/// If a text is no value of its member's kind.
pub fn structure(node: &Node, into: &mut dyn Structure) -> Result<(), Malformed> {
    let schema = into.schema();
    for (name, value) in &node.attributes {
        let position = schema.members.iter().position(|member| member.xml_attribute && member.wire_name() == name);
        if let Some(slot) = position.and_then(|index| into.slot(index)) {
            text::read(value, slot)?;
        }
    }
    for child in &node.children {
        let found = schema.members.iter().enumerate().find(|(_, member)| is_named(member, &child.name));
        let Some((index, member)) = found else { continue };
        if let Some(slot) = into.slot(index) {
            self::member(child, slot, member)?;
        }
    }
    Ok(())
}

fn is_named(member: &Member, name: &str) -> bool {
    member.location == Location::Body
        && !member.xml_attribute
        && match &member.shape.kind {
            Kind::List(element) if member.flattened => flattened_name(member, element) == name,
            _ => member.wire_name() == name,
        }
}

fn member(node: &Node, slot: Slot<'_>, member: &Member) -> Result<(), Malformed> {
    match (slot, &member.shape.kind) {
        (Slot::List(list), Kind::List(element)) if member.flattened => value(node, list.push(), element.shape),
        (Slot::Map(map), Kind::Map(key, element)) if member.flattened => entry(node, key, element, map),
        (slot, _) => value(node, slot, member.shape),
    }
}

/// Reads the content of `node` into the place of a value of this shape.
///
/// # Errors
/// If a text is no value of its kind.
pub fn value(node: &Node, slot: Slot<'_>, shape: &Shape) -> Result<(), Malformed> {
    match (slot, &shape.kind) {
        (Slot::Structure(into), _) => structure(node, into),
        (Slot::List(list), Kind::List(element)) => {
            let name = element.wire_name.unwrap_or("member");
            node.children
                .iter()
                .filter(|child| child.name == name)
                .try_for_each(|child| value(child, list.push(), element.shape))
        }
        (Slot::Map(map), Kind::Map(key, element)) => node
            .children
            .iter()
            .filter(|child| child.name == "entry")
            .try_for_each(|child| entry(child, key, element, map)),
        (slot @ Slot::String(_), _) => text::read(&node.text, slot),
        (slot, _) => text::read(node.text.trim(), slot),
    }
}

fn entry(
    node: &Node,
    key: &Element,
    element: &Element,
    map: &mut dyn watchkeep_model::MapSlot,
) -> Result<(), Malformed> {
    let key =
        node.child_text(key.wire_name.unwrap_or("key")).ok_or_else(|| Malformed::new("A map's entry has no key"))?;
    match node.child(element.wire_name.unwrap_or("value")) {
        Some(child) => value(child, map.insert(key.to_owned()), element.shape),
        None => Ok(()),
    }
}
