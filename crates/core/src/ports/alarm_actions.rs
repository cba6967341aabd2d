//! What alarms have done for them that is neither a notification nor a function.

use crate::{Arn, BoxFuture, TimestampMs};

use super::metrics::MetricPlace;

/// The kinds of such actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmActionKind {
    /// Something is done to an instance of EC2.
    Instance,
    /// A scaling policy is carried out.
    Scaling,
    /// An item or an incident is opened in Systems Manager.
    SystemsManager,
    /// An investigation begins.
    Investigation,
}

/// An action of an alarm, with what is known of why.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmAction {
    /// The alarm's account and Region.
    pub place: MetricPlace,
    /// Which kind it is.
    pub kind: AlarmActionKind,
    /// The action's ARN.
    pub arn: Arn,
    /// The same however often it is tried.
    pub key: String,
    /// The alarm's ARN.
    pub alarm_arn: String,
    /// Its name.
    pub alarm_name: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// `StateReason`
    pub reason: String,
    /// When the state was entered.
    pub time: TimestampMs,
    /// The instance that the alarm watches, if it watches one.
    pub instance_id: Option<String>,
    /// The newest datapoint that was compared.
    pub value: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
    /// What a function would be told, and the action's ARN as `action`: JSON.
    pub payload: String,
}

/// Why an action was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlarmActionError {
    /// Nobody carries out such actions.
    #[error("nothing is configured to carry out this action")]
    NotConfigured,
    /// It may be carried out a little later.
    #[error("{0}")]
    Busy(String),
    /// It will not be.
    #[error("{0}")]
    Refused(String),
}

/// Carries out actions of alarms.
pub trait AlarmActions: Send + Sync {
    /// Carries out an action once; what was told to whoever did it.
    fn carry_out<'a>(&'a self, action: &'a AlarmAction) -> BoxFuture<'a, Result<String, AlarmActionError>>;
}

/// Nobody does.
#[derive(Debug, Default)]
pub struct NoAlarmActions;

impl AlarmActions for NoAlarmActions {
    fn carry_out<'a>(&'a self, _: &'a AlarmAction) -> BoxFuture<'a, Result<String, AlarmActionError>> {
        Box::pin(std::future::ready(Err(AlarmActionError::NotConfigured)))
    }
}
