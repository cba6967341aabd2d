//! Patterns of JSON events: `{ $.user.id = 1 && $.errorCode = "*Unauthorized*" }`. The message as a whole must be an object.

use std::borrow::Cow;

use memchr::memmem;

use super::PatternError;
use super::comparison::Comparison;
use super::cursor::Cursor;
use super::expression::Expression;
use super::limits::{CONDITIONS_MAX, PATTERN_WILDCARDS_MAX, SEARCHED_LITERALS_MAX};
use super::reader;
use super::selector::{self, Selector};
use crate::json::{Leaf, Mask, Paths, Step, places, scan};

/// How JSON escapes a character that need not be escaped. A text without escapes of ASCII characters is spelled as it is.
pub(super) const ESCAPE: &[u8] = b"\\u00";

/// A pattern, compiled.
#[derive(Debug, Clone)]
pub(super) struct JsonPattern {
    paths: Paths,
    /// The selectors as they are written, by their paths.
    selectors: Vec<Box<str>>,
    /// Which conditions are about a path, by the path.
    conditions_of: Vec<Vec<usize>>,
    tests: Vec<(usize, Test)>,
    /// The conditions, by their places in `tests`.
    expression: Expression<usize>,
    /// One of these is in every message that matches and has no [`ESCAPE`]; empty if nothing is certain.
    searched: Vec<memmem::Finder<'static>>,
}

/// What a condition asks.
#[derive(Debug, Clone)]
enum Test {
    Compare(Comparison),
    IsNull,
    Is(bool),
    NotExists,
}

impl JsonPattern {
    /// Compiles what stands between the braces; how many regular expressions there are.
    pub(super) fn parse(inner: &str) -> Result<(JsonPattern, usize), PatternError> {
        let mut pattern = JsonPattern {
            paths: Paths::default(),
            selectors: Vec::new(),
            conditions_of: Vec::new(),
            tests: Vec::new(),
            expression: Expression::All(Vec::new()),
            searched: Vec::new(),
        };
        let (mut cursor, mut wildcards) = (Cursor::new(inner), 0);
        pattern.expression = Expression::parse(&mut cursor, &mut |cursor| {
            let selector = selector::selector(cursor)?;
            wildcards += usize::from(selector.is_wild);
            if wildcards > PATTERN_WILDCARDS_MAX {
                return Err(PatternError::TooManyWildcards);
            }
            let test = test(cursor)?;
            pattern.add_condition(selector, test)
        })?;
        cursor.blanks();
        if !cursor.rest.is_empty() {
            return Err(cursor.unexpected("&&, || or the end"));
        }
        pattern.searched = pattern.searched_literals();
        Ok((pattern, cursor.regexes))
    }

    fn add_condition(&mut self, selector: Selector<'_>, test: Test) -> Result<usize, PatternError> {
        if self.tests.len() == CONDITIONS_MAX {
            return Err(PatternError::TooManyConditions);
        }
        let path = self.add_selector(selector)?;
        let condition = self.tests.len();
        self.tests.push((path, test));
        if let Some(conditions) = self.conditions_of.get_mut(path) {
            conditions.push(condition);
        }
        Ok(condition)
    }

    /// The place of a selector's path, which may be new.
    fn add_selector(&mut self, selector: Selector<'_>) -> Result<usize, PatternError> {
        let place = self.paths.add(selector.path).ok_or(PatternError::TooManyConditions)?;
        if place == self.selectors.len() {
            self.selectors.push(selector.text.into());
            self.conditions_of.push(Vec::new());
        }
        Ok(place)
    }

    /// Adds selectors whose values are wanted; their paths' places.
    pub(super) fn add_wanted(&mut self, texts: &[&str]) -> Result<Vec<usize>, PatternError> {
        texts.iter().map(|text| selector::whole(text).and_then(|selector| self.add_selector(selector))).collect()
    }

    pub(super) fn matches(&self, message: &[u8]) -> bool {
        self.run(message, &mut |_, _| {}).is_some()
    }

    /// The selectors and the values that they select in a message that matches.
    pub(super) fn extract(&self, message: &[u8]) -> Option<Vec<(String, String)>> {
        let values = self.values(message)?;
        let named = self.selectors.iter().zip(values);
        Some(
            named
                .filter_map(|(selector, value)| Some((selector.to_string(), reader::text(value?).into_owned())))
                .collect(),
        )
    }

    /// The value of every path in a message that matches: of the first place with one that the path leads to.
    pub(super) fn values<'m>(&self, message: &'m [u8]) -> Option<Vec<Option<Cow<'m, [u8]>>>> {
        let mut leaves = vec![None; self.paths.len()];
        self.run(message, &mut |mask, leaf| {
            if matches!(leaf, Leaf::Container | Leaf::Null) {
                return;
            }
            for path in places(mask) {
                if let Some(place) = leaves.get_mut(path) {
                    place.get_or_insert(leaf);
                }
            }
        })?;
        Some(leaves.into_iter().map(|leaf| leaf.and_then(text)).collect())
    }

    /// Looks at a message once; none if it does not match.
    fn run<'m>(&self, message: &'m [u8], visit: &mut dyn FnMut(Mask, Leaf<'m>)) -> Option<()> {
        if !self.may_match(message) {
            return None;
        }
        let (mut held, mut seen): (u128, Mask) = (0, 0);
        scan(message, &self.paths, &mut |mask, leaf| {
            seen |= mask;
            for path in places(mask) {
                for &condition in self.conditions_of.get(path).into_iter().flatten() {
                    let is_open = held >> condition & 1 == 0;
                    if is_open && self.tests.get(condition).is_some_and(|(_, test)| test.holds(&leaf)) {
                        held |= 1 << condition;
                    }
                }
            }
            visit(mask, leaf);
        })?;
        let matches = self.expression.holds(&mut |&condition| match self.tests.get(condition) {
            Some((path, Test::NotExists)) => seen >> path & 1 == 0,
            _ => held >> condition & 1 == 1,
        });
        matches.then_some(())
    }

    /// Whether what is searched is there; most messages that do not match are told by this alone.
    fn may_match(&self, message: &[u8]) -> bool {
        self.searched.is_empty()
            || self.searched.iter().any(|finder| finder.find(message).is_some())
            || memmem::find(message, ESCAPE).is_some()
    }

    /// Literals that every message has that matches, and in which no ASCII character is escaped that need not be.
    pub(super) fn required_literals(&self) -> Vec<Vec<u8>> {
        let mut literals = Vec::new();
        self.expression.required(&mut |&condition| {
            let Some((path, test)) = self.tests.get(condition) else { return };
            match test {
                Test::NotExists => return,
                Test::Compare(comparison) => {
                    literals.extend(comparison.certain().into_iter().flat_map(spelled).map(<[u8]>::to_vec));
                }
                Test::IsNull => literals.push(b"null".to_vec()),
                Test::Is(true) => literals.push(b"true".to_vec()),
                Test::Is(false) => literals.push(b"false".to_vec()),
            }
            for step in self.paths.steps(*path) {
                if let Step::Member(name) = step {
                    literals.extend(spelled(name.as_bytes()).map(<[u8]>::to_vec));
                }
            }
        });
        literals.sort_unstable();
        literals.dedup();
        literals
    }

    fn searched_literals(&self) -> Vec<memmem::Finder<'static>> {
        let literal = |condition: &usize| match self.tests.get(*condition) {
            Some((_, Test::Compare(comparison))) => spelled(comparison.certain()?).max_by_key(|literal| literal.len()),
            _ => None,
        };
        let literals = self.expression.one_of(&literal).unwrap_or_default();
        if literals.len() > SEARCHED_LITERALS_MAX || literals.iter().any(|literal| literal.is_empty()) {
            return Vec::new();
        }
        literals.into_iter().map(|literal| memmem::Finder::new(literal).into_owned()).collect()
    }
}

impl Test {
    fn holds(&self, leaf: &Leaf<'_>) -> bool {
        match (self, leaf) {
            (Test::Compare(comparison), Leaf::String(text)) => comparison.holds(&text.bytes(), || None),
            (Test::Compare(comparison), Leaf::Number(number)) => comparison.holds(number, || parsed(number)),
            (Test::Compare(comparison), Leaf::Boolean(value)) => comparison.holds(word(*value), || None),
            (Test::IsNull, Leaf::Null) => true,
            (Test::Is(wanted), Leaf::Boolean(value)) => wanted == value,
            // An object, an array and null are equal to nothing, and unequal to nothing.
            _ => false,
        }
    }
}

/// Reads what a condition asks of its selector.
fn test(cursor: &mut Cursor<'_>) -> Result<Test, PatternError> {
    if let Some(comparison) = cursor.comparison()? {
        return Ok(Test::Compare(comparison));
    }
    cursor.blanks();
    match cursor.take(char::is_alphanumeric) {
        "IS" => {
            cursor.blanks();
            match cursor.take(char::is_alphanumeric) {
                "NULL" => Ok(Test::IsNull),
                "TRUE" => Ok(Test::Is(true)),
                "FALSE" => Ok(Test::Is(false)),
                _ => Err(cursor.unexpected("NULL, TRUE or FALSE")),
            }
        }
        "NOT" => {
            cursor.blanks();
            match cursor.take(char::is_alphanumeric) {
                "EXISTS" => Ok(Test::NotExists),
                _ => Err(cursor.unexpected("EXISTS")),
            }
        }
        _ => Err(cursor.unexpected("an operator")),
    }
}

fn parsed(number: &[u8]) -> Option<f64> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn word(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

fn text(leaf: Leaf<'_>) -> Option<Cow<'_, [u8]>> {
    match leaf {
        Leaf::String(text) => Some(text.bytes()),
        Leaf::Number(number) => Some(Cow::Borrowed(number)),
        Leaf::Boolean(value) => Some(Cow::Borrowed(word(value))),
        Leaf::Null | Leaf::Container => None,
    }
}

/// The pieces of a text that JSON spells only as they are, or with [`ESCAPE`]: not what may be escaped otherwise.
fn spelled(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pieces = text.split(|byte| !(0x20..0x7f).contains(byte) || matches!(byte, b'"' | b'\\' | b'/'));
    pieces.filter(|piece| !piece.is_empty())
}
