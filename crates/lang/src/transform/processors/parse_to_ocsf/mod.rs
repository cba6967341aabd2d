//! `parseToOCSF`: logs of AWS's services become events of the Open Cybersecurity Schema Framework, as OCSF's own mappings of AWS's
//! logs have it (`ocsf/examples`, versions 1.1.0 and 1.5.0). Each source of logs is one file.
//!
//! What a mapping does not name is kept under `unmapped`. What cannot be an event of its class fails: nothing is made up.

mod classes;
mod cloudtrail;
mod eks_audit;
mod mapping;
mod route53_resolver;
#[cfg(test)]
mod tests;
mod vpc_flow;
mod waf;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::mapping::Mapping;
use crate::transform::event::{Event, Failure, Input, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseToOCSF";

/// The one version of the mappings for events of version 1.5.
const MAPPING_VERSIONS: [&str; 2] = ["1.5.0", "1.5"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: Option<String>,
    event_source: EventSource,
    ocsf_version: Version,
    mapping_version: Option<String>,
}

/// Which logs are read.
#[derive(Clone, Copy, Deserialize)]
enum EventSource {
    CloudTrail,
    Route53Resolver,
    VPCFlow,
    EKSAudit,
    #[serde(rename = "AWSWAF")]
    Waf,
}

/// Which version of OCSF is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Version {
    #[serde(rename = "V1.1")]
    V1_1,
    #[serde(rename = "V1.5")]
    V1_5,
}

struct ParseToOcsf {
    source: Input,
    event_source: EventSource,
    version: Version,
}

/// Compiles `{"eventSource": "CloudTrail", "ocsfVersion": "V1.5", "mappingVersion": "1.5.0", "source": "detail"}`. A source other
/// than the message is a field of the JSON object that the message is.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let Options { source, event_source, ocsf_version: version, mapping_version } = super::options(options)?;
    if let Some(mapping) = mapping_version {
        if version == Version::V1_1 {
            return Err("mappingVersion is not supported for ocsfVersion V1.1".into());
        }
        if !MAPPING_VERSIONS.contains(&mapping.strip_prefix('v').unwrap_or(&mapping)) {
            return Err(format!("there is no mappingVersion {mapping}, but {}", MAPPING_VERSIONS.join(" and ")));
        }
    }
    Ok(Box::new(ParseToOcsf { source: Input::parse(source.as_deref())?, event_source, version }))
}

impl Process for ParseToOcsf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let record = self.record(event.source.message)?;
        let mapping = Mapping::new(record, self.version);
        let made = match self.event_source {
            EventSource::CloudTrail => cloudtrail::map(mapping),
            EventSource::Route53Resolver => route53_resolver::map(mapping),
            EventSource::VPCFlow => vpc_flow::map(mapping),
            EventSource::EKSAudit => eks_audit::map(mapping),
            EventSource::Waf => waf::map(mapping),
        }?;
        event.fields.extend(made);
        Ok(())
    }

    fn data_format(&self) -> Option<&'static str> {
        Some(match self.version {
            Version::V1_1 => "OCSF-1.1",
            Version::V1_5 => "OCSF-1.5",
        })
    }
}

impl ParseToOcsf {
    /// The record that an event is, or has in one of its fields: as an object, or as a text of one.
    fn record(&self, message: &str) -> Result<Map<String, Value>, Failure> {
        let Input::Field(path) = &self.source else { return self.parsed(message) };
        match path.get(&object(message)?) {
            Some(Value::Object(record)) => Ok(record.clone()),
            Some(Value::String(text)) => self.parsed(text),
            Some(_) => Err(Failure(format!("the field '{}' is no record", path.last()))),
            None => Err(Failure(format!("there is no field '{}'", path.last()))),
        }
    }

    fn parsed(&self, text: &str) -> Result<Map<String, Value>, Failure> {
        match self.event_source {
            EventSource::VPCFlow if !text.trim_start().starts_with('{') => vpc_flow::line(text),
            _ => object(text),
        }
    }
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Failure("the text is no JSON object".into())),
    }
}

impl Version {
    /// As events say it.
    fn as_str(self) -> &'static str {
        match self {
            Version::V1_1 => "1.1.0",
            Version::V1_5 => "1.5.0",
        }
    }
}
