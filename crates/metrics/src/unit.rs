//! Units of metric data: `StandardUnit` of the API. Data of different units of one metric are kept apart, never converted.

use std::fmt;

use watchkeep_lang::unit::UNITS;

/// One of the 27 units: its place among [`UNITS`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit(u8);

impl Unit {
    /// The unit of data that were put without one.
    pub const NONE: Unit = Unit(26);

    /// The unit of this name; case matters.
    pub fn parse(name: &str) -> Option<Unit> {
        let index = UNITS.iter().position(|known| *known == name)?;
        u8::try_from(index).ok().map(Unit)
    }

    /// The unit of this number; `None` if there is none.
    pub(crate) fn from_code(code: u8) -> Option<Unit> {
        (usize::from(code) < UNITS.len()).then_some(Unit(code))
    }

    /// The unit's number, below 27.
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    /// The unit's name.
    pub fn name(self) -> &'static str {
        UNITS.get(usize::from(self.0)).copied().unwrap_or("None")
    }

    /// The names of all units, as messages list them.
    pub(crate) fn list() -> String {
        UNITS.join(", ")
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_round_trip() {
        for code in 0..27 {
            let unit = Unit::from_code(code).unwrap();
            assert_eq!((Unit::parse(unit.name()), unit.code()), (Some(unit), code));
        }
        assert_eq!((Unit::from_code(27), Unit::parse("seconds"), Unit::NONE.name()), (None, None, "None"));
    }
}
