//! Deliveries themselves, each of a source to a destination: CreateDelivery, GetDelivery, DescribeDeliveries,
//! UpdateDeliveryConfiguration, DeleteDelivery.

use std::sync::Arc;

use watchkeep_access::{Ask, resource_lets_in};
use watchkeep_core::ports::{BucketError, BucketObject, VendedLogKind};
use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_lang::policy::{Asker, Context, Policy, PolicyKind};
use watchkeep_model::logs::{
    CreateDeliveryRequest, CreateDeliveryResponse, DeleteDeliveryRequest, Delivery as Described,
    DescribeDeliveriesRequest, DescribeDeliveriesResponse, GetDeliveryRequest, GetDeliveryResponse,
    S3DeliveryConfiguration, UpdateDeliveryConfigurationRequest, UpdateDeliveryConfigurationResponse, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::layout::{self, bucket_client};
use super::resources::{DeliveryDocument, DestinationDocument, Format, Named, TargetKind};
use super::{Page, check_tags, no_such};
use crate::Logs;
use crate::errors;
use crate::limits::DELIVERIES_MAX;
use crate::names::group_named;
use crate::paging::Paged;

/// Pairs a source and a destination. That records can get there is tried before it is a delivery.
pub(crate) async fn create_delivery(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateDeliveryRequest,
) -> Result<CreateDeliveryResponse, ServiceError> {
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let source = ResourceKey::new(caller.account, &caller.region, &input.delivery_source_name);
    let destination = open_destination(logs, caller, &input.delivery_destination_arn)?;
    let kind = kind_of(logs, &source)?;
    let asked =
        Asked { fields: input.record_fields, delimiter: input.field_delimiter, s3: input.s3_delivery_configuration };
    let settings = Settings::new(&kind, &destination, asked, None)?;
    try_target(logs, caller, &destination).await?;
    let id = uuid(logs.random.as_ref()).simple().to_string().chars().take(16).collect::<String>();
    let key = ResourceKey::new(caller.account, &caller.region, id);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        let deliveries = &logs.deliveries.deliveries;
        if logs.deliveries.sources.get(&source).is_none() {
            return Err(no_such("delivery source", &source.name));
        }
        if logs.deliveries.destinations.get(&destination.key).is_none() {
            return Err(no_such("delivery destination", &destination.key.name));
        }
        let all = deliveries.list(&key.account, key.region.as_ref(), "", None, usize::MAX);
        let destination_arn = Named::Destination.arn(&destination.key);
        if all.iter().any(|one| one.source == source.name && one.destination_arn == destination_arn) {
            return Err(model::conflict_exception("Delivery already exists for this source and destination."));
        }
        if all.len() >= DELIVERIES_MAX {
            return Err(model::service_quota_exceeded_exception("There are too many deliveries."));
        }
        let number = logs.store.catalog().next_id("log_delivery").await.map_err(errors::store)?;
        let Settings { fields, delimiter, suffix_path, is_hive_compatible } = settings;
        let document = DeliveryDocument {
            number,
            source: source.name,
            destination_arn,
            fields,
            delimiter,
            suffix_path,
            is_hive_compatible,
            tags,
        };
        let created = deliveries.create(key, document).await.map_err(errors::store)?;
        logs.deliveries.index();
        Ok(CreateDeliveryResponse { delivery: Some(logs.described_delivery(&created)) })
    })
    .await
}

/// Tells of a delivery.
pub(crate) async fn get_delivery(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetDeliveryRequest,
) -> Result<GetDeliveryResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.id);
    let found = logs.deliveries.deliveries.get(&key).ok_or_else(|| no_such("delivery", &key.name))?;
    Ok(GetDeliveryResponse { delivery: Some(logs.described_delivery(&found)) })
}

/// Lists deliveries by id.
pub(crate) async fn describe_deliveries(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeDeliveriesRequest,
) -> Result<DescribeDeliveriesResponse, ServiceError> {
    let page = Page::new(Paged::Deliveries, logs.clock.now(), input.limit, input.next_token.as_deref())?;
    let mut all = logs.deliveries.deliveries.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    all.retain(|delivery| input.delivery_source_names.as_ref().is_none_or(|names| names.contains(&delivery.source)));
    let (found, next_token) = page.of(all, |delivery| delivery.key.name.clone());
    let deliveries = Some(found.iter().map(|delivery| logs.described_delivery(delivery)).collect());
    Ok(DescribeDeliveriesResponse { deliveries, next_token })
}

/// Changes what is delivered of a record, and how. Records that wait are delivered the new way.
pub(crate) async fn update_delivery_configuration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UpdateDeliveryConfigurationRequest,
) -> Result<UpdateDeliveryConfigurationResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.id);
    let logs = logs.clone();
    let caller = caller.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        let deliveries = &logs.deliveries.deliveries;
        let current = deliveries.get(&key).ok_or_else(|| no_such("delivery", &key.name))?;
        let source = ResourceKey::new(caller.account, &caller.region, &current.source);
        let kind = kind_of(&logs, &source)?;
        let destination = find_destination(&logs, &current.destination_arn)?;
        let asked = Asked {
            fields: input.record_fields,
            delimiter: input.field_delimiter,
            s3: input.s3_delivery_configuration,
        };
        let Settings { fields, delimiter, suffix_path, is_hive_compatible } =
            Settings::new(&kind, &destination, asked, Some(&current))?;
        let changed = DeliveryDocument { fields, delimiter, suffix_path, is_hive_compatible, ..current.value.clone() };
        deliveries.update(&current, changed).await.map_err(errors::store)?;
        Ok(UpdateDeliveryConfigurationResponse {})
    })
    .await
}

/// Deletes a delivery. What was not delivered yet is forgotten.
pub(crate) async fn delete_delivery(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteDeliveryRequest,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.id);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        if !logs.deliveries.deliveries.delete(&key).await.map_err(errors::store)? {
            return Err(no_such("delivery", &key.name));
        }
        logs.deliveries.index();
        logs.deliveries.cursors.delete(&key).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

impl Logs {
    fn described_delivery(&self, delivery: &Versioned<DeliveryDocument>) -> Described {
        let destination = find_destination(self, &delivery.destination_arn).ok();
        let target = destination.and_then(|destination| destination.target());
        let DeliveryDocument {
            source, destination_arn, fields, delimiter, suffix_path, is_hive_compatible, tags, ..
        } = delivery.value.clone();
        Described {
            id: Some(delivery.key.name.clone()),
            arn: Some(Named::Delivery.arn(&delivery.key)),
            delivery_source_name: Some(source),
            delivery_destination_arn: Some(destination_arn),
            delivery_destination_type: target.map(|(kind, _)| kind.as_str().to_owned()),
            record_fields: Some(fields),
            field_delimiter: delimiter,
            s3_delivery_configuration: suffix_path.map(|path| S3DeliveryConfiguration {
                suffix_path: Some(path),
                enable_hive_compatible_path: Some(is_hive_compatible),
            }),
            tags: Some(tags),
        }
    }
}

/// What a client asks for.
struct Asked {
    fields: Option<Vec<String>>,
    delimiter: Option<String>,
    s3: Option<S3DeliveryConfiguration>,
}

/// What a delivery does with records.
struct Settings {
    fields: Vec<String>,
    delimiter: Option<String>,
    suffix_path: Option<String>,
    is_hive_compatible: bool,
}

impl Settings {
    fn new(
        kind: &VendedLogKind,
        destination: &DestinationDocument,
        asked: Asked,
        current: Option<&DeliveryDocument>,
    ) -> Result<Settings, ServiceError> {
        let (target_kind, target) = destination.target().ok_or_else(|| no_such("destination resource", ""))?;
        let fields = match asked.fields.filter(|fields| !fields.is_empty()) {
            Some(fields) => {
                check_fields(kind, &fields)?;
                fields
            }
            None => match current {
                Some(current) => current.fields.clone(),
                None => kind.fields.iter().map(|field| field.name.to_owned()).collect(),
            },
        };
        let delimiter = match (destination.format, asked.delimiter) {
            (Format::Json, Some(given)) if !given.is_empty() => {
                return Err(model::validation_exception("Records of the output format json have no fieldDelimiter."));
            }
            (Format::Json, _) => None,
            (_, Some(given)) => Some(given),
            (_, None) => {
                current.and_then(|current| current.delimiter.clone()).or_else(|| Some(super::DELIMITER.to_owned()))
            }
        };
        if target_kind != TargetKind::Bucket {
            return match asked.s3 {
                Some(_) => Err(model::validation_exception(
                    "s3DeliveryConfiguration is only for deliveries to destinations of type S3.",
                )),
                None => Ok(Settings { fields, delimiter, suffix_path: None, is_hive_compatible: false }),
            };
        }
        let S3DeliveryConfiguration { suffix_path, enable_hive_compatible_path } = asked.s3.unwrap_or_default();
        let is_hive_compatible =
            enable_hive_compatible_path.unwrap_or_else(|| current.is_some_and(|current| current.is_hive_compatible));
        let kept = current.and_then(|current| current.suffix_path.clone()).filter(|_| suffix_path.is_none());
        let suffix_path = match kept {
            Some(kept) => kept,
            None => layout::suffix_path(kind, &target, suffix_path.as_deref()).map_err(model::validation_exception)?,
        };
        Ok(Settings { fields, delimiter, suffix_path: Some(suffix_path), is_hive_compatible })
    }
}

fn check_fields(kind: &VendedLogKind, asked: &[String]) -> Result<(), ServiceError> {
    let is_unknown = |name: &&String| kind.fields.iter().all(|field| field.name != name.as_str());
    if let Some(unknown) = asked.iter().find(is_unknown) {
        return Err(model::validation_exception(format!(
            "The record field {unknown} is not supported by the log source."
        )));
    }
    let is_twice = |(place, name): (usize, &String)| asked.iter().take(place).any(|before| before == name);
    if asked.iter().enumerate().any(is_twice) {
        return Err(model::validation_exception("A record field can be named once."));
    }
    let missing = kind.fields.iter().find(|field| field.is_mandatory && asked.iter().all(|name| name != field.name));
    match missing {
        Some(field) => Err(model::validation_exception(format!(
            "The record field {} is mandatory for the log source.",
            field.name
        ))),
        None => Ok(()),
    }
}

/// The kind of log that a source makes.
fn kind_of(logs: &Logs, source: &ResourceKey) -> Result<VendedLogKind, ServiceError> {
    let document = logs.deliveries.sources.get(source).ok_or_else(|| no_such("delivery source", &source.name))?;
    logs.deliveries.kind(&document).ok_or_else(|| no_such("resource of the delivery source", &source.name))
}

fn find_destination(logs: &Logs, arn: &str) -> Result<Arc<Versioned<DestinationDocument>>, ServiceError> {
    let named = Named::parse(arn).filter(|(named, _)| *named == Named::Destination);
    let (_, key) = named.ok_or_else(|| {
        model::validation_exception("The deliveryDestinationArn is not that of a delivery destination.")
    })?;
    logs.deliveries.destinations.get(&key).ok_or_else(|| no_such("delivery destination", &key.name))
}

/// The destination of an ARN, if the caller may deliver to it: it is the account's own, or its policy lets the account in.
fn open_destination(
    logs: &Logs,
    caller: &Caller,
    arn: &str,
) -> Result<Arc<Versioned<DestinationDocument>>, ServiceError> {
    let found = find_destination(logs, arn)?;
    if found.key.region.as_ref() != Some(&caller.region) {
        return Err(model::validation_exception(
            "The delivery destination must be of the Region of the delivery source.",
        ));
    }
    if found.key.account == caller.account {
        return Ok(found);
    }
    let policy = found.policy.as_deref().and_then(|text| Policy::parse(text, PolicyKind::Resource).ok());
    let root = format!("arn:aws:iam::{}:root", caller.account);
    let ask = Ask {
        asker: Asker::Identity { account: caller.account.as_str(), arn: &root, session: None },
        action: "logs:CreateDelivery",
        resource: arn,
        context: &Context::default(),
    };
    match resource_lets_in(found.key.account, policy.as_ref(), &ask) {
        Ok(_) => Ok(found),
        Err(_) => {
            Err(errors::access_denied("The policy of the delivery destination does not allow logs:CreateDelivery."))
        }
    }
}

/// Whether records can get to the target of a destination.
async fn try_target(
    logs: &Logs,
    caller: &Caller,
    destination: &Versioned<DestinationDocument>,
) -> Result<(), ServiceError> {
    let (kind, target) =
        destination.target().ok_or_else(|| no_such("destination resource", &destination.target_arn))?;
    match kind {
        TargetKind::LogGroup => {
            let name = group_named(&target).unwrap_or_default();
            let key = ResourceKey { name: name.to_owned(), ..destination.key.clone() };
            logs.directory.group(&key).map(drop)
        }
        TargetKind::DeliveryStream => {
            match logs.deliveries.ports().is_some_and(|ports| ports.streams.has(&destination.target_arn)) {
                true => Ok(()),
                false => Err(no_such("delivery stream", &destination.target_arn)),
            }
        }
        TargetKind::Bucket => try_bucket(logs, caller, &target).await,
    }
}

/// A bucket is written to, as AWS does before it promises a delivery.
async fn try_bucket(logs: &Logs, caller: &Caller, target: &Arn) -> Result<(), ServiceError> {
    let (bucket, _) = layout::bucket_of(target);
    let Some(ports) = logs.deliveries.ports() else { return Err(no_such("bucket", bucket)) };
    let probe = BucketObject { key: layout::probe_key(target), ..BucketObject::default() };
    let client = bucket_client(caller.account, &caller.region);
    ports.buckets.put(&client, bucket, probe).await.map_err(|error| match error {
        BucketError::NoSuchBucket(_) | BucketError::NoSuchKey(_) => no_such("bucket", bucket),
        BucketError::Denied(_) => errors::access_denied(
            "The policy of the bucket does not allow delivery.logs.amazonaws.com to put objects into it.",
        ),
        BucketError::Refused(why) => model::validation_exception(why),
        BucketError::Busy(why) => {
            tracing::warn!(why, "a delivery was not created: its bucket is busy");
            model::service_unavailable_exception("The service cannot complete the request.")
        }
    })
}
