//! What PutMetricFilter is given, checked as far as it can be without looking at other filters.

use watchkeep_lang::field_selection::{FieldSelection, SystemField};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::PutMetricFilterRequest;

use super::MetricFilter;
use crate::errors::invalid;
use crate::limits::METRIC_FILTER_DIMENSIONS_MAX;

/// The document of a filter, without its number.
pub(super) fn document(
    input: PutMetricFilterRequest,
    group_id: u64,
    created: i64,
) -> Result<MetricFilter, ServiceError> {
    let [transformation] = <[_; 1]>::try_from(input.metric_transformations)
        .map_err(|_| invalid("A metric filter has exactly one metric transformation."))?;
    let dimensions = transformation.dimensions.unwrap_or_default();
    let system = input.emit_system_field_dimensions.unwrap_or_default();
    if transformation.metric_name.is_empty() || transformation.metric_namespace.is_empty() {
        return Err(invalid("Invalid metric transformation: name and namespace of the metric must not be empty."));
    }
    if transformation.metric_namespace.starts_with("AWS/") {
        return Err(invalid("Invalid metric transformation: namespaces that start with AWS/ are reserved."));
    }
    if transformation.default_value.is_some() && !dimensions.is_empty() {
        return Err(invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties.",
        ));
    }
    if transformation.default_value.is_some_and(|value| !value.is_finite()) {
        return Err(invalid("Invalid metric transformation: the default value must be a number."));
    }
    if dimensions.len() + system.len() > METRIC_FILTER_DIMENSIONS_MAX {
        return Err(invalid(format!(
            "Invalid metric transformation: a metric can have no more than {METRIC_FILTER_DIMENSIONS_MAX} dimensions."
        )));
    }
    let is_name = |name: &String| !name.trim().is_empty() && name.is_ascii() && !name.starts_with(':');
    if let Some(name) = dimensions.keys().find(|name| !is_name(name)) {
        return Err(invalid(format!("Invalid metric transformation: '{name}' cannot be the name of a dimension.")));
    }
    for (index, name) in system.iter().enumerate() {
        let is_twice = system.iter().take(index).any(|earlier| earlier == name);
        if SystemField::parse(name).is_none() || is_twice || dimensions.contains_key(name) {
            return Err(invalid(format!(
                "Invalid emitSystemFieldDimensions: '{name}' is not a system field, or is there twice."
            )));
        }
    }
    let criteria = input.field_selection_criteria.filter(|criteria| !criteria.trim().is_empty());
    if let Some(criteria) = &criteria {
        FieldSelection::parse(criteria).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(MetricFilter {
        id: 0,
        group_id,
        created,
        pattern: input.filter_pattern,
        metric_name: transformation.metric_name,
        metric_namespace: transformation.metric_namespace,
        metric_value: transformation.metric_value,
        default_value: transformation.default_value,
        dimensions,
        unit: transformation.unit,
        apply_on_transformed_logs: input.apply_on_transformed_logs,
        field_selection_criteria: criteria,
        emit_system_field_dimensions: Some(system).filter(|system| !system.is_empty()),
        disabled: false,
    })
}
