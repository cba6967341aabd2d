//! Data protection of log events: what a policy's document says, where a message holds sensitive data, and how that is masked.
//!
//! Sources: "Help protect sensitive log data with masking" of the CloudWatch Logs User Guide and its sub-pages ("Types of data that
//! you can protect", "Custom data identifiers", "Understanding data protection policies", "Audit findings reports").
//!
//! What is sensitive is said by **data identifiers**. The managed ones are a table, one row each ([`identifiers`]): what its values
//! look like, which keywords must be near, and what a value must satisfy beyond that (checksums). AWS publishes names and keywords;
//! how values look is public knowledge of each country, and its own models are not published. A [`Detector`] looks for some of them
//! at once: one pass over a message finds all keywords, and only where one is found a value is looked for.

mod checks;
mod detector;
mod escapes;
mod identifier;
mod identifiers;
mod keywords;
pub mod limits;
mod mask;
mod policy;
#[cfg(test)]
mod tests;
mod topic_policy;

pub use detector::{Detector, Finding};
pub use identifier::{Identifier, is_managed, managed_names};
pub use mask::{Masked, mask, restore};
pub use policy::{Destinations, InvalidPolicy, Policy};
pub use topic_policy::{Audit, Deed, Direction, Protection, TopicPolicy, deidentify};
