//! The document of a data protection policy of a topic. It has more operations than one of a log group: messages are denied, masked,
//! redacted or audited, as they come in or as they go out, of these principals or all. Sources: "Understanding data protection policies in
//! Amazon SNS", "Data protection policy operations in Amazon SNS".

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::identifier::Identifier;
use super::limits::TOPIC_STATEMENTS_MAX;
use super::policy::{
    Configuration, FindingsDestination, InvalidPolicy, check_custom, check_version, document, identifier, refuse,
};

/// What the name of a log group for findings begins with.
const LOG_GROUP: &str = "/aws/vendedlogs/";

/// A data protection policy of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPolicy {
    /// What is done with messages, in the order of the document.
    pub protections: Vec<Protection>,
    /// What is reported, if anything is.
    pub audit: Option<Audit>,
}

/// On which way messages are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Direction {
    /// When they are published.
    Inbound,
    /// When they are delivered.
    Outbound,
}

/// What is done with what is sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The message is not taken, or not delivered.
    Deny,
    /// Each of its characters becomes this one.
    Mask(char),
    /// It is taken out.
    Redact,
}

/// A statement that does something with messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// On which way.
    pub direction: Direction,
    /// Of whom, or to whom: ARNs. All if there is none.
    pub principals: Vec<String>,
    /// What is sensitive.
    pub identifiers: Vec<Identifier>,
    /// What is done with it.
    pub deed: Deed,
}

/// The statement that reports what comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Of whom: ARNs. All if there is none.
    pub principals: Vec<String>,
    /// What is sensitive.
    pub identifiers: Vec<Identifier>,
    /// So many messages in a hundred.
    pub rate: u8,
    /// The log group for messages with findings.
    pub findings: Option<String>,
    /// The log group for messages without.
    pub no_findings: Option<String>,
}

impl TopicPolicy {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Which rule it breaks, as a sentence.
    pub fn parse(text: &str) -> Result<TopicPolicy, InvalidPolicy> {
        let document: Document = document(text)?;
        check_version(document.version.as_deref())?;
        if !(1..=TOPIC_STATEMENTS_MAX).contains(&document.statement.len()) {
            return refuse(format!("A data protection policy has 1 to {TOPIC_STATEMENTS_MAX} statements."));
        }
        let custom = document.configuration.unwrap_or_default().custom_data_identifier;
        check_custom(&custom)?;
        let mut policy = TopicPolicy { protections: Vec::new(), audit: None };
        for statement in document.statement {
            let names: BTreeSet<&str> = statement.data_identifier.iter().map(String::as_str).collect();
            let identifiers = names.into_iter().map(|name| identifier(name, &custom)).collect::<Result<Vec<_>, _>>()?;
            if identifiers.is_empty() {
                return refuse("DataIdentifier must name at least one data identifier.");
            }
            let principals = principals(statement.principal, statement.no_principal)?;
            let direction = statement.data_direction;
            let deed = match statement.operation {
                Operation::Deny(_) => Deed::Deny,
                Operation::Deidentify(Deidentify { mask_config: Some(mask), redact_config: None }) => {
                    Deed::Mask(mask_character(mask.mask_with_character.as_deref())?)
                }
                Operation::Deidentify(Deidentify { mask_config: None, redact_config: Some(_) }) => Deed::Redact,
                Operation::Deidentify(_) => return refuse("Deidentify has either a MaskConfig or a RedactConfig."),
                Operation::Audit(_) if policy.audit.is_some() => {
                    return refuse("A data protection policy has one Audit statement at most.");
                }
                Operation::Audit(_) if direction == Direction::Outbound => {
                    return refuse("Audit is for the DataDirection Inbound.");
                }
                Operation::Audit(audit) => {
                    policy.audit = Some(audit.checked(principals, identifiers)?);
                    continue;
                }
            };
            policy.protections.push(Protection { direction, principals, identifiers, deed });
        }
        Ok(policy)
    }
}

/// A text in which these ranges, in bytes, in any order, are masked with a character, or taken out.
pub fn deidentify(text: &str, ranges: impl IntoIterator<Item = Range<usize>>, mask: Option<char>) -> String {
    let mut ranges: Vec<Range<usize>> = ranges.into_iter().collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let (mut changed, mut done) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        let start = range.start.max(done);
        let (Some(before), Some(found)) = (text.get(done..start), text.get(start..range.end)) else { continue };
        changed.push_str(before);
        if let Some(mask) = mask {
            changed.extend(found.chars().map(|_| mask));
        }
        done = range.end;
    }
    changed.push_str(text.get(done..).unwrap_or_default());
    changed
}

fn principals(these: Vec<String>, others: Option<Vec<String>>) -> Result<Vec<String>, InvalidPolicy> {
    if others.is_some_and(|others| !others.is_empty()) {
        return refuse("NoPrincipal is not supported: name the principals.");
    }
    match these.iter().any(|one| one == "*") {
        true => Ok(Vec::new()),
        false if these.is_empty() => refuse("Principal must name at least one principal, or *."),
        false => Ok(these),
    }
}

fn mask_character(text: Option<&str>) -> Result<char, InvalidPolicy> {
    let Some(text) = text else { return Ok('*') };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) if character == ' ' || character.is_ascii_graphic() => Ok(character),
        _ => refuse("MaskWithCharacter is one printable ASCII character."),
    }
}

impl AuditOperation {
    fn checked(self, principals: Vec<String>, identifiers: Vec<Identifier>) -> Result<Audit, InvalidPolicy> {
        let rate = match &self.sample_rate {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|number| u8::try_from(number).ok()),
            _ => None,
        };
        let Some(rate) = rate.filter(|rate| *rate <= 99) else {
            return refuse("SampleRate is a whole number from 0 to 99.");
        };
        let group = |destination: Option<FindingsDestination>| {
            let Some(destination) = destination else { return Ok(None) };
            if destination.firehose.is_some() || destination.s3.is_some() {
                return refuse("Findings in messages are reported to log groups only.");
            }
            match destination.log_group.map(|group| group.log_group) {
                Some(group) if !group.starts_with(LOG_GROUP) => {
                    refuse(format!("The name of a log group for findings begins with {LOG_GROUP}."))
                }
                group => Ok(group),
            }
        };
        let (findings, no_findings) = (group(self.findings_destination)?, group(self.no_findings_destination)?);
        if findings.is_none() && no_findings.is_none() {
            return refuse("Audit needs a FindingsDestination or a NoFindingsDestination.");
        }
        Ok(Audit { principals, identifiers, rate, findings, no_findings })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "Name")]
    _name: Option<String>,
    #[serde(rename = "Description")]
    _description: Option<String>,
    version: Option<String>,
    configuration: Option<Configuration>,
    statement: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    data_direction: Direction,
    #[serde(default)]
    principal: Vec<String>,
    no_principal: Option<Vec<String>>,
    data_identifier: Vec<String>,
    operation: Operation,
}

#[derive(Debug, Deserialize)]
enum Operation {
    Audit(AuditOperation),
    Deidentify(Deidentify),
    Deny(Nothing),
}

/// `{}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AuditOperation {
    sample_rate: Value,
    findings_destination: Option<FindingsDestination>,
    no_findings_destination: Option<FindingsDestination>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Deidentify {
    mask_config: Option<MaskConfig>,
    redact_config: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MaskConfig {
    mask_with_character: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(direction: &str, operation: &str) -> String {
        format!(
            r#"{{"Name": "n", "Version": "2021-06-01", "Statement": [{{"Sid": "s", "DataDirection": "{direction}", "Principal": ["*"],
                "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"], "Operation": {operation}}}]}}"#
        )
    }

    #[test]
    fn operations_are_read() {
        let deed = |direction: &str, operation: &str| {
            let policy = TopicPolicy::parse(&document(direction, operation)).unwrap();
            (policy.protections[0].direction, policy.protections[0].deed)
        };
        assert_eq!(deed("Inbound", r#"{"Deny": {}}"#), (Direction::Inbound, Deed::Deny));
        let mask = r##"{"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}}"##;
        assert_eq!(deed("Outbound", mask), (Direction::Outbound, Deed::Mask('#')));
        assert_eq!(deed("Inbound", r#"{"Deidentify": {"MaskConfig": {}}}"#).1, Deed::Mask('*'));
        assert_eq!(deed("Inbound", r#"{"Deidentify": {"RedactConfig": {}}}"#).1, Deed::Redact);
        let audit = r#"{"Audit": {"SampleRate": "50", "FindingsDestination": {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/a"}}}}"#;
        let policy = TopicPolicy::parse(&document("Inbound", audit)).unwrap();
        let audit = policy.audit.unwrap();
        assert_eq!((audit.rate, audit.findings.as_deref(), audit.no_findings), (50, Some("/aws/vendedlogs/a"), None));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let audit = |rate: &str, destination: &str| {
            format!(r#"{{"Audit": {{"SampleRate": {rate}, "FindingsDestination": {destination}}}}}"#)
        };
        let group = r#"{"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/a"}}"#;
        for (direction, operation) in [
            ("Sideways", r#"{"Deny": {}}"#.to_owned()),
            ("Inbound", r#"{"Deny": {"a": 1}}"#.to_owned()),
            ("Inbound", r#"{"Deidentify": {}}"#.to_owned()),
            ("Inbound", r#"{"Deidentify": {"MaskConfig": {}, "RedactConfig": {}}}"#.to_owned()),
            ("Inbound", r#"{"Deidentify": {"MaskConfig": {"MaskWithCharacter": "xx"}}}"#.to_owned()),
            ("Outbound", audit("1", group)),
            ("Inbound", audit("100", group)),
            ("Inbound", audit("1", "{}")),
            ("Inbound", audit("1", r#"{"CloudWatchLogs": {"LogGroup": "mine"}}"#)),
            ("Inbound", audit("1", r#"{"S3": {"Bucket": "b"}}"#)),
        ] {
            assert!(TopicPolicy::parse(&document(direction, &operation)).is_err(), "{direction} {operation}");
        }
        assert!(
            TopicPolicy::parse(&document("Inbound", r#"{"Deny": {}}"#).replace("EmailAddress", "Unheard")).is_err()
        );
        assert!(TopicPolicy::parse(r#"{"Statement": []}"#).is_err());
    }

    #[test]
    fn what_is_sensitive_is_masked_or_taken_out() {
        let text = "a ärger b";
        let at = text.find("är").unwrap();
        let ranges = [at..at + 3, at + 1..at + 6, 0..1];
        assert_eq!(deidentify(text, ranges, Some('#')), "# ##### b");
        assert_eq!(deidentify(text, std::iter::once(at..at + 6), None), "a  b");
        assert_eq!(deidentify(text, [], None), text);
    }
}
