//! Values as people read them: `1.2k`, `3.4 MB`, `250 ms`, `45%`.

/// How values of a unit are written: in which unit they are counted, and under which prefixes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// What a value is multiplied with to be of the family's own unit.
    factor: f64,
    family: &'static [Step],
    /// What follows: `/s` of rates.
    suffix: &'static str,
}

/// So much is written as one of this.
type Step = (f64, &'static str);

const PLAIN: &[Step] = &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"), (1e18, "E")];
const BYTES: &[Step] =
    &[(1.0, " B"), (1e3, " kB"), (1e6, " MB"), (1e9, " GB"), (1e12, " TB"), (1e15, " PB"), (1e18, " EB")];
const BITS: &[Step] =
    &[(1.0, " bit"), (1e3, " kbit"), (1e6, " Mbit"), (1e9, " Gbit"), (1e12, " Tbit"), (1e15, " Pbit"), (1e18, " Ebit")];
const TIME: &[Step] = &[(1e-6, " \u{b5}s"), (1e-3, " ms"), (1.0, " s"), (1e3, "k s"), (1e6, "M s")];
const PERCENT: &[Step] = &[(1.0, "%")];

/// CloudWatch's units but for rates: name, scale, and the sign that stands behind a number that is not scaled.
const UNITS: &[(&str, f64, &[Step], &str)] = &[
    ("Seconds", 1.0, TIME, " s"),
    ("Milliseconds", 1e-3, TIME, " ms"),
    ("Microseconds", 1e-6, TIME, " \u{b5}s"),
    ("Bytes", 1.0, BYTES, " B"),
    ("Kilobytes", 1e3, BYTES, " kB"),
    ("Megabytes", 1e6, BYTES, " MB"),
    ("Gigabytes", 1e9, BYTES, " GB"),
    ("Terabytes", 1e12, BYTES, " TB"),
    ("Bits", 1.0, BITS, " bit"),
    ("Kilobits", 1e3, BITS, " kbit"),
    ("Megabits", 1e6, BITS, " Mbit"),
    ("Gigabits", 1e9, BITS, " Gbit"),
    ("Terabits", 1e12, BITS, " Tbit"),
    ("Percent", 1.0, PERCENT, "%"),
];

/// Beyond this, numbers have an exponent.
const PREFIXED_MAX: f64 = 1e21;

/// Below this, numbers have an exponent.
const DECIMAL_MIN: f64 = 1e-5;

/// The decimals that numbers of all digits have.
const FULL_DECIMALS: usize = 6;

impl Scale {
    /// For numbers without a unit.
    pub(crate) const NONE: Scale = Scale { factor: 1.0, family: PLAIN, suffix: "" };

    /// For a unit of CloudWatch's; any other is taken for none.
    pub(crate) fn of(unit: &str) -> Scale {
        let (name, suffix) = unit.strip_suffix("/Second").map_or((unit, ""), |name| (name, "/s"));
        match UNITS.iter().find(|(known, ..)| *known == name) {
            Some((_, factor, family, _)) => Scale { factor: *factor, family, suffix },
            None => Scale { suffix, ..Scale::NONE },
        }
    }

    /// A value by itself, three digits of it.
    pub(crate) fn value(&self, value: f64) -> String {
        let value = value * self.factor;
        if value == 0.0 {
            return format!("0{}{}", self.unit_of_zero(), self.suffix);
        }
        let rounded = significant(value);
        let (size, sign) = self.step(rounded.abs());
        let scaled = rounded / size;
        if !is_decimal(scaled) {
            return format!("{}{sign}{}", exponential(scaled), self.suffix);
        }
        let whole_digits = scaled.abs().log10().floor() as i32 + 1;
        let decimals = usize::try_from(3 - whole_digits).unwrap_or(0).min(8);
        format!("{}{sign}{}", trimmed(&format!("{scaled:.decimals$}")), self.suffix)
    }

    /// A value with all its digits, in its own unit, whose name it needs for that.
    pub(crate) fn full(value: f64, unit: &str) -> String {
        let (name, suffix) = unit.strip_suffix("/Second").map_or((unit, ""), |name| (name, "/s"));
        let sign = UNITS.iter().find(|(known, ..)| *known == name).map_or("", |(.., sign)| sign);
        if value != 0.0 && !is_decimal(value) {
            return format!("{}{sign}{suffix}", exponential(value));
        }
        format!("{}{sign}{suffix}", grouped(&trimmed(&format!("{value:.FULL_DECIMALS$}"))))
    }

    /// A value at a mark of an axis whose marks are `step` apart: as many digits as tell it from the next.
    pub(crate) fn tick(&self, value: f64, step: f64) -> String {
        let (value, step) = (value * self.factor, step.abs() * self.factor);
        if value.abs() < step * 1e-6 {
            return "0".to_owned();
        }
        let decimals = |size: f64| (-(step / size).log10() - 1e-9).ceil().clamp(0.0, 30.0) as usize;
        let largest = self.step(value.abs() * (1.0 + 1e-9));
        // Marks that are close together at large values need digits rather than a prefix.
        let fitting = self.family.iter().rev().filter(|(size, _)| *size <= largest.0);
        let (size, sign) = fitting.copied().find(|(size, _)| decimals(*size) <= 2).unwrap_or(largest);
        let (scaled, decimals) = (value / size, decimals(size));
        let text = match is_decimal(scaled) && decimals <= 6 {
            true => grouped(&trimmed(&format!("{scaled:.decimals$}"))),
            false => exponential(scaled),
        };
        format!("{text}{sign}{}", self.suffix)
    }

    /// The greatest unit that this size has at least one of; the smallest if there is none, and the one without a prefix for
    /// numbers that no prefix makes short.
    fn step(&self, size: f64) -> Step {
        if size >= PREFIXED_MAX {
            return (1.0, self.unit_of_zero());
        }
        let fitting = self.family.iter().rev().find(|(step, _)| size >= *step);
        fitting.or(self.family.first()).copied().unwrap_or((1.0, ""))
    }

    fn unit_of_zero(&self) -> &'static str {
        self.family.iter().find(|(size, _)| *size == 1.0).map_or("", |(_, sign)| sign)
    }
}

fn is_decimal(value: f64) -> bool {
    (DECIMAL_MIN..PREFIXED_MAX).contains(&value.abs())
}

/// The value to three digits, more if they are whole: 1234567 is 1230000, 0.0123456 is 0.0123.
fn significant(value: f64) -> f64 {
    let digits = value.abs().log10().floor();
    let unit = 10f64.powf(digits - 2.0);
    if !unit.is_finite() || unit == 0.0 {
        return value;
    }
    Some((value / unit).round() * unit).filter(|rounded| rounded.is_finite()).unwrap_or(value)
}

/// `2.5e-9`.
fn exponential(value: f64) -> String {
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
        None => text,
    }
}

/// Without zeros behind the decimal point that say nothing.
fn trimmed(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// With commas between thousands.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.char_indices() {
        if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_and_a_prefix() {
        let cases = [
            (0.0, "", "0"),
            (1.0, "", "1"),
            (-12.345, "", "-12.3"),
            (999.4, "", "999"),
            (999.6, "", "1k"),
            (1234.0, "Count", "1.23k"),
            (3_400_000.0, "", "3.4M"),
            (1e20, "", "100E"),
            (2.5e25, "", "2.5e25"),
            (0.012345, "", "0.0123"),
            (2.5e-9, "", "2.5e-9"),
            (1536.0, "Bytes", "1.54 kB"),
            (20.0, "Gigabytes", "20 GB"),
            (2000.0, "Megabits/Second", "2 Gbit/s"),
            (0.0, "Bytes", "0 B"),
            (250.0, "Milliseconds", "250 ms"),
            (1250.0, "Milliseconds", "1.25 s"),
            (0.25, "Seconds", "250 ms"),
            (3.0, "Microseconds", "3 \u{b5}s"),
            (45.678, "Percent", "45.7%"),
            (1234.0, "Percent", "1230%"),
            (7.0, "Count/Second", "7/s"),
            (7.0, "None", "7"),
            (f64::MAX, "", "1.8e308"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(Scale::of(unit).value(value), text, "{value} {unit}");
        }
    }

    #[test]
    fn marks_are_told_from_one_another() {
        let cases = [
            (0.0, 5.0, "", "0"),
            (1500.0, 500.0, "", "1.5k"),
            (500.0, 500.0, "", "500"),
            (1_000_200.0, 200.0, "", "1,000.2k"),
            (12_345_678.0, 1.0, "", "12,345,678"),
            (0.3, 0.1, "", "0.3"),
            (0.30000000000000004, 0.1, "", "0.3"),
            (-0.0002, 0.0001, "", "-0.0002"),
            (3e-9, 1e-9, "", "3e-9"),
            (1.5e6, 5e5, "Bytes", "1.5 MB"),
            (80.0, 20.0, "Percent", "80%"),
            (1000.0, 500.0, "Milliseconds", "1 s"),
            (500.0, 500.0, "Milliseconds", "500 ms"),
            (2e30, 1e30, "", "2e30"),
        ];
        for (value, step, unit, text) in cases {
            assert_eq!(Scale::of(unit).tick(value, step), text, "{value} {step} {unit}");
        }
    }

    #[test]
    fn full_precision_shows_all_digits() {
        let cases = [
            (1_234_567.891, "", "1,234,567.891"),
            (-1000.0, "Count", "-1,000"),
            (0.1, "Seconds", "0.1 s"),
            (1536.0, "Bytes", "1,536 B"),
            (1e-9, "", "1e-9"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(Scale::full(value, unit), text);
        }
    }
}
