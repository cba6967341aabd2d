//! Composite alarms: who depends on whom, and when their actions are held back.

pub(crate) mod alarm;
pub mod graph;
pub mod reason;
pub mod suppression;
