//! Many patterns at once: an event is walked once, whatever their number, and of the combinations only those are looked at closely
//! that have, or need no, text which the event has.

use std::cell::OnceCell;
use std::sync::Arc;

use hashbrown::HashMap;

use super::arrays::have_common_choice;
use super::walk::{Element, Kept, Wanted, walk};
use super::{Alternatives, Combination, EventPattern, Test};
use crate::filter_policy::leaf::{Leaf, Literal, Matcher};

/// Patterns by the numbers of who wants to know. Building one costs about as much as parsing the patterns did.
#[derive(Debug, Default)]
pub struct EventMatcher(Program);

impl EventMatcher {
    /// The matcher of these patterns. A number may have several: one that matches is enough.
    pub fn new(patterns: impl IntoIterator<Item = (u32, EventPattern)>) -> EventMatcher {
        let patterns: Vec<(u32, EventPattern)> = patterns.into_iter().collect();
        EventMatcher(Program::new(patterns.iter().map(|(number, pattern)| (*number, &*pattern.combinations))))
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.0.combinations.is_empty()
    }

    /// The numbers whose patterns match, ascending. What is no JSON object matches none.
    pub fn matching(&self, event: &[u8]) -> Vec<u32> {
        self.0.matching(event)
    }
}

/// What is looked for in an event.
#[derive(Debug, Default)]
pub(super) struct Program {
    wanted: Wanted,
    terms: Vec<Term>,
    combinations: Vec<Wants>,
    /// By the number of a path, the combinations that need one of some texts there, by each of them.
    by_text: Vec<HashMap<Box<str>, Vec<usize>>>,
    /// The others.
    unanchored: Vec<usize>,
}

#[derive(Debug)]
struct Term {
    path: usize,
    alternatives: Arc<Alternatives>,
}

#[derive(Debug)]
struct Wants {
    number: u32,
    terms: Vec<usize>,
}

/// The leaves of an event for which a term holds.
#[derive(Debug)]
enum Found<'l> {
    Nothing,
    /// One of them lies in no array, or none is needed.
    Free,
    /// Where they lie.
    Places(Vec<&'l [Element]>),
}

impl Program {
    /// The program of patterns, each with the number of who wants it.
    pub(super) fn new<'p>(patterns: impl IntoIterator<Item = (u32, &'p [Combination])>) -> Program {
        let mut program = Program::default();
        // Rules of one bus often ask for the same source.
        let mut same: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, combinations) in patterns {
            for combination in combinations {
                let terms = combination.iter().map(|(path, list)| program.term(path, list, &mut same)).collect();
                program.combinations.push(Wants { number, terms });
            }
        }
        program.anchor();
        program
    }

    /// The number of a term.
    fn term(&mut self, path: &str, list: &Arc<Alternatives>, same: &mut HashMap<usize, Vec<usize>>) -> usize {
        let path = self.wanted.add(path);
        let known = same.entry(path).or_default();
        let is_same = |term: &&usize| self.terms.get(**term).is_some_and(|term| term.alternatives == *list);
        if let Some(term) = known.iter().find(is_same) {
            return *term;
        }
        let number = self.terms.len();
        known.push(number);
        self.terms.push(Term { path, alternatives: list.clone() });
        number
    }

    /// Puts each combination below the texts of that of its terms which the fewest others have.
    fn anchor(&mut self) {
        let mut sharers = vec![0_usize; self.terms.len()];
        for term in self.combinations.iter().flat_map(|wants| &wants.terms) {
            if let Some(count) = sharers.get_mut(*term) {
                *count += 1;
            }
        }
        self.by_text.resize_with(self.wanted.len(), HashMap::new);
        for (index, wants) in self.combinations.iter().enumerate() {
            let anchors = wants.terms.iter().filter_map(|number| {
                let term = self.terms.get(*number)?;
                Some((sharers.get(*number)?, term.path, term.alternatives.texts()?))
            });
            let Some((_, path, texts)) = anchors.min_by_key(|(sharers, ..)| **sharers) else {
                self.unanchored.push(index);
                continue;
            };
            if let Some(by_text) = self.by_text.get_mut(path) {
                texts.iter().for_each(|text| by_text.entry_ref(*text).or_default().push(index));
            }
        }
    }

    /// The numbers whose patterns match.
    pub(super) fn matching(&self, event: &[u8]) -> Vec<u32> {
        let Some(leaves) = walk(event, &self.wanted) else { return Vec::new() };
        let mut candidates = self.unanchored.clone();
        for (by_text, leaves) in self.by_text.iter().zip(&leaves).filter(|(by_text, _)| !by_text.is_empty()) {
            for leaf in leaves {
                if let Leaf::String(text) = leaf.leaf()
                    && let Some(anchored) = by_text.get(text)
                {
                    candidates.extend(anchored);
                }
            }
        }
        // What a term finds is looked for when it is asked for, and once.
        let mut found: Vec<OnceCell<Found<'_>>> = Vec::new();
        found.resize_with(self.terms.len(), OnceCell::new);
        let find = |number: &usize| {
            let term = self.terms.get(*number)?;
            Some(found.get(*number)?.get_or_init(|| term.find(leaves.get(term.path).map_or(&[], Vec::as_slice))))
        };
        let matches = |index: usize| {
            let wants = self.combinations.get(index)?;
            let mut places: Vec<&[&[Element]]> = Vec::new();
            for number in &wants.terms {
                match find(number)? {
                    Found::Nothing => return None,
                    Found::Free => {}
                    Found::Places(found) => places.push(found),
                }
            }
            // One alone is not in anybody's way.
            (places.len() < 2 || have_common_choice(&places)).then_some(wants.number)
        };
        let mut matching: Vec<u32> = candidates.into_iter().filter_map(matches).collect();
        matching.sort_unstable();
        matching.dedup();
        matching
    }
}

impl Term {
    fn find<'l>(&self, leaves: &'l [Kept<'_>]) -> Found<'l> {
        if leaves.is_empty() {
            return if self.alternatives.may_be_absent { Found::Free } else { Found::Nothing };
        }
        let holds = |leaf: &&Kept<'_>| self.alternatives.matchers.iter().any(|test| test.holds(leaf.leaf()));
        let mut places = Vec::new();
        for leaf in leaves.iter().filter(holds) {
            if leaf.elements.is_empty() {
                return Found::Free;
            }
            places.push(&*leaf.elements);
        }
        if places.is_empty() { Found::Nothing } else { Found::Places(places) }
    }
}

impl Alternatives {
    /// The texts of which a leaf must be one; none if it may be anything else, too.
    fn texts(&self) -> Option<Vec<&str>> {
        fn text(test: &Test) -> Option<&str> {
            match test {
                Test::Like(Matcher::Equals(Literal::String(text))) => Some(text.as_str()),
                Test::Like(_) | Test::Anything => None,
            }
        }
        let texts = self.matchers.iter().map(text).collect();
        if self.may_be_absent { None } else { texts }
    }
}
