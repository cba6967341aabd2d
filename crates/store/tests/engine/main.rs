//! The store as its users see it: what was acknowledged is there, once, in order, whatever happens in between.

mod damage;
mod durability;
mod encryption;
mod harness;
mod lifecycle;
mod random;
mod reading;
