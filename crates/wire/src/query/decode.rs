//! From form parameters into a structure: a walk of the tree of their paths beside the schema.

use std::borrow::Cow;

use watchkeep_model::{Element, Kind, ListSlot, MapSlot, Member, ServiceError, Shape, Slot, Structure};

use super::form::decode_component;
use super::limits::DEPTH_MAX;
use super::paths::{Node, Paths, parse};
use crate::constraints::{Missing, Seen, Step};
use crate::text::{self, Malformed};

/// Reads the parameters of a form (or of a query string) into the input of an operation. Parameters that the model does not
/// know, `Action` and `Version` among them, are passed over; of a repeated one the last counts. Required members that are
/// absent are reported to `missing`.
///
/// # Errors
/// `MalformedInput` if a value is not of its member's kind.
pub fn decode(form: &[u8], input: &mut dyn Structure, missing: &mut Missing) -> Result<(), ServiceError> {
    read(form, input, missing)
        .map_err(|malformed| ServiceError::common("SerializationException", "MalformedInput", 400, malformed.0))
}

fn read(form: &[u8], input: &mut dyn Structure, missing: &mut Missing) -> Result<(), Malformed> {
    let text = std::str::from_utf8(form).map_err(|_| Malformed::new("The request is not UTF-8"))?;
    let parameters = parse(text)?;
    let paths = Paths::new(&parameters)?;
    match paths.root() {
        Some(root) => Decoder { paths: &paths, missing }.structure(root, input, DEPTH_MAX),
        None => Ok(()),
    }
}

struct Decoder<'t, 'm> {
    paths: &'t Paths<'t>,
    missing: &'m mut Missing,
}

impl<'t> Decoder<'t, '_> {
    fn structure(&mut self, node: &Node<'t>, into: &mut dyn Structure, depth: usize) -> Result<(), Malformed> {
        let depth = deeper(depth)?;
        no_text(node, "structure")?;
        let schema = into.schema();
        let mut seen = Seen::default();
        for child in self.paths.children(node) {
            let found = schema.members.iter().enumerate().find(|(_, member)| name(member) == child.segment);
            let Some((index, member)) = found else { continue };
            let Some(slot) = into.slot(index) else { continue };
            seen.note(index);
            if !matches!(slot, Slot::List(_) | Slot::Map(_) | Slot::Structure(_)) {
                scalar(child, slot)?;
                continue;
            }
            self.missing.enter(Step::Member(member.name));
            match (slot, &member.shape.kind) {
                (Slot::List(list), Kind::List(element)) if member.flattened => {
                    self.entries(child, list, element, depth)?;
                }
                (Slot::Map(map), Kind::Map(key, element)) if member.flattened => {
                    self.pairs(child, map, key, element, depth)?;
                }
                (slot, _) => self.value(child, slot, member.shape, depth)?,
            }
            self.missing.leave();
        }
        self.missing.structure(schema, seen);
        Ok(())
    }

    fn value(&mut self, node: &Node<'t>, slot: Slot<'_>, shape: &'static Shape, depth: usize) -> Result<(), Malformed> {
        match (slot, &shape.kind) {
            (Slot::Structure(into), _) => self.structure(node, into, depth),
            (Slot::List(list), Kind::List(element)) => {
                no_text(node, "list")?;
                let name = element.wire_name.unwrap_or("member");
                let mut found = self.paths.children(node).filter(|child| child.segment == name);
                found.try_for_each(|child| self.entries(child, list, element, depth))
            }
            (Slot::Map(map), Kind::Map(key, element)) => {
                no_text(node, "map")?;
                let mut found = self.paths.children(node).filter(|child| child.segment == "entry");
                found.try_for_each(|child| self.pairs(child, map, key, element, depth))
            }
            (slot, _) => scalar(node, slot),
        }
    }

    fn entries(
        &mut self,
        node: &Node<'t>,
        list: &mut dyn ListSlot,
        element: &'static Element,
        depth: usize,
    ) -> Result<(), Malformed> {
        let depth = deeper(depth)?;
        no_text(node, "list")?;
        self.missing.enter(Step::Entry(0));
        for entry in self.numbered(node)? {
            self.missing.turn_to(list.len());
            self.value(entry, list.push(), element.shape, depth)?;
        }
        self.missing.leave();
        Ok(())
    }

    fn pairs(
        &mut self,
        node: &Node<'t>,
        map: &mut dyn MapSlot,
        key: &Element,
        element: &'static Element,
        depth: usize,
    ) -> Result<(), Malformed> {
        let depth = deeper(depth)?;
        no_text(node, "map")?;
        let (key_name, value_name) = (key.wire_name.unwrap_or("key"), element.wire_name.unwrap_or("value"));
        for entry in self.numbered(node)? {
            no_text(entry, "map")?;
            let mut key = String::new();
            let mut found = None;
            for part in self.paths.children(entry) {
                match part.segment {
                    segment if segment == key_name => scalar(part, Slot::String(&mut key))?,
                    segment if segment == value_name => found = Some(part),
                    _ => {}
                }
            }
            self.missing.enter(Step::Key(key.clone()));
            match (found, map.insert(key)) {
                (Some(part), slot) => self.value(part, slot, element.shape, depth)?,
                (None, _) => self.missing.here(),
            }
            self.missing.leave();
        }
        Ok(())
    }

    /// The children in the order of their numbers, which may have gaps.
    fn numbered(&self, node: &Node<'t>) -> Result<Vec<&'t Node<'t>>, Malformed> {
        let mut found: Vec<(u32, &Node<'_>)> = Vec::new();
        for child in self.paths.children(node) {
            let digits = child.segment.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.then(|| child.segment.parse().ok()).flatten();
            let number = number.ok_or_else(|| {
                let segment: String = child.segment.chars().take(64).collect();
                Malformed(format!("'{segment}' found where the index of a list was expected"))
            })?;
            found.push((number, child));
        }
        if !found.is_sorted_by_key(|(number, _)| *number) {
            found.sort_by_key(|(number, _)| *number);
        }
        if found.windows(2).any(|pair| matches!(pair, [left, right] if left.0 == right.0)) {
            return Err(Malformed::new("An index of a list is given twice"));
        }
        Ok(found.into_iter().map(|(_, child)| child).collect())
    }
}

fn deeper(depth: usize) -> Result<usize, Malformed> {
    depth.checked_sub(1).ok_or_else(|| Malformed::new("The request is nested too deeply"))
}

/// What has parts must have no text itself. An empty one is how clients send an empty list.
fn no_text(node: &Node<'_>, expected: &str) -> Result<(), Malformed> {
    match node.value {
        None | Some("") => Ok(()),
        Some(_) => Err(Malformed(format!("Value found where a {expected} was expected: {}", node.path))),
    }
}

fn scalar(node: &Node<'_>, slot: Slot<'_>) -> Result<(), Malformed> {
    let Some(value) = node.value else {
        return Err(Malformed(format!("Start of structure found where not expected: {}", node.segment)));
    };
    let value: Cow<'_, str> =
        decode_component(value).ok_or_else(|| Malformed(format!("The value of {} is not UTF-8", node.path)))?;
    text::read(&value, slot).map_err(|error| at(node.path, error))
}

/// A member's name in a path. The entries of a flattened list stand under their own name, if they have one.
pub(super) fn name(member: &Member) -> &'static str {
    match &member.shape.kind {
        Kind::List(element) if member.flattened => element.wire_name.unwrap_or_else(|| member.query_name()),
        _ => member.query_name(),
    }
}

/// A timestamp's error names the rule alone, as AWS's does.
fn at(path: &str, error: Malformed) -> Malformed {
    if error.0.starts_with("timestamp") { error } else { Malformed(format!("{}: {path}", error.0)) }
}
