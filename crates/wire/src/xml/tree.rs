//! A document as a tree. Documents are small (configurations, answers of one page), and a tree lets entries of a flattened
//! list stand apart and members come in any order.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::text::Malformed;

/// Deepest nesting of elements. The deepest AWS document has about 12 levels; a reader of the tree recurses this far.
const DEPTH_MAX: usize = 64;
/// Most elements of a document; a page of S3's ListObjectVersions with all fields has about 15,000.
const ELEMENTS_MAX: usize = 1_000_000;

/// An element.
#[derive(Debug, Default)]
pub struct Node {
    /// Its name without the namespace's prefix.
    pub name: String,
    /// Its attributes, names with their prefix.
    pub attributes: Vec<(String, String)>,
    /// Its text, without that of its children.
    pub text: String,
    /// Its child elements.
    pub children: Vec<Node>,
}

impl Node {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// Parses a document and returns its root element.
///
/// # Errors
/// If the document is not well-formed, declares entities, or exceeds the limits on nesting and elements.
pub fn parse(document: &[u8]) -> Result<Node, Malformed> {
    let text = std::str::from_utf8(document).map_err(|_| malformed("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    let mut elements = 0_usize;
    loop {
        let event = reader.read_event().map_err(malformed)?;
        let closed = match event {
            Event::Start(start) => {
                elements += 1;
                if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX || root.is_some() {
                    return Err(malformed("too many or too deeply nested elements"));
                }
                open.push(element(&start)?);
                None
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX || root.is_some() {
                    return Err(malformed("too many elements"));
                }
                Some(element(&start)?)
            }
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                let text = text.xml10_content();
                match open.last_mut() {
                    Some(node) => node.text.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => return Err(malformed("text outside of the root element")),
                }
                None
            }
            Event::CData(text) => {
                open.last_mut()
                    .ok_or_else(|| malformed("text outside of the root element"))?
                    .text
                    .push_str(&text.xml10_content());
                None
            }
            Event::GeneralRef(reference) => {
                let node = open.last_mut().ok_or_else(|| malformed("text outside of the root element"))?;
                let resolved = match reference.resolve_char_ref().map_err(malformed)? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or_else(|| malformed("an unknown entity"))?
                        .to_owned(),
                };
                node.text.push_str(&resolved);
                None
            }
            Event::DocType(_) => return Err(malformed("document type declarations are not accepted")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => None,
            Event::Eof => break,
        };
        if let Some(node) = closed {
            match open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => root = Some(node),
            }
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(malformed("it ends within an element")),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Node, Malformed> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(malformed)?;
        let value = quick_xml::escape::unescape(&attribute.value).map_err(malformed)?;
        attributes.push((attribute.key.0.to_owned(), value.into_owned()));
    }
    Ok(Node { name: start.local_name().into_inner().to_owned(), attributes, ..Node::default() })
}

fn malformed(why: impl std::fmt::Display) -> Malformed {
    Malformed(format!("The XML you provided was not well-formed: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tree_has_names_texts_and_attributes() {
        let root = parse(
            b"<?xml version=\"1.0\"?>\n<a xmlns:x='u' x:t='1 &lt; 2'><!-- no --><x:b> 1 &amp;&#x41;<![CDATA[<c>]]></x:b><d/></a>\n",
        )
        .unwrap();
        assert_eq!(root.name, "a");
        assert_eq!(root.attributes, [("xmlns:x".to_owned(), "u".to_owned()), ("x:t".to_owned(), "1 < 2".to_owned())]);
        assert_eq!(root.child_text("b"), Some(" 1 &A<c>"));
        assert_eq!(root.child_text("d"), Some(""));
        assert!(root.child("c").is_none());
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(DEPTH_MAX + 1), "</a>".repeat(DEPTH_MAX + 1));
        for document in [
            "",
            " ",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "</a>",
            "<a>&bomb;</a>",
            "<a b=c/>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
            "<a>&#x110000;</a>",
            &deep,
        ] {
            assert!(parse(document.as_bytes()).is_err(), "{document}");
        }
        assert!(parse(b"<a>\xff</a>").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text in "[<>/a&;#x0-9!\\[\\]\"'= -]{0,40}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
