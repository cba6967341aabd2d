//! Mute rules: whose actions are muted, and what is owed afterwards.

pub mod state;
