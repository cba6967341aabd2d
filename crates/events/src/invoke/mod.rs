//! How each kind of target is invoked: one file for each, one line of the table in [`Invocation::run`]. Source: "Event bus targets in
//! Amazon EventBridge".

mod api_destination;
mod bus;
mod data_stream;
mod delivery_stream;
mod function;
mod log_group;
mod queue;
mod topic;

use std::time::Duration;

use watchkeep_core::Arn;
use watchkeep_lang::input_transformer::Variables;

use crate::core::Core;
use crate::directory::{LiveTarget, Reached};
use crate::event::{Event, iso8601};
use crate::failures::FailureCode;
use crate::shaping::Unshaped;
use crate::target_kind::TargetKind;

/// An event that is to go to a target.
pub(crate) struct Invocation<'a> {
    pub core: &'a Core,
    pub reached: &'a Reached,
    pub event: &'a Event,
}

/// Why a target was not invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotInvoked {
    /// It may be later.
    Later(FailureCode, String),
    /// It may be later, but not before this pause is over.
    After(FailureCode, String, Duration),
    /// It will not be.
    Never(FailureCode, String),
}

impl NotInvoked {
    /// There is no such target.
    pub(crate) fn no_resource(message: impl Into<String>) -> NotInvoked {
        NotInvoked::Never(FailureCode::NoResource, message.into())
    }

    /// The target takes no more for now.
    pub(crate) fn throttled(message: impl Into<String>) -> NotInvoked {
        NotInvoked::Later(FailureCode::Throttling, message.into())
    }

    /// The target refused what it was sent.
    pub(crate) fn refused(message: impl Into<String>) -> NotInvoked {
        let message = message.into();
        // What a resource's policy denies, services say with these words.
        let is_denied = ["not authorized", "AccessDenied", "access denied"].iter().any(|text| message.contains(text));
        let code = if is_denied { FailureCode::NoPermissions } else { FailureCode::InvalidParameter };
        NotInvoked::Never(code, message)
    }
}

impl Invocation<'_> {
    /// Invokes the target, once.
    pub(crate) async fn run(&self) -> Result<(), NotInvoked> {
        match self.target().kind {
            TargetKind::Queue => queue::invoke(self).await,
            TargetKind::Topic => topic::invoke(self).await,
            TargetKind::DataStream => data_stream::invoke(self).await,
            TargetKind::DeliveryStream => delivery_stream::invoke(self).await,
            TargetKind::Function => function::invoke(self).await,
            TargetKind::LogGroup => log_group::invoke(self).await,
            TargetKind::Bus => bus::invoke(self).await,
            TargetKind::ApiDestination => api_destination::invoke(self).await,
            TargetKind::Archive | TargetKind::Elsewhere => {
                let arn = &self.target().target.arn;
                Err(NotInvoked::no_resource(format!("This server has nothing that carries out {arn}.")))
            }
        }
    }

    /// The target.
    pub(crate) fn target(&self) -> &LiveTarget {
        &self.reached.target
    }

    /// The target's ARN.
    pub(crate) fn arn(&self) -> Result<Arn, NotInvoked> {
        let arn = &self.target().target.arn;
        arn.parse().map_err(|_| NotInvoked::no_resource(format!("{arn} is not an ARN.")))
    }

    /// What the target is sent: the event, or what the target has made of it.
    pub(crate) fn input(&self) -> Result<String, NotInvoked> {
        let rule = &self.reached.rule;
        let ingestion_time = iso8601(watchkeep_core::TimestampMs(self.event.ingested_ms));
        let variables = Variables { rule_arn: &rule.arn, rule_name: &rule.name, ingestion_time: &ingestion_time };
        self.target().shaping.input(self.event, &variables).map_err(|error| match error {
            Unshaped::NothingFound(path) => NotInvoked::Never(
                FailureCode::InvalidParameter,
                format!("The input path {path} finds nothing in the event."),
            ),
            Unshaped::NoJson => NotInvoked::Never(
                FailureCode::InvalidJson,
                "What the input template makes of the event is not valid JSON.".to_owned(),
            ),
        })
    }
}

impl Core {
    /// How long there must be between the beginnings of two tries of a target.
    pub(crate) fn spacing_ms(&self, target: &LiveTarget) -> i64 {
        let destination = match target.kind {
            TargetKind::ApiDestination => self.destination(&target.target.arn),
            _ => None,
        };
        // What a lane leaves of the rate, destinations' gates keep.
        destination.map_or(0, |destination| 1_000 / i64::from(destination.rate.max(1)))
    }
}
