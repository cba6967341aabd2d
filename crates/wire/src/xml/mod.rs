//! XML documents from structures and back, for the awsQuery answers and restXml. Which elements stand where is told by the
//! schema tables; the protocols' own files add the frame around them.

pub mod errors;
pub mod read;
pub mod tree;
pub mod write;

use watchkeep_model::{Element, Member};

/// The namespace of an attribute or element prefix such as `xsi:`.
fn prefix(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

/// The element of a flattened list's entries: it stands in the parent, so the member may name it; else the entry does.
pub(crate) fn flattened_name(member: &Member, element: &Element) -> &'static str {
    member.query_name.or(member.wire_name).or(element.wire_name).unwrap_or(member.name)
}
