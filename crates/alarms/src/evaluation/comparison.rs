//! Which datapoints breach: `ComparisonOperator`, against a threshold or a band.

use serde::{Deserialize, Serialize};

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the API's words")]
pub(crate) enum Operator {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
    LessThanLowerOrGreaterThanUpperThreshold,
    LessThanLowerThreshold,
    GreaterThanUpperThreshold,
}

/// What a value is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Comparison {
    /// A number.
    Threshold(Operator, f64),
    /// The band at the datapoint's time.
    Band(Operator),
}

/// What is usual at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Band {
    pub lower: f64,
    pub upper: f64,
}

impl Operator {
    const ALL: [Operator; 7] = [
        Operator::GreaterThanOrEqualToThreshold,
        Operator::GreaterThanThreshold,
        Operator::LessThanThreshold,
        Operator::LessThanOrEqualToThreshold,
        Operator::LessThanLowerOrGreaterThanUpperThreshold,
        Operator::LessThanLowerThreshold,
        Operator::GreaterThanUpperThreshold,
    ];

    /// The API's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Operator::GreaterThanOrEqualToThreshold => "GreaterThanOrEqualToThreshold",
            Operator::GreaterThanThreshold => "GreaterThanThreshold",
            Operator::LessThanThreshold => "LessThanThreshold",
            Operator::LessThanOrEqualToThreshold => "LessThanOrEqualToThreshold",
            Operator::LessThanLowerOrGreaterThanUpperThreshold => "LessThanLowerOrGreaterThanUpperThreshold",
            Operator::LessThanLowerThreshold => "LessThanLowerThreshold",
            Operator::GreaterThanUpperThreshold => "GreaterThanUpperThreshold",
        }
    }

    /// The operator of this name.
    pub(crate) fn parse(text: &str) -> Option<Operator> {
        Operator::ALL.into_iter().find(|operator| operator.as_str() == text)
    }

    /// Whether it compares with a band.
    pub(crate) fn is_of_band(self) -> bool {
        matches!(
            self,
            Operator::LessThanLowerOrGreaterThanUpperThreshold
                | Operator::LessThanLowerThreshold
                | Operator::GreaterThanUpperThreshold
        )
    }

    /// The words of a reason, as `greater than`; of an operator that compares with a number.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Operator::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Operator::GreaterThanThreshold | Operator::GreaterThanUpperThreshold => "greater than",
            Operator::LessThanThreshold
            | Operator::LessThanLowerThreshold
            | Operator::LessThanLowerOrGreaterThanUpperThreshold => "less than",
            Operator::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }
}

impl Comparison {
    /// The operator.
    pub(crate) fn operator(self) -> Operator {
        match self {
            Comparison::Threshold(operator, _) | Comparison::Band(operator) => operator,
        }
    }

    /// Whether a value breaches; a value without a band does not.
    pub(crate) fn breaches(self, value: f64, band: Option<Band>) -> bool {
        match (self, band) {
            (Comparison::Threshold(operator, threshold), _) => match operator {
                Operator::GreaterThanOrEqualToThreshold => value >= threshold,
                Operator::GreaterThanThreshold => value > threshold,
                Operator::LessThanThreshold => value < threshold,
                Operator::LessThanOrEqualToThreshold => value <= threshold,
                _ => false,
            },
            (Comparison::Band(operator), Some(Band { lower, upper })) => match operator {
                Operator::LessThanLowerOrGreaterThanUpperThreshold => value < lower || value > upper,
                Operator::LessThanLowerThreshold => value < lower,
                Operator::GreaterThanUpperThreshold => value > upper,
                _ => false,
            },
            (Comparison::Band(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator() {
        // Whether 1, 2 and 3 breach the threshold 2.
        let cases = [
            ("GreaterThanOrEqualToThreshold", [false, true, true]),
            ("GreaterThanThreshold", [false, false, true]),
            ("LessThanThreshold", [true, false, false]),
            ("LessThanOrEqualToThreshold", [true, true, false]),
        ];
        for (name, expected) in cases {
            let comparison = Comparison::Threshold(Operator::parse(name).unwrap(), 2.0);
            assert_eq!([1.0, 2.0, 3.0].map(|value| comparison.breaches(value, None)), expected, "{name}");
            assert!(!comparison.operator().is_of_band());
        }
        // Whether 0, 1, 2, 3 and 4 breach a band from 1 to 3.
        let cases = [
            ("LessThanLowerOrGreaterThanUpperThreshold", [true, false, false, false, true]),
            ("LessThanLowerThreshold", [true, false, false, false, false]),
            ("GreaterThanUpperThreshold", [false, false, false, false, true]),
        ];
        let band = Some(Band { lower: 1.0, upper: 3.0 });
        for (name, expected) in cases {
            let comparison = Comparison::Band(Operator::parse(name).unwrap());
            assert_eq!([0.0, 1.0, 2.0, 3.0, 4.0].map(|value| comparison.breaches(value, band)), expected, "{name}");
            assert!(comparison.operator().is_of_band() && !comparison.breaches(9.0, None));
        }
        assert_eq!(Operator::parse("Equal"), None);
    }
}
