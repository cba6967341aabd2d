//! What subscriptions measure of themselves, in `AWS/Logs`. Source: "Monitoring with CloudWatch metrics".

use std::sync::Arc;

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, Meter};

use super::target::Vendor;

/// The counters of a subscription, for one log group.
#[derive(Debug)]
pub(super) struct FollowerCounters {
    /// `ForwardedLogEvents`.
    pub forwarded_events: Arc<Counter>,
    /// `ForwardedBytes`, compressed.
    pub forwarded_bytes: Arc<Counter>,
    /// `DeliveryErrors`: events that were not delivered.
    pub errors: Arc<Counter>,
    /// `DeliveryThrottling`: events that were throttled.
    pub throttling: Arc<Counter>,
}

/// The level of a subscription, as the dimension `PolicyLevel` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// A filter.
    Group,
    /// An account policy.
    Account,
}

impl FollowerCounters {
    /// Those of the filter or policy of this name.
    pub(super) fn new(
        meter: &Meter,
        place: &MetricPlace,
        (log_group, filter, level): (&str, &str, Level),
        vendor: Vendor,
    ) -> FollowerCounters {
        let counter = |name: &str, unit| {
            let mut dimensions = vec![
                ("LogGroupName".into(), log_group.into()),
                ("DestinationType".into(), vendor.destination_type().into()),
                ("FilterName".into(), filter.into()),
            ];
            if level == Level::Account {
                dimensions.push(("PolicyLevel".into(), "AccountPolicy".into()));
            }
            let metric = MetricIdentity { namespace: "AWS/Logs".into(), name: name.into(), dimensions };
            meter.counter(place.clone(), metric, unit)
        };
        FollowerCounters {
            forwarded_events: counter("ForwardedLogEvents", "None"),
            forwarded_bytes: counter("ForwardedBytes", "Bytes"),
            errors: counter("DeliveryErrors", "None"),
            throttling: counter("DeliveryThrottling", "None"),
        }
    }
}
