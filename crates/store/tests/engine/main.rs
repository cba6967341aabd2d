//! The store as its users see it: what was acknowledged is there, once, in order, whatever happens in between.

mod damage;
mod durability;
mod encryption;
mod gained;
mod harness;
mod lifecycle;
#[path = "../support/owners.rs"]
mod owners;
mod random;
mod reading;
