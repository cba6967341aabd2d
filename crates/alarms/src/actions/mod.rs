//! What alarms do when they enter a state. Each kind of action is a line of [`KINDS`]; `outbox` carries them out. Source: "Alarm
//! actions".

mod kinds;
mod outbox;
mod repeats;

pub(crate) use kinds::{What, kind_of};
pub(crate) use outbox::{Job, Outbox};
pub(crate) use repeats::Repeats;
