//! Units of The Unified Code for Units of Measure as CloudWatch's, as its agent and its metric streams translate them ("Translations
//! with OpenTelemetry 1.0.0 format in CloudWatch", "Translating units").

/// A unit of CloudWatch's, and by how much a value in the other unit is multiplied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Translated {
    /// The unit.
    pub(crate) name: &'static str,
    /// The factor.
    pub(crate) factor: f64,
}

const NONE: Translated = Translated { name: "None", factor: 1.0 };

/// Units by themselves, and per second.
const UNITS: &[(&str, f64, &str, &str)] = &[
    ("By", 1.0, "Bytes", "Bytes/Second"),
    ("kBy", 1.0, "Kilobytes", "Kilobytes/Second"),
    ("MBy", 1.0, "Megabytes", "Megabytes/Second"),
    ("GBy", 1.0, "Gigabytes", "Gigabytes/Second"),
    ("TBy", 1.0, "Terabytes", "Terabytes/Second"),
    ("KiBy", 1_024.0, "Bytes", "Bytes/Second"),
    ("MiBy", 1_048_576.0, "Bytes", "Bytes/Second"),
    ("GiBy", 1_073_741_824.0, "Bytes", "Bytes/Second"),
    ("TiBy", 1_099_511_627_776.0, "Bytes", "Bytes/Second"),
    ("bit", 1.0, "Bits", "Bits/Second"),
    ("kbit", 1.0, "Kilobits", "Kilobits/Second"),
    ("Mbit", 1.0, "Megabits", "Megabits/Second"),
    ("MBit", 1.0, "Megabits", "Megabits/Second"),
    ("Gbit", 1.0, "Gigabits", "Gigabits/Second"),
    ("GBit", 1.0, "Gigabits", "Gigabits/Second"),
    ("Tbit", 1.0, "Terabits", "Terabits/Second"),
];

/// Units that are not spoken of per second.
const OTHERS: &[(&str, f64, &str)] = &[
    ("s", 1.0, "Seconds"),
    ("ms", 1.0, "Milliseconds"),
    ("us", 1.0, "Microseconds"),
    ("min", 60.0, "Seconds"),
    ("h", 3_600.0, "Seconds"),
    ("d", 86_400.0, "Seconds"),
    ("%", 1.0, "Percent"),
];

/// CloudWatch's unit for this one. What it has no word for is `None`; what is only an annotation, as `{request}`, is counted things.
pub(crate) fn translate(unit: &str) -> Translated {
    let (base, per_second) = match unit.strip_suffix("/s") {
        Some(base) => (base, true),
        None => (unit, false),
    };
    let counted = base.len() > 2 && base.starts_with('{') && base.ends_with('}');
    if counted || (per_second && base == "1") {
        return Translated { name: if per_second { "Count/Second" } else { "Count" }, factor: 1.0 };
    }
    if let Some((_, factor, name, rate)) = UNITS.iter().find(|(code, ..)| *code == base) {
        return Translated { name: if per_second { rate } else { name }, factor: *factor };
    }
    let other = OTHERS.iter().find(|(code, ..)| *code == unit);
    other.map_or(NONE, |(_, factor, name)| Translated { name, factor: *factor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_translated() {
        for (unit, name, factor) in [
            ("By", "Bytes", 1.0),
            ("MBy", "Megabytes", 1.0),
            ("MiBy", "Bytes", 1_048_576.0),
            ("By/s", "Bytes/Second", 1.0),
            ("KiBy/s", "Bytes/Second", 1_024.0),
            ("Gbit/s", "Gigabits/Second", 1.0),
            ("s", "Seconds", 1.0),
            ("ms", "Milliseconds", 1.0),
            ("h", "Seconds", 3_600.0),
            ("%", "Percent", 1.0),
            ("{request}", "Count", 1.0),
            ("{request}/s", "Count/Second", 1.0),
            ("1/s", "Count/Second", 1.0),
            ("1", "None", 1.0),
            ("", "None", 1.0),
            ("{}", "None", 1.0),
            ("ns", "None", 1.0),
            ("s/s", "None", 1.0),
            ("Cel", "None", 1.0),
        ] {
            assert_eq!(translate(unit), Translated { name, factor }, "{unit}");
        }
    }
}
