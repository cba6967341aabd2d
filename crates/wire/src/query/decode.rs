//! From form parameters into a structure. The parameters are sorted by their paths, so that what belongs to one value is one
//! run of them, whatever the order they came in; the rest is a walk of the runs beside the schema.

use std::borrow::Cow;

use watchkeep_model::{Element, Kind, ListSlot, MapSlot, Member, ServiceError, Shape, Slot, Structure};

use super::form::decode_component;
use super::limits::{DEPTH_MAX, PARAMETERS_MAX};
use crate::constraints::{Missing, Seen, Step};
use crate::text::{self, Malformed};

/// Reads the parameters of a form (or of a query string) into the input of an operation. Parameters that the model does not
/// know, `Action` and `Version` among them, are passed over; of a repeated one the last counts. Required members that are
/// absent are reported to `missing`.
///
/// # Errors
/// `MalformedInput` if a value is not of its member's kind.
pub fn decode(form: &[u8], input: &mut dyn Structure, missing: &mut Missing) -> Result<(), ServiceError> {
    let text = std::str::from_utf8(form).map_err(|_| refusal(Malformed::new("The request is not UTF-8")))?;
    let mut parameters = parse(text).map_err(refusal)?;
    parameters.sort_by(|left, right| left.path.cmp(&right.path));
    Decoder { missing }.structure(Runs { parameters: &parameters, start: 0 }, input, DEPTH_MAX).map_err(refusal)
}

fn refusal(malformed: Malformed) -> ServiceError {
    ServiceError::common("SerializationException", "MalformedInput", 400, malformed.0)
}

struct Parameter<'a> {
    path: Cow<'a, str>,
    /// Still encoded.
    value: &'a str,
}

impl<'a> Parameter<'a> {
    fn value(&self) -> Result<Cow<'a, str>, Malformed> {
        decode_component(self.value).ok_or_else(|| Malformed(format!("The value of {} is not UTF-8", self.path)))
    }
}

fn parse(form: &str) -> Result<Vec<Parameter<'_>>, Malformed> {
    let mut parameters = Vec::with_capacity(form.len().min(1 << 20) / 32);
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        if parameters.len() == PARAMETERS_MAX {
            return Err(Malformed::new("The request has too many parameters"));
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let path = decode_component(key).ok_or_else(|| Malformed::new("A parameter's name is not UTF-8"))?;
        parameters.push(Parameter { path, value });
    }
    Ok(parameters)
}

/// A run of parameters whose paths have the same segment at one place.
#[derive(Clone, Copy)]
struct Run<'p> {
    segment: &'p str,
    parameters: &'p [Parameter<'p>],
    /// Where that segment ends in the paths.
    end: usize,
}

impl<'p> Run<'p> {
    /// Those whose path ends here, which come first, and those that go on.
    fn split(self) -> (&'p [Parameter<'p>], &'p [Parameter<'p>]) {
        let own = self.parameters.iter().take_while(|parameter| parameter.path.len() == self.end).count();
        self.parameters.split_at_checked(own).unwrap_or((self.parameters, &[]))
    }

    /// The runs one segment further. The value itself must have no text: an empty one is how clients send an empty list.
    fn inner(self, expected: &str) -> Result<Runs<'p>, Malformed> {
        let (own, nested) = self.split();
        match own.iter().find(|parameter| !parameter.value.is_empty()) {
            Some(parameter) => {
                Err(Malformed(format!("Value found where a {expected} was expected: {}", parameter.path)))
            }
            None => Ok(Runs { parameters: nested, start: self.end + 1 }),
        }
    }
}

/// The runs of a run, by the segment that starts at one place of their paths.
struct Runs<'p> {
    parameters: &'p [Parameter<'p>],
    start: usize,
}

impl<'p> Iterator for Runs<'p> {
    type Item = Run<'p>;

    fn next(&mut self) -> Option<Run<'p>> {
        let rest = self.parameters.first()?.path.get(self.start..)?;
        let segment = rest.split_once('.').map_or(rest, |(segment, _)| segment);
        let end = self.start + segment.len();
        let same = |parameter: &&Parameter<'p>| {
            parameter.path.get(self.start..end) == Some(segment)
                && parameter.path.as_bytes().get(end).is_none_or(|byte| *byte == b'.')
        };
        let count = self.parameters.iter().take_while(same).count();
        let (run, rest) = self.parameters.split_at_checked(count)?;
        self.parameters = rest;
        Some(Run { segment, parameters: run, end })
    }
}

struct Decoder<'m> {
    missing: &'m mut Missing,
}

impl Decoder<'_> {
    fn structure(&mut self, runs: Runs<'_>, into: &mut dyn Structure, depth: usize) -> Result<(), Malformed> {
        let depth = deeper(depth)?;
        let schema = into.schema();
        let mut seen = Seen::default();
        for run in runs {
            let found = schema.members.iter().enumerate().find(|(_, member)| name(member) == run.segment);
            let Some((index, member)) = found else { continue };
            let Some(slot) = into.slot(index) else { continue };
            seen.note(index);
            match (slot, &member.shape.kind) {
                (Slot::List(list), Kind::List(element)) if member.flattened => {
                    self.missing.enter(Step::Member(member.name));
                    self.entries(run.inner("list")?, list, element, depth)?;
                    self.missing.leave();
                }
                (Slot::Map(map), Kind::Map(key, element)) if member.flattened => {
                    self.missing.enter(Step::Member(member.name));
                    self.pairs(run.inner("map")?, map, key, element, depth)?;
                    self.missing.leave();
                }
                (slot @ (Slot::List(_) | Slot::Map(_) | Slot::Structure(_)), _) => {
                    self.missing.enter(Step::Member(member.name));
                    self.value(run, slot, member.shape, depth)?;
                    self.missing.leave();
                }
                (slot, _) => self.value(run, slot, member.shape, depth)?,
            }
        }
        self.missing.structure(schema, seen);
        Ok(())
    }

    fn value(&mut self, run: Run<'_>, slot: Slot<'_>, shape: &'static Shape, depth: usize) -> Result<(), Malformed> {
        match (slot, &shape.kind) {
            (Slot::Structure(into), _) => self.structure(run.inner("structure")?, into, depth),
            (Slot::List(list), Kind::List(element)) => {
                let name = element.wire_name.unwrap_or("member");
                let mut runs = run.inner("list")?.filter(|run| run.segment == name);
                runs.try_for_each(|run| self.entries(run.inner("list")?, list, element, depth))
            }
            (Slot::Map(map), Kind::Map(key, element)) => {
                let mut runs = run.inner("map")?.filter(|run| run.segment == "entry");
                runs.try_for_each(|run| self.pairs(run.inner("map")?, map, key, element, depth))
            }
            (slot, _) => scalar(run, slot),
        }
    }

    fn entries(
        &mut self,
        runs: Runs<'_>,
        list: &mut dyn ListSlot,
        element: &'static Element,
        depth: usize,
    ) -> Result<(), Malformed> {
        let depth = deeper(depth)?;
        self.missing.enter(Step::Entry(0));
        for run in numbered(runs)? {
            self.missing.turn_to(list.len());
            self.value(run, list.push(), element.shape, depth)?;
        }
        self.missing.leave();
        Ok(())
    }

    fn pairs(
        &mut self,
        runs: Runs<'_>,
        map: &mut dyn MapSlot,
        key: &Element,
        element: &'static Element,
        depth: usize,
    ) -> Result<(), Malformed> {
        let depth = deeper(depth)?;
        let (key_name, value_name) = (key.wire_name.unwrap_or("key"), element.wire_name.unwrap_or("value"));
        for run in numbered(runs)? {
            let mut key = String::new();
            let mut found = None;
            for part in run.inner("map")? {
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
}

fn deeper(depth: usize) -> Result<usize, Malformed> {
    depth.checked_sub(1).ok_or_else(|| Malformed::new("The request is nested too deeply"))
}

fn scalar(run: Run<'_>, slot: Slot<'_>) -> Result<(), Malformed> {
    match run.split() {
        ([.., last], _) => text::read(&last.value()?, slot).map_err(|error| at(&last.path, error)),
        ([], _) => Err(Malformed(format!("Start of structure found where not expected: {}", run.segment))),
    }
}

/// A member's name in a path. The entries of a flattened list stand under their own name, if they have one.
pub(super) fn name(member: &Member) -> &'static str {
    match &member.shape.kind {
        Kind::List(element) if member.flattened => element.wire_name.unwrap_or_else(|| member.wire_name()),
        _ => member.wire_name(),
    }
}

/// A timestamp's error names the rule alone, as AWS's does.
fn at(path: &str, error: Malformed) -> Malformed {
    if error.0.starts_with("timestamp") { error } else { Malformed(format!("{}: {path}", error.0)) }
}

/// The numbered runs in the order of their numbers, which may have gaps.
fn numbered(runs: Runs<'_>) -> Result<Vec<Run<'_>>, Malformed> {
    let mut found: Vec<(u32, Run<'_>)> = Vec::new();
    for run in runs {
        let digits = run.segment.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| run.segment.parse().ok()).flatten();
        let number = number.ok_or_else(|| {
            let segment: String = run.segment.chars().take(64).collect();
            Malformed(format!("'{segment}' found where the index of a list was expected"))
        })?;
        found.push((number, run));
    }
    found.sort_by_key(|(number, _)| *number);
    if found.windows(2).any(|pair| matches!(pair, [left, right] if left.0 == right.0)) {
        return Err(Malformed::new("An index of a list is given twice"));
    }
    Ok(found.into_iter().map(|(_, run)| run).collect())
}
