//! One field of a cron expression.

/// A field: which values it takes, and how it calls them.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What its values are, in errors.
    pub name: &'static str,
    /// The lowest value.
    pub lowest: u32,
    /// The highest, less than 256 above the lowest.
    pub highest: u32,
    /// Other names of values. A name may have several values: as the end of a range it is the first that is not before the start.
    pub names: &'static [(&'static str, u32)],
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at position {position}")]
pub struct FieldError {
    /// Where, in characters of the field, counted from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: FieldProblem,
}

/// See [`FieldError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// This is no value of the field.
    #[error("'{text}' is no {} from {} to {}", field.name, field.lowest, field.highest)]
    Value {
        /// What stands there.
        text: String,
        /// The field.
        field: &'static Field,
    },
    /// This range would end before it starts.
    #[error("the range '{0}' ends before it starts")]
    Backwards(String),
}

/// The values that a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Values {
    /// A bit each, from the lowest on.
    bits: [u64; WORDS],
    lowest: u32,
    highest: u32,
    has_star: bool,
}

/// Enough for 256 values: the years of EventBridge's dialect are 230.
const WORDS: usize = 4;

pub(crate) const MINUTES: Field = Field { name: "minute", lowest: 0, highest: 59, names: &[] };
pub(crate) const HOURS: Field = Field { name: "hour", lowest: 0, highest: 23, names: &[] };
pub(crate) const DAYS_OF_MONTH: Field = Field { name: "day of the month", lowest: 1, highest: 31, names: &[] };
pub(crate) const MONTHS: Field = Field {
    name: "month",
    lowest: 1,
    highest: 12,
    names: &[
        ("JAN", 1),
        ("FEB", 2),
        ("MAR", 3),
        ("APR", 4),
        ("MAY", 5),
        ("JUN", 6),
        ("JUL", 7),
        ("AUG", 8),
        ("SEP", 9),
        ("OCT", 10),
        ("NOV", 11),
        ("DEC", 12),
    ],
};

impl Field {
    /// Reads a list of values and ranges, as `1,5-7`, or `*`.
    pub(crate) fn parse(&'static self, text: &str) -> Result<Values, FieldError> {
        let mut values = Values::none(self);
        let mut position = 1;
        for item in text.split(',') {
            let at = |problem| FieldError { position, problem };
            if item == "*" {
                values.has_star = true;
                values.add(self.lowest, self.highest);
            } else if let Some((start, end)) = item.split_once('-') {
                let first = self.value(start, self.lowest).ok_or_else(|| at(self.no_value(start)))?;
                let last = self.value(end, first).or_else(|| self.value(end, self.lowest));
                let last = last.ok_or_else(|| at(self.no_value(end)))?;
                if last < first {
                    return Err(at(FieldProblem::Backwards(item.to_owned())));
                }
                values.add(first, last);
            } else {
                let value = self.value(item, self.lowest).ok_or_else(|| at(self.no_value(item)))?;
                values.add(value, value);
            }
            position += item.chars().count() + 1;
        }
        Ok(values)
    }

    /// The first value of this name that is not below `from`, or the number that it is.
    fn value(&self, text: &str, from: u32) -> Option<u32> {
        let named = self.names.iter().find(|(name, value)| *value >= from && name.eq_ignore_ascii_case(text));
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = || text.parse().ok().filter(|number| is_number && (self.lowest..=self.highest).contains(number));
        named.map(|(_, value)| *value).or_else(number)
    }

    fn no_value(&'static self, text: &str) -> FieldProblem {
        FieldProblem::Value { text: text.to_owned(), field: self }
    }
}

impl Values {
    fn none(field: &Field) -> Values {
        Values { bits: [0; WORDS], lowest: field.lowest, highest: field.highest, has_star: false }
    }

    fn add(&mut self, first: u32, last: u32) {
        for value in first..=last {
            let bit = value.saturating_sub(self.lowest);
            if let Some(word) = self.bits.get_mut((bit / 64) as usize) {
                *word |= 1 << (bit % 64);
            }
        }
    }

    /// Whether the field names this value.
    pub(crate) fn has(&self, value: u32) -> bool {
        let Some(bit) = value.checked_sub(self.lowest) else { return false };
        self.bits.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// The first value that is not below `from`.
    pub(crate) fn first_from(&self, from: u32) -> Option<u32> {
        (from.max(self.lowest)..=self.highest).find(|value| self.has(*value))
    }

    /// The last value that is not above `to`.
    pub(crate) fn last_to(&self, to: u32) -> Option<u32> {
        (self.lowest..=to.min(self.highest)).rev().find(|value| self.has(*value))
    }

    /// Whether `*` stands in it: cron then leaves the days to the other field of days.
    pub(crate) fn has_star(&self) -> bool {
        self.has_star
    }
}
