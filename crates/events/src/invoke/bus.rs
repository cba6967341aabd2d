//! Another event bus: the event goes on as it is, with its id, account, Region and time; across Regions its id is another. What came
//! from another account or Region does not go on to a third one. Sources: "Sending and receiving events between AWS accounts",
//! "... between AWS Regions", "... between event buses in the same account and Region".

use std::sync::Arc;

use watchkeep_access::{Ask, resource_lets_in};
use watchkeep_core::{AccountId, uuid};
use watchkeep_lang::policy::{Asker, Context};
use watchkeep_store::ResourceKey;

use super::{Invocation, NotInvoked};
use crate::event::{Crossed, Event};
use crate::failures::FailureCode;
use crate::ingest::{Arrival, NotTaken, Recipients};
use crate::names::bus_of_arn;
use crate::put_events::{PUT_EVENTS, add_event_keys};
use crate::shaping::with_id;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let Invocation { core, reached, event } = invocation;
    let arn = &invocation.target().target.arn;
    let none = || NotInvoked::no_resource(format!("Event bus {arn} does not exist."));
    let to = bus_of_arn(arn).ok_or_else(none)?;
    let from = &reached.rule.bus;
    let crossing = Crossed { account: to.account != from.account, region: to.region != from.region };
    if event.crossed.account && crossing.account {
        let message = "The event came from another account, and does not go on to a third one.";
        return Err(NotInvoked::Never(FailureCode::ThirdAccountHop, message.to_owned()));
    }
    if event.crossed.region && crossing.region {
        let message = "The event came from another Region, and does not go on to a third one.";
        return Err(NotInvoked::Never(FailureCode::ThirdRegionHop, message.to_owned()));
    }
    let bus = core.directory.bus(&to).ok_or_else(none)?;
    check(invocation, &to, bus.policy.as_ref())?;
    let mut path = event.path.clone();
    path.push(reached.rule.document.number);
    let (id, envelope) = match crossing.region {
        true => {
            let id = uuid(core.random.as_ref()).to_string();
            let envelope = with_id(event.text(), &event.id, &id);
            (id, envelope.into())
        }
        false => (event.id.clone(), event.envelope.clone()),
    };
    let crossed =
        Crossed { account: event.crossed.account || crossing.account, region: event.crossed.region || crossing.region };
    let sent = Event { id, envelope, ingested_ms: 0, trace: event.trace.clone(), path, crossed };
    let arrival = Arrival { bus: Arc::clone(&bus), event: sent, recipients: Recipients::Matching };
    // What one bus sends to another may lead to what another sends to the first: boxed, so that the future has a size.
    Box::pin(core.take(vec![arrival])).await.map_err(|error| match error {
        NotTaken::Full(full) => NotInvoked::throttled(full.to_string()),
        error => NotInvoked::Later(FailureCode::InternalError, error.to_string()),
    })
}

/// Asks the policy of the bus. The rule's role asks, or else its account.
fn check(
    invocation: &Invocation<'_>,
    to: &ResourceKey,
    policy: Option<&watchkeep_lang::policy::Policy>,
) -> Result<(), NotInvoked> {
    let Invocation { reached, event, .. } = invocation;
    let account: AccountId = reached.rule.bus.account;
    let role = reached.target.target.role_arn.clone().or_else(|| reached.rule.document.role_arn.clone());
    let arn = role.unwrap_or_else(|| format!("arn:aws:iam::{account}:root"));
    let mut context = Context::default()
        .with("aws:SourceArn", &reached.rule.arn)
        .with("aws:SourceAccount", account.as_str())
        .with("aws:PrincipalAccount", account.as_str())
        .with("aws:PrincipalArn", &arn)
        .with("aws:SecureTransport", "true")
        .with("events:eventBusInvocation", "true");
    add_event_keys(&mut context, event.text());
    let resource = crate::names::bus_arn(to);
    let asker = Asker::Identity { account: account.as_str(), arn: &arn, session: None };
    let ask = Ask { asker, action: PUT_EVENTS, resource: &resource, context: &context };
    resource_lets_in(to.account, policy, &ask).map_err(|refusal| {
        let message = format!(
            "{arn} is not authorized to perform: {PUT_EVENTS} on resource: {resource} {}",
            refusal.because(PUT_EVENTS)
        );
        NotInvoked::Never(FailureCode::NoPermissions, message)
    })
}
