//! What makes a metric the metric that it is, as the languages that select metrics see it.

/// A metric's identity. Source: "CloudWatch concepts".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricIdentity<'a> {
    /// The namespace, as `AWS/EC2`.
    pub namespace: &'a str,
    /// The metric's name, as `CPUUtilization`.
    pub name: &'a str,
    /// The dimensions as (name, value), no name twice, in any order.
    pub dimensions: &'a [(&'a str, &'a str)],
    /// The account that the metric is of, as `444455556666`.
    pub account: &'a str,
    /// Whether this is the account that asks: what `LOCAL` and `CURRENT_ACCOUNT_ID()` stand for.
    pub is_local: bool,
}

impl<'a> MetricIdentity<'a> {
    /// The value of a dimension, if the metric has it.
    pub fn dimension(&self, name: &str) -> Option<&'a str> {
        self.dimensions.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Whether the names of the dimensions are exactly these, of which none may occur twice.
    pub fn has_exactly(&self, names: &[String]) -> bool {
        self.dimensions.len() == names.len() && names.iter().all(|name| self.dimension(name).is_some())
    }
}
