//! StartLiveTail: a stream of what is put into some log groups from now on.
//!
//! Whoever puts events hands a batch to the sessions that watch its group, once it is durable, and goes on: what a session
//! does with it (`session`) is its own affair. Where nobody watches a group, a batch costs one look-up (`hub`). Source:
//! "StartLiveTail".

mod hub;
mod session;

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::logs::{
    LiveTailSessionStart, StartLiveTailRequest, StartLiveTailResponse, StartLiveTailResponseStream, errors as model,
};
use watchkeep_model::{ServiceError, Structure};
use watchkeep_wire::service::Reply;

use crate::Logs;
use crate::directory::Group;
use crate::errors::invalid;
use crate::names::{group_key, group_named};
use crate::resources::Class;

pub(crate) use hub::LiveTails;
use session::{Selection, keep_updating};

/// Begins a session.
pub(crate) async fn start_live_tail(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: StartLiveTailRequest,
) -> Result<Reply<StartLiveTailResponse>, ServiceError> {
    let groups = groups(logs, caller, &input.log_group_identifiers)?;
    let selection = selection(&input, groups.len())?;
    let session = logs.live_tails.begin((caller.account, &caller.region), &groups, selection);
    let session = session.ok_or_else(|| model::limit_exceeded_exception("Resource limit exceeded."))?;
    let start = LiveTailSessionStart {
        request_id: Some(caller.request_id.to_string()),
        session_id: Some(uuid(logs.random.as_ref()).to_string()),
        log_group_identifiers: Some(input.log_group_identifiers),
        log_stream_names: input.log_stream_names,
        log_stream_name_prefixes: input.log_stream_name_prefixes,
        log_event_filter_pattern: input.log_event_filter_pattern,
    };
    tokio::spawn(keep_updating(Arc::downgrade(session.shared()), logs.clock.clone()));
    let start = StartLiveTailResponseStream { session_start: Some(start), ..Default::default() };
    let started = futures_util::stream::iter([Ok(Box::new(start) as Box<dyn Structure>)]);
    // The session ends when the stream is dropped: when it is at its end, or its client has gone.
    let updates = unfold(session, |session| async move {
        let update = session.shared().next_update().await?;
        Some((Ok(Box::new(update) as Box<dyn Structure>), session))
    });
    let output = StartLiveTailResponse::default();
    Ok(Reply { events: Some(started.chain(updates).boxed()), ..Reply::from(output) })
}

/// The groups of the ARNs.
fn groups(logs: &Logs, caller: &Caller, identifiers: &[String]) -> Result<Vec<Arc<Group>>, ServiceError> {
    let mut groups: Vec<Arc<Group>> = Vec::with_capacity(identifiers.len());
    for identifier in identifiers {
        let refused = || invalid(format!("'{identifier}' is not the ARN of a log group; it must not end with *."));
        let arn: Arn = identifier.parse().map_err(|_| refused())?;
        let name = group_named(&arn).filter(|_| !identifier.ends_with('*')).ok_or_else(refused)?;
        if arn.account != caller.account.as_str() || arn.region != caller.region.as_str() {
            return Err(crate::errors::no_group());
        }
        let group = logs.directory.group(&group_key(caller, name))?;
        let class = group.document().class;
        if class != Class::Standard {
            let class = class.as_str();
            let text = format!("StartLiveTail is not supported for log groups of class {class}.");
            return Err(model::invalid_operation_exception(text));
        }
        if !groups.iter().any(|known| known.id == group.id) {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// Which events of the groups are wanted.
fn selection(input: &StartLiveTailRequest, groups: usize) -> Result<Selection, ServiceError> {
    let (names, prefixes) = (input.log_stream_names.clone(), input.log_stream_name_prefixes.clone());
    if names.is_some() && prefixes.is_some() {
        return Err(invalid("logStreamNames and logStreamNamePrefixes cannot be specified together."));
    }
    if (names.is_some() || prefixes.is_some()) && groups > 1 {
        return Err(invalid("Log streams can be specified only with a single log group."));
    }
    let pattern = FilterPattern::parse(input.log_event_filter_pattern.as_deref().unwrap_or_default());
    let pattern = pattern.map_err(|error| invalid(error.to_string()))?;
    Ok(Selection { names, prefixes, pattern })
}
