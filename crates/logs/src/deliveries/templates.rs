//! DescribeConfigurationTemplates: what can be delivered where, and how, as it works here.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_core::ports::VendedLogKind;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    ConfigurationTemplate, ConfigurationTemplateDeliveryConfigValues, DescribeConfigurationTemplatesRequest,
    DescribeConfigurationTemplatesResponse, RecordField, S3DeliveryConfiguration,
};

use super::resources::{Format, TargetKind};
use super::{DELIMITER, Page, layout};
use crate::Logs;
use crate::paging::Paged;

/// Lists templates, by service, resource type, log type and type of destination.
pub(crate) async fn describe_configuration_templates(
    logs: &Arc<Logs>,
    _: &Caller,
    input: DescribeConfigurationTemplatesRequest,
) -> Result<DescribeConfigurationTemplatesResponse, ServiceError> {
    let page = Page::new(Paged::DeliveryTemplates, logs.clock.now(), input.limit, input.next_token.as_deref())?;
    let is_asked = |asked: &Option<Vec<String>>, name: &str| {
        asked.as_ref().is_none_or(|asked| asked.is_empty() || asked.iter().any(|one| one == name))
    };
    let kinds = logs.deliveries.kinds().into_iter().filter(|kind| {
        input.service.as_deref().is_none_or(|service| service == kind.service)
            && is_asked(&input.log_types, kind.log_type)
            && is_asked(&input.resource_types, kind.resource_type)
    });
    let targets = |kind: VendedLogKind| TargetKind::ALL.into_iter().map(move |target| (kind, target));
    let all: Vec<(VendedLogKind, TargetKind)> = kinds
        .flat_map(targets)
        .filter(|(_, target)| is_asked(&input.delivery_destination_types, target.as_str()))
        .collect();
    let place = |(kind, target): &(VendedLogKind, TargetKind)| {
        format!("{} {} {} {}", kind.service, kind.resource_type, kind.log_type, target.as_str())
    };
    let (found, next_token) = page.of(all, place);
    let configuration_templates = Some(found.iter().map(|(kind, target)| template(kind, *target)).collect());
    Ok(DescribeConfigurationTemplatesResponse { configuration_templates, next_token })
}

fn template(kind: &VendedLogKind, target: TargetKind) -> ConfigurationTemplate {
    let names = || kind.fields.iter().map(|field| field.name.to_owned());
    let has_rows = target.formats().iter().any(|format| *format != Format::Json);
    let is_bucket = target == TargetKind::Bucket;
    let field =
        |name: &'static str, is_mandatory| RecordField { name: Some(name.to_owned()), mandatory: Some(is_mandatory) };
    ConfigurationTemplate {
        service: Some(kind.service.to_owned()),
        log_type: Some(kind.log_type.to_owned()),
        resource_type: Some(kind.resource_type.to_owned()),
        delivery_destination_type: Some(target.as_str().to_owned()),
        default_delivery_config_values: Some(ConfigurationTemplateDeliveryConfigValues {
            record_fields: Some(names().collect()),
            field_delimiter: has_rows.then(|| DELIMITER.to_owned()),
            s3_delivery_configuration: is_bucket.then(|| S3DeliveryConfiguration {
                suffix_path: Some(layout::default_suffix_path(kind)),
                enable_hive_compatible_path: Some(false),
            }),
        }),
        allowed_fields: Some(kind.fields.iter().map(|one| field(one.name, one.is_mandatory)).collect()),
        allowed_output_formats: Some(target.formats().iter().map(|format| format.as_str().to_owned()).collect()),
        allowed_action_for_allow_vended_logs_delivery_for_resource: Some(format!(
            "{}:AllowVendedLogDeliveryForResource",
            kind.service
        )),
        allowed_field_delimiters: has_rows.then(|| super::DELIMITERS.iter().map(|&one| one.to_owned()).collect()),
        allowed_suffix_path_fields: is_bucket
            .then(|| layout::VARIABLES.iter().map(|variable| format!("{{{}}}", variable.name)).collect()),
        delivery_source_configuration: None,
        s3_tables_integration: None,
    }
}
