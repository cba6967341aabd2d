//! Tags of sources, destinations and deliveries.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::logs::{TooManyTagsException, errors as model};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Collection, Resource, ResourceKey};

use super::no_such;
use super::resources::{DeliveryDocument, DestinationDocument, Named, SourceDocument};
use crate::Logs;
use crate::errors;
use crate::limits::TAGS_MAX;

type Tags = BTreeMap<String, String>;

trait Tagged: Resource {
    fn tags(&mut self) -> &mut Tags;
}

impl Tagged for SourceDocument {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for DestinationDocument {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for DeliveryDocument {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

/// Whether this is the ARN of a source, a destination or a delivery.
pub(crate) fn is_named_by(arn: &str) -> bool {
    Named::parse(arn).is_some()
}

/// The tags of what the caller's ARN names.
pub(crate) fn tags_of(logs: &Logs, caller: &Caller, arn: &str) -> Result<Tags, ServiceError> {
    let (named, key) = callers(caller, arn)?;
    let deliveries = &logs.deliveries;
    let tags = match named {
        Named::Source => deliveries.sources.get(&key).map(|found| found.tags.clone()),
        Named::Destination => deliveries.destinations.get(&key).map(|found| found.tags.clone()),
        Named::Delivery => deliveries.deliveries.get(&key).map(|found| found.tags.clone()),
    };
    tags.ok_or_else(|| no_such("resource", arn))
}

/// Changes the tags of what the caller's ARN names.
pub(crate) async fn change_tags(
    logs: &Arc<Logs>,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&mut Tags) + Send + 'static,
) -> Result<Unit, ServiceError> {
    let (named, key) = callers(caller, arn)?;
    let (logs, arn) = (logs.clone(), arn.to_owned());
    errors::finish(async move {
        let deliveries = &logs.deliveries;
        let _changing = deliveries.changing.lock().await;
        match named {
            Named::Source => change_in(&deliveries.sources, &key, arn, change).await,
            Named::Destination => change_in(&deliveries.destinations, &key, arn, change).await,
            Named::Delivery => change_in(&deliveries.deliveries, &key, arn, change).await,
        }
    })
    .await
}

async fn change_in<R: Tagged + Clone>(
    collection: &Collection<R>,
    key: &ResourceKey,
    arn: String,
    change: impl FnOnce(&mut Tags),
) -> Result<Unit, ServiceError> {
    let current = collection.get(key).ok_or_else(|| no_such("resource", &arn))?;
    let mut changed = current.value.clone();
    change(changed.tags());
    if changed.tags().len() > TAGS_MAX {
        let text = format!("A resource can have no more than {TAGS_MAX} tags.");
        let details = TooManyTagsException { message: None, resource_name: Some(arn) };
        return Err(model::too_many_tags_exception(text).with_details(details));
    }
    collection.update(&current, changed).await.map_err(errors::store)?;
    Ok(Unit {})
}

fn callers(caller: &Caller, arn: &str) -> Result<(Named, ResourceKey), ServiceError> {
    let found = Named::parse(arn);
    let found = found.filter(|(_, key)| key.account == caller.account && key.region.as_ref() == Some(&caller.region));
    found.ok_or_else(|| no_such("resource", arn))
}
