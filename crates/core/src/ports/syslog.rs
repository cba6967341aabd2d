//! Which log group syslog messages go to.

use super::metrics::MetricPlace;

/// Where syslog messages are taken: what CloudWatch Logs knows as an interface endpoint of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogEndpoint {
    /// The account and the Region that it is of.
    pub place: MetricPlace,
    /// Its id, `vpce-` and up to 64 hexadecimal digits.
    pub id: String,
}

/// What is set up for the messages of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogRoute {
    /// No configuration names the endpoint.
    Unset,
    /// They go to this log group.
    To(String),
    /// They were to go to this log group, and it is not there any more.
    Missing(String),
}

/// Says where messages are to go, as PutSyslogConfiguration has it. CloudWatch Logs' side of the syslog receiver.
pub trait SyslogRoutes: Send + Sync {
    /// What is set up at this moment for the messages of this endpoint.
    fn route(&self, endpoint: &SyslogEndpoint) -> SyslogRoute;
}
