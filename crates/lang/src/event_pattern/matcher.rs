//! Many patterns at once: an event is walked once, whatever their number.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::arrays::have_common_choice;
use super::walk::{Element, Wanted, walk};
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
    /// By the number of a path.
    paths: Vec<AtPath>,
    terms: Vec<Term>,
    combinations: Vec<Wants>,
    /// The terms that hold without a leaf.
    optional: Vec<usize>,
}

/// The terms of a path.
#[derive(Debug, Default)]
struct AtPath {
    /// Those that hold for a text, by the text.
    texts: HashMap<Box<str>, Vec<usize>>,
    /// The others, with what a leaf must be like.
    tests: Vec<(Test, usize)>,
}

#[derive(Debug)]
struct Term {
    path: usize,
    alternatives: Arc<Alternatives>,
    /// The combinations that want it.
    combinations: Vec<usize>,
}

#[derive(Debug)]
struct Wants {
    number: u32,
    terms: Vec<usize>,
}

/// The leaves of an event for which a term holds.
#[derive(Debug, Default)]
struct Found {
    /// Whether one of them lies in no array, or none is needed.
    is_free: bool,
    places: Vec<Box<[Element]>>,
}

impl Program {
    /// The program of patterns, each with the number of who wants it.
    pub(super) fn new<'p>(patterns: impl IntoIterator<Item = (u32, &'p [Combination])>) -> Program {
        let mut program = Program::default();
        // Rules of one bus often ask for the same source.
        let mut same: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, combinations) in patterns {
            for combination in combinations {
                let index = program.combinations.len();
                let terms = combination.iter().map(|(path, list)| program.term(path, list, &mut same)).collect();
                let wants = Wants { number, terms };
                for term in &wants.terms {
                    if let Some(term) = program.terms.get_mut(*term) {
                        term.combinations.push(index);
                    }
                }
                program.combinations.push(wants);
            }
        }
        program
    }

    /// The number of a term.
    fn term(&mut self, path: &str, list: &Arc<Alternatives>, same: &mut HashMap<usize, Vec<usize>>) -> usize {
        let path = self.wanted.add(path);
        self.paths.resize_with(self.wanted.len(), AtPath::default);
        let known = same.entry(path).or_default();
        let is_same = |term: &&usize| self.terms.get(**term).is_some_and(|term| term.alternatives == *list);
        if let Some(term) = known.iter().find(is_same) {
            return *term;
        }
        let number = self.terms.len();
        known.push(number);
        self.terms.push(Term { path, alternatives: list.clone(), combinations: Vec::new() });
        if list.may_be_absent {
            self.optional.push(number);
        }
        if let Some(at) = self.paths.get_mut(path) {
            for test in &list.matchers {
                match test {
                    Test::Like(Matcher::Equals(Literal::String(text))) => {
                        at.texts.entry_ref(text.as_str()).or_default().push(number);
                    }
                    test => at.tests.push((test.clone(), number)),
                }
            }
        }
        number
    }

    /// The numbers whose patterns match.
    pub(super) fn matching(&self, event: &[u8]) -> Vec<u32> {
        let mut found: HashMap<usize, Found> = HashMap::new();
        let mut paths_seen: HashSet<usize> = HashSet::new();
        let mut visit = |path: usize, leaf: Leaf<'_>, elements: &[Element]| {
            paths_seen.insert(path);
            let Some(at) = self.paths.get(path) else { return };
            let mut hold = |term: usize| {
                let found = found.entry(term).or_default();
                match elements.is_empty() {
                    true => found.is_free = true,
                    false => found.places.push(elements.into()),
                }
            };
            if let Leaf::String(text) = leaf
                && let Some(terms) = at.texts.get(text)
            {
                terms.iter().for_each(|term| hold(*term));
            }
            at.tests.iter().filter(|(test, _)| test.holds(leaf)).for_each(|(_, term)| hold(*term));
        };
        if walk(event, &self.wanted, &mut visit).is_none() {
            return Vec::new();
        }
        for number in &self.optional {
            if self.terms.get(*number).is_some_and(|term| !paths_seen.contains(&term.path)) {
                found.entry(*number).or_default().is_free = true;
            }
        }
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for term in found.keys().filter_map(|term| self.terms.get(*term)) {
            term.combinations.iter().for_each(|combination| *counts.entry(*combination).or_default() += 1);
        }
        let holds = |(combination, count): (usize, usize)| {
            let wants = self.combinations.get(combination)?;
            (count == wants.terms.len() && wants.can_choose(&found)).then_some(wants.number)
        };
        let mut matching: Vec<u32> = counts.into_iter().filter_map(holds).collect();
        matching.sort_unstable();
        matching.dedup();
        matching
    }
}

impl Wants {
    /// Whether leaves can be chosen for all terms, each of which has one.
    fn can_choose(&self, found: &HashMap<usize, Found>) -> bool {
        let bound = self.terms.iter().filter_map(|term| found.get(term)).filter(|found| !found.is_free);
        let places: Vec<&[Box<[Element]>]> = bound.map(|found| found.places.as_slice()).collect();
        // One alone is not in anybody's way.
        places.len() < 2 || have_common_choice(&places)
    }
}
