//! Units of metric data: `StandardUnit` of the API. Data of different units of one metric are kept apart, never converted.

use std::fmt;

/// One of the 27 units.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit(u8);

/// In the API's order.
const NAMES: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

impl Unit {
    /// The unit of data that were put without one.
    pub const NONE: Unit = Unit(26);

    /// The unit of this name; case matters.
    pub fn parse(name: &str) -> Option<Unit> {
        let index = NAMES.iter().position(|known| *known == name)?;
        u8::try_from(index).ok().map(Unit)
    }

    /// The unit of this number; `None` if there is none.
    pub(crate) fn from_code(code: u8) -> Option<Unit> {
        (usize::from(code) < NAMES.len()).then_some(Unit(code))
    }

    /// The unit's number, below 27.
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    /// The unit's name.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("None")
    }

    /// The names of all units, as messages list them.
    pub(crate) fn list() -> String {
        NAMES.join(", ")
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
