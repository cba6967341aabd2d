//! The parameters as a tree of their paths' segments, whatever the order they came in. Neighbours in a form mostly share all
//! of their path but the end, so a parameter is put in from where the one before it stands.

use std::borrow::Cow;
use std::collections::HashMap;

use super::form::decode_component;
use super::limits::{NODES_MAX, PARAMETERS_MAX, SEARCHED_MAX, SEGMENTS_MAX};
use crate::text::Malformed;

/// A parameter, its name decoded, its value not yet.
pub type Parameter<'f> = (Cow<'f, str>, &'f str);

/// Splits a form.
///
/// # Errors
/// If there are too many parameters or a name is not UTF-8.
pub fn parse(form: &str) -> Result<Vec<Parameter<'_>>, Malformed> {
    let mut parameters = Vec::with_capacity(form.len().min(1 << 20) / 32);
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        if parameters.len() == PARAMETERS_MAX {
            return Err(Malformed::new("The request has too many parameters"));
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let path = decode_component(key).ok_or_else(|| Malformed::new("A parameter's name is not UTF-8"))?;
        parameters.push((path, value));
    }
    Ok(parameters)
}

/// One segment of the paths.
pub struct Node<'p> {
    /// The segment.
    pub segment: &'p str,
    /// The path up to and with it.
    pub path: &'p str,
    /// The value of the last parameter whose path ends here, still encoded.
    pub value: Option<&'p str>,
    first: u32,
    last: u32,
    /// The next of the same parent.
    next: u32,
    children: u32,
}

/// No node; the root is no one's child.
const NONE: u32 = 0;

/// The tree.
pub struct Paths<'p> {
    nodes: Vec<Node<'p>>,
    /// The children of parents that have too many to search.
    index: HashMap<(u32, &'p str), u32>,
}

impl<'p> Paths<'p> {
    /// Builds the tree.
    ///
    /// # Errors
    /// If a path has too many segments, or all together have.
    pub fn new(parameters: &'p [Parameter<'_>]) -> Result<Paths<'p>, Malformed> {
        let root = Node { segment: "", path: "", value: None, first: NONE, last: NONE, next: NONE, children: 0 };
        let mut nodes = Vec::with_capacity(parameters.len() * 2 + 1);
        nodes.push(root);
        let mut paths = Paths { nodes, index: HashMap::new() };
        // The nodes of the path before, each with the length of its path.
        let mut open: Vec<(u32, usize)> = Vec::new();
        let mut before = "";
        for (path, value) in parameters {
            let common = path.bytes().zip(before.bytes()).take_while(|(left, right)| left == right).count();
            let stands = |end: usize| end <= common && path.as_bytes().get(end).is_none_or(|byte| *byte == b'.');
            while open.last().is_some_and(|(_, end)| !stands(*end)) {
                open.pop();
            }
            let (mut node, mut end) = open.last().copied().unwrap_or((NONE, 0));
            while open.is_empty() || end < path.len() {
                let start = if open.is_empty() { 0 } else { end + 1 };
                let rest = path.get(start..).unwrap_or_default();
                end = start + rest.bytes().position(|byte| byte == b'.').unwrap_or(rest.len());
                let segment = path.get(start..end).unwrap_or_default();
                node = match paths.find(node, segment) {
                    Some(found) => found,
                    None => paths.add(node, segment, path.get(..end).unwrap_or_default())?,
                };
                if open.len() == SEGMENTS_MAX {
                    return Err(Malformed::new("The request is nested too deeply"));
                }
                open.push((node, end));
            }
            if let Some(node) = paths.nodes.get_mut(node as usize) {
                node.value = Some(value);
            }
            before = path;
        }
        Ok(paths)
    }

    /// The node above all.
    pub fn root(&self) -> Option<&Node<'p>> {
        self.nodes.first()
    }

    /// The nodes of one segment more, in the order of their first parameters.
    pub fn children<'t>(&'t self, node: &Node<'p>) -> impl Iterator<Item = &'t Node<'p>> + use<'t, 'p> {
        let at = |id: u32| if id == NONE { None } else { self.nodes.get(id as usize) };
        std::iter::successors(at(node.first), move |node| at(node.next))
    }

    fn find(&self, parent: u32, segment: &'p str) -> Option<u32> {
        let node = self.nodes.get(parent as usize)?;
        if node.children > SEARCHED_MAX {
            return self.index.get(&(parent, segment)).copied();
        }
        let mut id = node.first;
        while id != NONE {
            let child = self.nodes.get(id as usize)?;
            if child.segment == segment {
                return Some(id);
            }
            id = child.next;
        }
        None
    }

    fn add(&mut self, parent: u32, segment: &'p str, path: &'p str) -> Result<u32, Malformed> {
        let too_many = || Malformed::new("The request has too many parameters");
        if self.nodes.len() >= NODES_MAX {
            return Err(too_many());
        }
        let id = u32::try_from(self.nodes.len()).map_err(|_| too_many())?;
        self.nodes.push(Node { segment, path, value: None, first: NONE, last: NONE, next: NONE, children: 0 });
        let Some(above) = self.nodes.get_mut(parent as usize) else { return Ok(id) };
        let last = std::mem::replace(&mut above.last, id);
        above.children += 1;
        let (children, mut sibling) = (above.children, above.first);
        if last == NONE {
            above.first = id;
        } else if let Some(last) = self.nodes.get_mut(last as usize) {
            last.next = id;
        }
        if children == SEARCHED_MAX + 1 {
            while let Some(node) = self.nodes.get(sibling as usize).filter(|_| sibling != NONE) {
                self.index.insert((parent, node.segment), sibling);
                sibling = node.next;
            }
        } else if children > SEARCHED_MAX {
            self.index.insert((parent, segment), id);
        }
        Ok(id)
    }
}
