//! The document of a data protection policy. Sources: "PutDataProtectionPolicy", "PutAccountPolicy", "Understanding data protection
//! policies", "Custom data identifiers".

use std::collections::BTreeSet;

use regex::RegexBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::identifier::{Identifier, is_managed};
use super::limits::{
    CUSTOM_IDENTIFIERS_MAX, CUSTOM_NAME_CHARS_MAX, CUSTOM_REGEX_CHARS_MAX, DOCUMENT_CHARS_MAX, REGEX_BYTES_MAX,
};

/// What the ARNs of managed identifiers begin with.
const MANAGED: &str = "arn:aws:dataprotection::aws:data-identifier/";

/// The only version of the language.
const VERSION: &str = "2021-06-01";

/// The characters of a custom identifier's regular expression besides letters and digits.
const REGEX_CHARACTERS: &str = "_#=@/;,- ^$?[]{}|\\*+.";

/// Why a document is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPolicy(pub(super) String);

/// A data protection policy: what is sensitive, and where findings are reported. What is found is always masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name in metrics, if it has one.
    pub name: Option<String>,
    /// What is sensitive, without repetition.
    pub identifiers: Vec<Identifier>,
    /// Where findings are reported.
    pub destinations: Destinations,
}

/// Where findings are reported; anywhere, or nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    /// The name of a log group.
    pub log_group: Option<String>,
    /// The name of a delivery stream.
    pub delivery_stream: Option<String>,
    /// The name of a bucket.
    pub bucket: Option<String>,
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Which rule it breaks, as a sentence.
    pub fn parse(text: &str) -> Result<Policy, InvalidPolicy> {
        let document: Document = document(text)?;
        check_version(document.version.as_deref())?;
        let custom = document.configuration.unwrap_or_default().custom_data_identifier;
        check_custom(&custom)?;
        let [one, other] = document.statement.as_slice() else {
            return refuse("A data protection policy has two statements, one that audits and one that masks.");
        };
        let (audit, mask) = match (&one.operation, &other.operation) {
            (Operation::Audit(audit), Operation::Deidentify(mask)) => (audit, mask),
            (Operation::Deidentify(mask), Operation::Audit(audit)) => (audit, mask),
            _ => {
                return refuse("Of the two statements of a policy, one has the operation Audit, the other Deidentify.");
            }
        };
        if !mask.mask_config.is_empty() {
            return refuse("MaskConfig must be empty.");
        }
        if set(one) != set(other) {
            return refuse("The DataIdentifier lists of both statements must be the same.");
        }
        let identifiers = set(one).into_iter().map(|name| identifier(name, &custom)).collect::<Result<Vec<_>, _>>()?;
        if identifiers.is_empty() {
            return refuse("DataIdentifier must name at least one data identifier.");
        }
        let destination = &audit.findings_destination;
        let destinations = Destinations {
            log_group: destination.log_group.as_ref().map(|destination| destination.log_group.clone()),
            delivery_stream: destination.firehose.as_ref().map(|destination| destination.delivery_stream.clone()),
            bucket: destination.s3.as_ref().map(|destination| destination.bucket.clone()),
        };
        let named = [&destinations.log_group, &destinations.delivery_stream, &destinations.bucket];
        if named.into_iter().flatten().any(String::is_empty) {
            return refuse("A FindingsDestination has no name.");
        }
        Ok(Policy { name: document.name.filter(|name| !name.is_empty()), identifiers, destinations })
    }
}

/// Reads a document's JSON.
pub(super) fn document<D: DeserializeOwned>(text: &str) -> Result<D, InvalidPolicy> {
    if text.chars().count() > DOCUMENT_CHARS_MAX {
        return refuse(format!("The policy document is longer than {DOCUMENT_CHARS_MAX} characters."));
    }
    serde_json::from_str(text).map_err(|error| InvalidPolicy(format!("The policy document is not valid: {error}.")))
}

pub(super) fn check_version(version: Option<&str>) -> Result<(), InvalidPolicy> {
    match version {
        None | Some(VERSION) => Ok(()),
        Some(_) => refuse(format!("The version of a data protection policy is {VERSION}.")),
    }
}

pub(super) fn refuse<T>(reason: impl Into<String>) -> Result<T, InvalidPolicy> {
    Err(InvalidPolicy(reason.into()))
}

fn set(statement: &Statement) -> BTreeSet<&str> {
    statement.data_identifier.iter().map(String::as_str).collect()
}

/// The identifier that a statement names: a managed one by its ARN, a custom one by its name.
pub(super) fn identifier(name: &str, custom: &[CustomIdentifier]) -> Result<Identifier, InvalidPolicy> {
    if let Some(managed) = name.strip_prefix(MANAGED) {
        let found = Identifier::managed(managed);
        return found.ok_or_else(|| InvalidPolicy(format!("There is no managed data identifier {managed}.")));
    }
    match custom.iter().find(|custom| custom.name == name) {
        Some(custom) => Ok(Identifier::Custom { name: custom.name.clone(), regex: custom.regex.clone() }),
        None => refuse(format!("The policy defines no data identifier {name}.")),
    }
}

pub(super) fn check_custom(custom: &[CustomIdentifier]) -> Result<(), InvalidPolicy> {
    if custom.len() > CUSTOM_IDENTIFIERS_MAX {
        return refuse(format!("A policy can have up to {CUSTOM_IDENTIFIERS_MAX} custom data identifiers."));
    }
    let mut names = BTreeSet::new();
    for CustomIdentifier { name, regex } in custom {
        let may_be_in_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        if !(1..=CUSTOM_NAME_CHARS_MAX).contains(&name.chars().count()) || !name.chars().all(may_be_in_name) {
            return refuse(format!(
                "The name of a custom data identifier has 1 to {CUSTOM_NAME_CHARS_MAX} letters, digits, _ and -."
            ));
        }
        if is_managed(name) {
            return refuse(format!("{name} is the name of a managed data identifier."));
        }
        if !names.insert(name) {
            return refuse(format!("The custom data identifier {name} is defined twice."));
        }
        let may_be_in_regex =
            |character: char| character.is_ascii_alphanumeric() || REGEX_CHARACTERS.contains(character);
        if !(1..=CUSTOM_REGEX_CHARS_MAX).contains(&regex.chars().count()) || !regex.chars().all(may_be_in_regex) {
            return refuse(format!(
                "The regular expression of {name} has 1 to {CUSTOM_REGEX_CHARS_MAX} letters, digits, spaces and characters of \
                 {REGEX_CHARACTERS}"
            ));
        }
        if RegexBuilder::new(regex).size_limit(REGEX_BYTES_MAX).build().is_err() {
            return refuse(format!("The regular expression of {name} is not valid, or too large."));
        }
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    name: Option<String>,
    #[serde(rename = "Description")]
    _description: Option<String>,
    version: Option<String>,
    configuration: Option<Configuration>,
    statement: Vec<Statement>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Configuration {
    #[serde(default)]
    pub(super) custom_data_identifier: Vec<CustomIdentifier>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CustomIdentifier {
    name: String,
    regex: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    data_identifier: Vec<String>,
    operation: Operation,
}

#[derive(Debug, Deserialize)]
enum Operation {
    Audit(Audit),
    Deidentify(Deidentify),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Audit {
    findings_destination: FindingsDestination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Deidentify {
    mask_config: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FindingsDestination {
    #[serde(rename = "CloudWatchLogs")]
    pub(super) log_group: Option<LogGroup>,
    pub(super) firehose: Option<Firehose>,
    pub(super) s3: Option<Bucket>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct LogGroup {
    pub(super) log_group: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Firehose {
    delivery_stream: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Bucket {
    bucket: String,
}
