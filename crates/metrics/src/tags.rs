//! Tags of resources, by ARN: TagResource, UntagResource, ListTagsForResource. A further kind of resource is one line in
//! [`KINDS`]. Source: "TagResource", "CloudWatch service quotas".

use std::sync::Arc;

use watchkeep_core::ports::{TagEdit, TagError, TaggedResources};
use watchkeep_core::{Arn, BoxFuture, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput, UntagResourceInput,
    UntagResourceOutput,
};
use watchkeep_store::{Collection, Resource, ResourceKey};

use crate::Metrics;
use crate::errors::{self, invalid_value, not_found, value_is_invalid};
use crate::limits::TAGS_MAX;
use crate::resources::{Dashboard, InsightRule, MetricStream, QueryDefinition, Tags, change, regional};

/// The kinds of resource that have tags.
static KINDS: &[&dyn Taggable] = &[
    &Kind { prefix: "dashboard/", scope: Scope::Account, collection: |metrics| &metrics.resources.dashboards },
    &Kind {
        prefix: "metric-query-definition/",
        scope: Scope::Region,
        collection: |metrics| &metrics.resources.query_definitions,
    },
    &Kind { prefix: "insight-rule/", scope: Scope::Region, collection: |metrics| &metrics.resources.insight_rules },
    &Kind { prefix: "metric-stream/", scope: Scope::Region, collection: |metrics| &metrics.resources.metric_streams },
];

/// A resource with tags.
pub(crate) trait Tagged: Resource + Clone + PartialEq {
    /// Its tags.
    fn tags(&self) -> &Tags;

    /// Its tags, to be changed.
    fn tags_mut(&mut self) -> &mut Tags;
}

macro_rules! tagged {
    ($($resource:ty),*) => {$(
        impl Tagged for $resource {
            fn tags(&self) -> &Tags {
                &self.tags
            }

            fn tags_mut(&mut self) -> &mut Tags {
                &mut self.tags
            }
        }
    )*};
}

tagged!(Dashboard, InsightRule, MetricStream, QueryDefinition);

/// Where names of a kind are unique.
enum Scope {
    /// In the account: its ARNs name no Region.
    Account,
    /// In a Region of the account.
    Region,
}

/// A kind of resource: what its ARNs begin with behind the account, and where it is kept.
struct Kind<R: Tagged> {
    prefix: &'static str,
    scope: Scope,
    collection: fn(&Metrics) -> &Collection<R>,
}

/// A change of tags.
#[derive(Clone)]
enum Edit {
    Add(Tags),
    Remove(Vec<String>),
}

/// A [`Kind`], whatever its resource is.
trait Taggable: Sync {
    /// The key of the resource that an ARN of the caller's names, if it is of this kind.
    fn key(&self, arn: &Arn, caller: &Caller) -> Option<ResourceKey>;

    /// The tags of a resource; none if it does not exist.
    fn read(&self, metrics: &Metrics, key: &ResourceKey) -> Option<Tags>;

    /// Changes the tags of a resource.
    fn edit(&self, metrics: &Metrics, key: ResourceKey, arn: String, edit: Edit) -> Edited;
}

type Edited = BoxFuture<'static, Result<(), ServiceError>>;

impl<R: Tagged> Taggable for Kind<R> {
    fn key(&self, arn: &Arn, caller: &Caller) -> Option<ResourceKey> {
        let name = arn.resource.strip_prefix(self.prefix)?;
        match self.scope {
            Scope::Account => arn.region.is_empty().then(|| ResourceKey::global(caller.account, name)),
            Scope::Region => (arn.region == caller.region.as_str()).then(|| regional(caller, name)),
        }
    }

    fn read(&self, metrics: &Metrics, key: &ResourceKey) -> Option<Tags> {
        (self.collection)(metrics).get(key).map(|resource| resource.tags().clone())
    }

    fn edit(&self, metrics: &Metrics, key: ResourceKey, arn: String, edit: Edit) -> Edited {
        let collection = (self.collection)(metrics).clone();
        Box::pin(async move {
            let edited = change(&collection, &key, |current| {
                let mut resource = current.cloned().ok_or_else(|| not_found("resource", &arn))?;
                match &edit {
                    Edit::Add(tags) => resource.tags_mut().extend(tags.clone()),
                    Edit::Remove(keys) => resource.tags_mut().retain(|key, _| !keys.contains(key)),
                }
                check_count(resource.tags())?;
                Ok(resource)
            });
            edited.await.map(|_| ())
        })
    }
}

/// Adds tags, or gives those that are there other values.
pub(crate) async fn tag_resource(
    metrics: &Metrics,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<TagResourceOutput, ServiceError> {
    if let Some((others, resource)) = elsewhere(metrics, caller, &input.resource_arn)? {
        let edit = TagEdit::Add(checked(Some(input.tags))?);
        return others
            .edit(caller, &resource, edit)
            .await
            .map(|()| TagResourceOutput {})
            .map_err(|error| of_others(error, &input.resource_arn));
    }
    let (kind, key) = identified(caller, &input.resource_arn)?;
    let edit = Edit::Add(checked(Some(input.tags))?);
    errors::finish(kind.edit(metrics, key, input.resource_arn, edit)).await?;
    Ok(TagResourceOutput {})
}

/// Removes tags; those that are not there are no error.
pub(crate) async fn untag_resource(
    metrics: &Metrics,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, ServiceError> {
    if let Some((others, resource)) = elsewhere(metrics, caller, &input.resource_arn)? {
        let edited = others.edit(caller, &resource, TagEdit::Remove(input.tag_keys)).await;
        return edited.map(|()| UntagResourceOutput {}).map_err(|error| of_others(error, &input.resource_arn));
    }
    let (kind, key) = identified(caller, &input.resource_arn)?;
    errors::finish(kind.edit(metrics, key, input.resource_arn, Edit::Remove(input.tag_keys))).await?;
    Ok(UntagResourceOutput {})
}

/// Lists tags, by their keys.
pub(crate) async fn list_tags_for_resource(
    metrics: &Metrics,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, ServiceError> {
    let tags = match elsewhere(metrics, caller, &input.resource_arn)? {
        Some((others, resource)) => others.tags(caller, &resource),
        None => {
            let (kind, key) = identified(caller, &input.resource_arn)?;
            kind.read(metrics, &key)
        }
    };
    let tags = tags.ok_or_else(|| not_found("resource", &input.resource_arn))?;
    let tags = tags.into_iter().map(|(key, value)| Tag { key, value });
    Ok(ListTagsForResourceOutput { tags: Some(tags.collect()) })
}

/// Another service under the same API, and the name of a resource that it keeps.
type Elsewhere<'m> = (&'m Arc<dyn TaggedResources>, String);

/// Who keeps the resource of the caller's that an ARN names, if it is another service under the same API, and what it calls it.
fn elsewhere<'m>(metrics: &'m Metrics, caller: &Caller, text: &str) -> Result<Option<Elsewhere<'m>>, ServiceError> {
    let arn: Arn = text.parse().map_err(|_| value_is_invalid(text, "ResourceARN"))?;
    let others =
        metrics.tagged_elsewhere.get().filter(|others| arn.service == "cloudwatch" && others.keeps(&arn.resource));
    let Some(others) = others else { return Ok(None) };
    let is_own = arn.account == caller.account.as_str() && arn.region == caller.region.as_str();
    if is_own { Ok(Some((others, arn.resource))) } else { Err(not_found("resource", text)) }
}

fn of_others(error: TagError, arn: &str) -> ServiceError {
    match error {
        TagError::NotFound => not_found("resource", arn),
        TagError::TooMany(max) => invalid_value(format!("A resource can have no more than {max} tags.")),
        TagError::Busy(_) => errors::conflict(),
    }
}

/// The tags that a resource is created with.
///
/// # Errors
///
/// `InvalidParameterValue` if there are too many, one is reserved, or one is there twice.
pub(crate) fn checked(tags: Option<Vec<Tag>>) -> Result<Tags, ServiceError> {
    let mut checked = Tags::new();
    for Tag { key, value } in tags.unwrap_or_default() {
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(invalid_value(format!("Tag keys that start with aws: are reserved: {key}")));
        }
        if checked.contains_key(&key) {
            return Err(invalid_value(format!("A tag key may be given only once: {key}")));
        }
        checked.insert(key, value);
    }
    check_count(&checked)?;
    Ok(checked)
}

fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    match tags.len() {
        0..=TAGS_MAX => Ok(()),
        _ => Err(invalid_value(format!("A resource can have no more than {TAGS_MAX} tags."))),
    }
}

/// The kind and the key of the resource that an ARN names. Resources of other accounts and Regions are not found.
fn identified(caller: &Caller, text: &str) -> Result<(&'static dyn Taggable, ResourceKey), ServiceError> {
    let arn: Arn = text.parse().map_err(|_| value_is_invalid(text, "ResourceARN"))?;
    if arn.service != "cloudwatch" {
        return Err(value_is_invalid(text, "ResourceARN"));
    }
    let own = (arn.account == caller.account.as_str()).then_some(());
    let found = own.and_then(|()| KINDS.iter().find_map(|kind| kind.key(&arn, caller).map(|key| (*kind, key))));
    found.ok_or_else(|| not_found("resource", text))
}
