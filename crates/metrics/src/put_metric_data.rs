//! PutMetricData: all or nothing, durable when it returns. Sources: "PutMetricData", "EntityMetricData", "Publish custom
//! metrics".

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::{MetricDatum, PutMetricDataInput};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_wire::service::Reply;

use crate::Metrics;
use crate::append::Batch;
use crate::datum::{self, Accepted, Place};
use crate::entity;
use crate::errors::{
    collection_too_large, invalid_combination, invalid_value, missing, of_store, repeated_dimension, too_many_series,
};
use crate::limits::{DATUMS_MAX, ENTITIES_MAX};
use crate::series::KeyWriter;

/// Puts metric data.
pub(crate) async fn put_metric_data(
    service: &Metrics,
    caller: &Caller,
    input: PutMetricDataInput,
) -> Result<Reply<Unit>, ServiceError> {
    datum::check_namespace(&input.namespace)?;
    let accepted = service.accepted();
    let (batch, failure) = collect(service, caller, &input, &accepted)?;
    service.append(batch).await.map_err(|error| of_store(&error))?;
    let mut reply = Reply::from(Unit {});
    if let Some(code) = failure {
        reply.headers.push(("x-amzn-failure-message", code.to_owned()));
    }
    Ok(reply)
}

/// Checks the whole request; and the failure of an entity that was let pass.
fn collect<'i>(
    service: &Metrics,
    caller: &Caller,
    input: &'i PutMetricDataInput,
    accepted: &Accepted,
) -> Result<(Batch, Option<&'static str>), ServiceError> {
    let plain = input.metric_data.as_deref().unwrap_or_default();
    let with_entity = input.entity_metric_data.as_deref().unwrap_or_default();
    if !with_entity.is_empty() && input.strict_entity_validation.is_none() {
        let text =
            "The parameter StrictEntityValidation must be specified when the parameter EntityMetricData is specified.";
        return Err(invalid_combination(text));
    }
    let is_strict = input.strict_entity_validation == Some(true);
    // Too many entities are a fault of the entities: without strictness their data are kept all the same.
    let too_many = with_entity.len() > ENTITIES_MAX;
    if too_many && is_strict {
        return Err(collection_too_large("EntityMetricData", ENTITIES_MAX));
    }
    let of_entities = || with_entity.iter().map(|data| data.metric_data.as_deref().unwrap_or_default());
    let datums = plain.len() + of_entities().map(<[MetricDatum]>::len).sum::<usize>();
    if datums == 0 {
        return Err(missing("At least one MetricDatum object must be present in the request."));
    }
    if datums > DATUMS_MAX {
        return Err(collection_too_large("MetricData", DATUMS_MAX));
    }
    let mut checked = Vec::with_capacity(datums);
    let mut check = |data: &'i [MetricDatum], entity_place: Option<usize>, entity: Option<&Arc<str>>| {
        for (index, datum) in data.iter().enumerate() {
            if let Some(point) = datum::check(datum, Place { entity: entity_place, datum: index }, accepted)? {
                checked.push((datum, point, entity.cloned()));
            }
        }
        Ok::<(), ServiceError>(())
    };
    check(plain, None, None)?;
    let mut failure = too_many.then_some("EntitySizeTooLarge");
    for (index, (data, entity_of)) in of_entities().zip(with_entity).enumerate() {
        let entity = match entity::check(entity_of.entity.as_ref()) {
            Err(error) if is_strict => return Err(invalid_value(format!("{}: {}", error.code, error.reason))),
            Err(error) => {
                failure.get_or_insert(error.code);
                None
            }
            Ok(_) if too_many => None,
            Ok(entity) => Some(Arc::from(entity::json(entity))),
        };
        check(data, Some(index), entity.as_ref())?;
    }
    // Only now, when nothing is refused any more, may series come into being.
    let mut batch = Batch::with_capacity(checked.len());
    let mut writer = KeyWriter::new(caller.account, &caller.region, &input.namespace);
    for (datum, point, entity) in checked {
        let key = writer.key(&datum.metric_name, datum.dimensions.as_deref().unwrap_or_default());
        let key = key.map_err(|_| repeated_dimension())?;
        let series = service.index.get_or_create(key, accepted.now.0).map_err(|_| too_many_series())?;
        batch.add(series, point, entity.as_ref());
    }
    Ok((batch, failure))
}
