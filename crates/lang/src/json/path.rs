//! Paths into a document, and which of many a place lies on.

use super::Text;

/// A set of paths, by their places in [`Paths`].
pub(crate) type Mask = u128;

/// A step inwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of an object.
    Member(Box<str>),
    /// The element of an array, from 0.
    Element(usize),
    /// Every member of an object.
    AnyMember,
    /// Every element of an array.
    AnyElement,
}

/// Steps from the document inwards.
pub(crate) type Path = Box<[Step]>;

/// Paths, at most as many as a [`Mask`] has bits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    paths: Vec<Path>,
    /// Those that end after so many steps.
    ending: Vec<Mask>,
}

impl Paths {
    /// Adds a path; its place, or none if there are too many.
    pub(crate) fn add(&mut self, path: Path) -> Option<usize> {
        if let Some(place) = self.paths.iter().position(|known| *known == path) {
            return Some(place);
        }
        let place = self.paths.len();
        let bit = bit(place)?;
        if self.ending.len() <= path.len() {
            self.ending.resize(path.len() + 1, 0);
        }
        if let Some(ending) = self.ending.get_mut(path.len()) {
            *ending |= bit;
        }
        self.paths.push(path);
        Some(place)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.paths.len()
    }

    /// The steps of one.
    pub(crate) fn steps(&self, place: usize) -> &[Step] {
        self.paths.get(place).map_or(&[], |path| path)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Mask {
        Mask::MAX.checked_shr(Mask::BITS - self.paths.len() as u32).unwrap_or(0)
    }

    /// Those that end after `depth` steps.
    pub(super) fn ending(&self, depth: usize) -> Mask {
        self.ending.get(depth).copied().unwrap_or(0)
    }

    /// Those of `active`, which all have a step at `depth`, that go on to a member of this name.
    pub(super) fn to_member(&self, active: Mask, depth: usize, name: &Text<'_>) -> Mask {
        self.onward(active, depth, |step| match step {
            Step::Member(wanted) => name.is(wanted.as_bytes()),
            Step::AnyMember => true,
            Step::Element(_) | Step::AnyElement => false,
        })
    }

    /// Those of `active`, which all have a step at `depth`, that go on to this element.
    pub(super) fn to_element(&self, active: Mask, depth: usize, index: usize) -> Mask {
        self.onward(active, depth, |step| match step {
            Step::Element(wanted) => *wanted == index,
            Step::AnyElement => true,
            Step::Member(_) | Step::AnyMember => false,
        })
    }

    fn onward(&self, active: Mask, depth: usize, goes: impl Fn(&Step) -> bool) -> Mask {
        let goes_on = |place: &usize| self.paths.get(*place).and_then(|path| path.get(depth)).is_some_and(&goes);
        places(active).filter(goes_on).fold(0, |onward, place| onward | 1 << place)
    }
}

/// The places of a mask's paths.
pub(crate) fn places(mask: Mask) -> impl Iterator<Item = usize> {
    let mut rest = mask;
    std::iter::from_fn(move || {
        let place = (rest != 0).then(|| rest.trailing_zeros() as usize);
        rest &= rest.wrapping_sub(1);
        place
    })
}

/// The mask of one path.
fn bit(place: usize) -> Option<Mask> {
    Mask::from(1_u8).checked_shl(u32::try_from(place).ok()?)
}
