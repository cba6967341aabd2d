//! Why operations are not routed. Of some services every operation is accounted for: it is routed, or stands here.

/// Operations that are not routed, and why.
pub struct Reason {
    /// As in the model.
    pub service: &'static str,
    /// The operations.
    pub operations: &'static [&'static str],
    /// A sentence without its full stop.
    pub why: &'static str,
}

/// The services of which every operation is accounted for.
#[cfg(test)]
pub const ACCOUNTED_FOR: &[&str] = &["cloudwatch", "logs"];

/// All reasons.
pub const REASONS: &[Reason] = &[
    Reason {
        service: "logs",
        operations: &["PutIntegration", "GetIntegration", "ListIntegrations", "DeleteIntegration"],
        why: "an integration makes a collection and dashboards in Amazon OpenSearch Serverless; to send events to a search cluster \
              of your own, use a subscription filter",
    },
    Reason {
        service: "logs",
        operations: &["GetStorageTierPolicy", "PutStorageTierPolicy"],
        why: "segments have one storage tier: a policy would change nothing",
    },
    Reason {
        service: "events",
        operations: &["CreateEndpoint", "DeleteEndpoint", "DescribeEndpoint", "ListEndpoints", "UpdateEndpoint"],
        why: "a global endpoint moves events between Regions by Route 53's health checks, and there are neither here",
    },
];

/// Why an operation is not routed, if that is known.
pub fn of(service: &str, operation: &str) -> Option<&'static str> {
    REASONS
        .iter()
        .find(|reason| reason.service == service && reason.operations.contains(&operation))
        .map(|reason| reason.why)
}
