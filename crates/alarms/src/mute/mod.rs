//! Mute rules: whose actions are muted, and what is owed afterwards.

pub(crate) mod api;
mod muting;
pub(crate) mod rules;
pub mod state;
