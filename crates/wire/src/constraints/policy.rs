//! How each service refuses an input that breaks a constraint. Sources: the API references' "Common Errors" pages and each
//! operation's "Errors" section.

use watchkeep_model::{Operation, Protocol, Schema, Service, ServiceError};

use super::Violation;

/// The error for these violations, as the service words it. Without the operation the service's most usual error is given.
pub fn refusal(service: &'static Service, operation: Option<&'static Operation>, found: &[Violation]) -> ServiceError {
    match service.name {
        "cloudwatch" => cloudwatch(service, operation, found),
        "logs" => {
            // Newer operations (deliveries, scheduled queries) know only ValidationException; the others never use it here.
            let lists =
                |code| operation.is_some_and(|operation| operation.errors.iter().any(|error| error.name == code));
            match lists("ValidationException") && !lists("InvalidParameterException") {
                true => coded(service, "ValidationException", message(found)),
                false => coded(service, "InvalidParameterException", message(found)),
            }
        }
        "cloudtrail" => coded(service, cloudtrail(operation, found), message(found)),
        "xray" => coded(service, "InvalidRequestException", message(found)),
        "schemas" => coded(service, "BadRequestException", message(found)),
        "sns" => coded(service, "InvalidParameterException", format!("Invalid parameter: {}", message(found))),
        "sqs" => sqs(service, found),
        "s3" => ServiceError::common("InvalidArgument", "InvalidArgument", 400, message(found)),
        _ => coded(service, "ValidationException", message(found)),
    }
}

/// `GetMetricData` and the alarms' operations refuse with `ValidationError`; the older ones name an absent parameter
/// themselves, and `PutMetricData` a wrong one too.
fn cloudwatch(service: &'static Service, operation: Option<&'static Operation>, found: &[Violation]) -> ServiceError {
    let name = operation.map_or("", |operation| operation.name);
    if name == "GetMetricData" || name.contains("Alarm") {
        return coded(service, "ValidationException", message(found));
    }
    if let Some(missing) = found.iter().find(|violation| violation.is_missing()) {
        let text = format!("The parameter {} is required.", missing.path.parameter());
        return coded(service, "MissingRequiredParameterException", text);
    }
    match found.first() {
        Some(violation) if name == "PutMetricData" => {
            let text = format!("The parameter {} must {}", violation.path.parameter(), violation.rule);
            coded(service, "InvalidParameterValueException", text)
        }
        _ => coded(service, "ValidationException", message(found)),
    }
}

/// SQS names an absent parameter; a batch that is not there is an empty one.
fn sqs(service: &'static Service, found: &[Violation]) -> ServiceError {
    let Some(missing) = found.iter().find(|violation| violation.is_missing()) else {
        return ServiceError::common("InvalidParameterValueException", "InvalidParameterValue", 400, message(found));
    };
    let parameter = missing.path.parameter();
    if parameter == "Entries" {
        return coded(service, "EmptyBatchRequest", "There should be at least one entry in the request.".to_owned());
    }
    let text = format!("The request must contain the parameter {parameter}.");
    ServiceError::common("MissingRequiredParameterException", "MissingParameter", 400, text)
}

/// CloudTrail's members that have an error of their own.
const CLOUDTRAIL: &[(&str, &str)] = &[
    ("maxResults", "InvalidMaxResultsException"),
    ("lookupAttributes", "InvalidLookupAttributesException"),
    ("eventCategory", "InvalidEventCategoryException"),
    ("eventDataStore", "EventDataStoreARNInvalidException"),
    ("advancedEventSelectors", "InvalidEventSelectorsException"),
    ("tagsList", "InvalidTagParameterException"),
];

fn cloudtrail(operation: Option<&'static Operation>, found: &[Violation]) -> &'static str {
    let paths: Vec<String> = found.iter().map(|violation| violation.path.camel()).collect();
    let is_broken = |member: &str| paths.iter().any(|path| path.split('.').next() == Some(member));
    let lists = |code| operation.is_some_and(|operation| operation.errors.iter().any(|error| error.name == code));
    match CLOUDTRAIL.iter().find(|(member, _)| is_broken(member)) {
        Some((_, code)) => code,
        None if lists("InvalidParameterException") => "InvalidParameterException",
        None => "ValidationException",
    }
}

/// `2 validation errors detected: ...; ...`.
fn message(found: &[Violation]) -> String {
    let plural = if found.len() == 1 { "" } else { "s" };
    let texts: Vec<String> = found.iter().map(Violation::text).collect();
    format!("{} validation error{plural} detected: {}", found.len(), texts.join("; "))
}

/// The error of this name: as the service's model has it, else the common one.
fn coded(service: &'static Service, code: &'static str, message: String) -> ServiceError {
    match error_schema(service, code) {
        Some(schema) => ServiceError::modelled(schema, message),
        None => {
            let query = if service.protocols.contains(&Protocol::AwsQuery) { "ValidationError" } else { code };
            ServiceError::common(code, query, 400, message)
        }
    }
}

/// The table of the error of this name that an operation of the service lists.
pub(crate) fn error_schema(service: &Service, code: &str) -> Option<&'static Schema> {
    let mut errors = service.operations.iter().flat_map(|operation| operation.errors);
    errors.find(|error| error.name == code).copied()
}
