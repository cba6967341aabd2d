//! What the model demands of an input: required members, lengths, ranges, patterns, enumerations, and the error with which
//! each service refuses what does not meet them.
//!
//! Required members are plain fields of the generated structs, so their absence shows only while decoding: the decoders
//! report it to [`Missing`]. All else is checked afterwards by [`check`], one walk of the schema tables.

mod accepted;
mod check;
mod path;
mod pattern;
mod policy;

pub use check::{Violation, violations};
pub use path::{Path, Step, lower_first};
pub(crate) use policy::error_schema;
pub use policy::refusal;

use watchkeep_model::{Schema, ServiceError, Structure};

use crate::limits::{MEMBERS_TRACKED, VIOLATIONS_MAX};
use crate::protocol::Call;

/// Checks a decoded input: `missing` are the required members that the decoder did not meet.
///
/// # Errors
/// The service's documented error for such an input, naming every fault (up to a limit).
pub fn check(call: &Call, input: &dyn Structure, missing: Missing) -> Result<(), ServiceError> {
    let mut faults: Vec<Violation> = missing.found.into_iter().map(Violation::missing).collect();
    if faults.is_empty() {
        violations(input, &mut faults);
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(refusal(call.service, Some(call.operation), &faults)),
    }
}

/// Collects the required members that a decoder did not meet. A decoder tells it where it is (lists, maps and structures
/// only: a scalar costs nothing) and, at each structure's end, which members it [saw](Seen).
#[derive(Debug, Default)]
pub struct Missing {
    path: Path,
    found: Vec<Path>,
}

impl Missing {
    /// Enters a member, an entry or a map's value.
    pub fn enter(&mut self, step: Step) {
        self.path.push(step);
    }

    /// Turns from an entry of the list that was entered to another one.
    pub fn turn_to(&mut self, entry: usize) {
        self.path.turn_to(entry);
    }

    /// Leaves what was entered last.
    pub fn leave(&mut self) {
        self.path.pop();
    }

    /// The value at the current place is null where that is not allowed.
    pub fn here(&mut self) {
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(self.path.clone());
        }
    }

    /// This member of the structure at the current place is required and absent.
    pub fn member(&mut self, name: &'static str) {
        self.enter(Step::Member(name));
        self.here();
        self.leave();
    }

    /// Whether nothing was missing.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Reports the required members of `schema` that were not seen in the structure at the current place.
    pub fn structure(&mut self, schema: &'static Schema, seen: Seen) {
        for (index, member) in schema.members.iter().enumerate() {
            if member.required && !seen.has(index) {
                self.member(member.name);
            }
        }
    }
}

/// The members of one structure that a decoder met.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen(u128);

impl Seen {
    /// Notes the member at this index of the schema.
    pub fn note(&mut self, index: usize) {
        if index < MEMBERS_TRACKED {
            self.0 |= 1 << index;
        }
    }

    /// Whether the member was noted; always so beyond what is tracked.
    pub fn has(self, index: usize) -> bool {
        index >= MEMBERS_TRACKED || self.0 >> index & 1 == 1
    }
}
