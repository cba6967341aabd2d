//! Finding sensitive data: one pass over a text finds all keywords; only near one that was found a value is looked for, and only then
//! in the form that it would have.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Regex, RegexBuilder};

use super::escapes::Unescaped;
use super::identifier::{Alone, Candidate, Form, Identifier, row};
use super::keywords::{is_word, spellings};
use super::limits::{ESCAPES_DEEP_MAX, KEYWORD_CHARS_APART_MAX, REGEX_BYTES_MAX, VALUE_BYTES_MAX};

/// Sensitive data in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of which sort: the index of the identifier among those that the detector was made with.
    pub identifier: usize,
    /// Where in the text, in bytes; never a part of a character.
    pub at: Range<usize>,
}

/// Looks for sensitive data of some sorts.
#[derive(Debug)]
pub struct Detector {
    identifiers: Vec<Compiled>,
    keywords: Option<Keywords>,
}

/// The keywords of all identifiers.
#[derive(Debug)]
struct Keywords {
    searcher: AhoCorasick,
    /// For each of its patterns, the identifiers whose keyword it is.
    owners: Vec<Vec<u32>>,
}

/// What finds the values of one identifier.
#[derive(Debug)]
struct Compiled {
    needs_keyword: bool,
    forms: Vec<CompiledForm>,
}

#[derive(Debug)]
struct CompiledForm {
    regex: Regex,
    /// The row's form; absent for a custom identifier, all of whose matches count.
    form: Option<&'static Form>,
}

/// Where a keyword of an identifier was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    identifier: u32,
    start: usize,
    end: usize,
}

impl Detector {
    /// A detector of these identifiers. `None` if a custom identifier's regular expression cannot be compiled, or is too large.
    pub fn new(identifiers: &[Identifier]) -> Option<Detector> {
        let mut words: Vec<(String, u32)> = Vec::new();
        let mut compiled = Vec::with_capacity(identifiers.len());
        for (index, identifier) in (0..).zip(identifiers) {
            compiled.push(match identifier {
                Identifier::Custom { regex, .. } => {
                    let regex = RegexBuilder::new(regex).size_limit(REGEX_BYTES_MAX).build().ok()?;
                    Compiled { needs_keyword: false, forms: vec![CompiledForm { regex, form: None }] }
                }
                Identifier::Managed(name) => {
                    let row = row(name)?;
                    for keyword in row.keywords.iter().copied().flatten() {
                        words.extend(spellings(keyword).into_iter().map(|word| (word, index)));
                    }
                    let form = |form: &'static Form| {
                        let regex = RegexBuilder::new(form.pattern).unicode(false).size_limit(REGEX_BYTES_MAX).build();
                        Some(CompiledForm { regex: regex.ok()?, form: Some(form) })
                    };
                    let forms = row.forms.iter().map(form).collect::<Option<_>>()?;
                    Compiled { needs_keyword: !row.keywords.is_empty(), forms }
                }
            });
        }
        let keywords = if words.is_empty() { None } else { Some(Keywords::new(words)?) };
        Some(Detector { identifiers: compiled, keywords })
    }

    /// All sensitive data in a text: by identifier, and for each in the order of the text, none overlapping another of its identifier.
    /// A text with escapes of JSON is read with and without them; no finding is a part of an escape.
    pub fn detect(&self, text: &str) -> Vec<Finding> {
        let mut findings = self.detect_as_written(text);
        let mut layers: Vec<Unescaped> = Unescaped::of(text).into_iter().collect();
        // A text in JSON may be JSON again: its escapes are escaped.
        while let Some(last) = layers.last()
            && layers.len() < ESCAPES_DEEP_MAX
            && let Some(next) = Unescaped::of(&last.text)
        {
            layers.push(next);
        }
        let Some(outermost) = layers.first() else { return findings };
        findings.iter_mut().for_each(|finding| finding.at = outermost.whole(&finding.at));
        for (depth, layer) in layers.iter().enumerate() {
            findings.extend(self.detect_as_written(&layer.text).into_iter().map(|Finding { identifier, at }| {
                let around = layers.iter().take(depth + 1).rev();
                Finding { identifier, at: around.fold(at, |at, layer| layer.source(&at)) }
            }));
        }
        joined(findings)
    }

    fn detect_as_written(&self, text: &str) -> Vec<Finding> {
        let hits = self.keywords.as_ref().map(|keywords| keywords.find(text)).unwrap_or_default();
        let mut rest = hits.as_slice();
        let mut findings = Vec::new();
        for (identifier, compiled) in self.identifiers.iter().enumerate() {
            let own = rest.partition_point(|hit| hit.identifier as usize <= identifier);
            let (own, others) = rest.split_at_checked(own).unwrap_or_default();
            rest = others;
            findings.extend(compiled.find(text, own).into_iter().map(|at| Finding { identifier, at }));
        }
        findings
    }
}

impl Compiled {
    /// Where values are, if these are the places of keywords; none overlaps another.
    fn find(&self, text: &str, keywords: &[Hit]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for form in &self.forms {
            if !self.needs_keyword || form.is_alone() {
                if form.may_be_in(text) {
                    form.each(text, 0..text.len(), &mut |at| {
                        found.push(at.clone());
                        true
                    });
                }
                continue;
            }
            for window in windows(text, keywords) {
                form.each(text, window, &mut |at| {
                    let counts = is_near(text, keywords, at);
                    if counts {
                        found.push(at.clone());
                    }
                    counts
                });
            }
        }
        // Two forms may find the same value, or one a part of what the other finds: the longest counts.
        found.sort_unstable_by_key(|at| (at.start, std::cmp::Reverse(at.end)));
        let mut end = 0;
        found.retain(|at| {
            let is_next = at.start >= end;
            if is_next {
                end = at.end;
            }
            is_next
        });
        found
    }
}

impl Keywords {
    fn new(mut words: Vec<(String, u32)>) -> Option<Keywords> {
        words.sort_unstable();
        words.dedup();
        let mut patterns: Vec<String> = Vec::new();
        let mut owners: Vec<Vec<u32>> = Vec::new();
        for (word, owner) in words {
            if patterns.last() != Some(&word) {
                patterns.push(word);
                owners.push(Vec::new());
            }
            if let Some(of_word) = owners.last_mut() {
                of_word.push(owner);
            }
        }
        let searcher = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&patterns)
            .ok()?;
        Some(Keywords { searcher, owners })
    }

    /// Where keywords are, by identifier.
    fn find(&self, text: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        for found in self.searcher.find_overlapping_iter(text) {
            let (start, end) = (found.start(), found.end());
            if !is_word(text, start, end) {
                continue;
            }
            let owners = self.owners.get(found.pattern().as_usize()).map(Vec::as_slice).unwrap_or_default();
            hits.extend(owners.iter().map(|&identifier| Hit { identifier, start, end }));
        }
        hits.sort_unstable();
        hits
    }
}

impl CompiledForm {
    fn is_alone(&self) -> bool {
        self.form.is_none_or(|form| matches!(form.alone, Alone::If(_)))
    }

    /// Whether a value may be in the text, as far as a quick look tells.
    fn may_be_in(&self, text: &str) -> bool {
        match self.form.map(|form| form.alone) {
            Some(Alone::If(test)) => test(text.as_bytes()),
            Some(Alone::No) | None => true,
        }
    }

    /// Hands over the values that lie in a window of the text. Where one is refused, by its check or by `take`, the next is looked
    /// for from its second character: no more are tried than the window has characters.
    fn each(&self, text: &str, window: Range<usize>, take: &mut dyn FnMut(&Range<usize>) -> bool) {
        let Some(part) = text.get(..window.end) else { return };
        let mut from = window.start;
        while let Some(found) = if from <= part.len() { self.regex.find_at(part, from) } else { None } {
            let at = found.range();
            let candidate = Candidate { text, at: at.clone() };
            let passes = self.form.is_none_or(|form| candidate.stands_alone() && (form.check)(&candidate));
            from = match !at.is_empty() && passes && take(&at) {
                true => at.end,
                false => text.ceil_char_boundary(at.start + 1),
            };
        }
    }
}

/// Findings in their order, those of an identifier that overlap as one.
fn joined(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_unstable_by_key(|finding| (finding.identifier, finding.at.start, finding.at.end));
    findings.dedup_by(|next, kept| {
        let overlap = next.identifier == kept.identifier && next.at.start < kept.at.end;
        if overlap {
            kept.at.end = kept.at.end.max(next.at.end);
        }
        overlap
    });
    findings
}

/// The parts of a text in which values may begin or end that a keyword tells of.
fn windows(text: &str, hits: &[Hit]) -> Vec<Range<usize>> {
    // A character has four bytes at most.
    const REACH: usize = 4 * KEYWORD_CHARS_APART_MAX + VALUE_BYTES_MAX;
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut hits = hits.to_vec();
    hits.sort_unstable_by_key(|hit| hit.start);
    for hit in hits {
        let start = text.floor_char_boundary(hit.start.saturating_sub(REACH));
        let end = text.ceil_char_boundary((hit.end + REACH).min(text.len()));
        match windows.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => windows.push(start..end),
        }
    }
    windows
}

/// Whether a keyword is near enough to a value, and no part of it.
fn is_near(text: &str, hits: &[Hit], at: &Range<usize>) -> bool {
    let apart = |from: usize, to: usize| {
        to - from <= 4 * KEYWORD_CHARS_APART_MAX
            && text.get(from..to).is_some_and(|between| between.chars().count() <= KEYWORD_CHARS_APART_MAX)
    };
    // Hits are by their start: those behind the value, and then those before it, from the nearest on.
    let behind = hits.partition_point(|hit| hit.start < at.end);
    let (before, after) = hits.split_at_checked(behind).unwrap_or_default();
    let reach = 4 * KEYWORD_CHARS_APART_MAX + VALUE_BYTES_MAX;
    after.first().is_some_and(|hit| apart(at.end, hit.start))
        || before
            .iter()
            .rev()
            .take_while(|hit| hit.start + reach >= at.start)
            .any(|hit| hit.end <= at.start && apart(hit.end, at.start))
}
