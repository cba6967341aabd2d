//! Advanced event selectors: which events an event data store collects. Sources: the API reference's pages "AdvancedEventSelector" and
//! "AdvancedFieldSelector".
//!
//! An event is selected if one of the selectors selects it: all its fields do. A field selects by `Equals`, `StartsWith` and `EndsWith`
//! (one value of them all must fit, if there are any), and deselects by their opposites (none may fit). What an event does not have
//! fits nothing.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudtrail::errors::{invalid_event_selectors_exception, unsupported_operation_exception};
use watchkeep_model::cloudtrail::{AdvancedEventSelector, AdvancedFieldSelector};

use crate::limits::{SELECTOR_VALUES_MAX, SELECTORS_MAX};

/// A selector, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventSelector {
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// All of them must fit; each field once.
    fields: Vec<FieldSelector>,
}

/// What a field must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FieldSelector {
    field: Field,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    equals: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    starts_with: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ends_with: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not_equals: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not_starts_with: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not_ends_with: Vec<String>,
}

/// A field of events that selectors know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    /// `eventCategory`
    EventCategory,
    /// `eventName`
    EventName,
    /// `eventSource`
    EventSource,
    /// `eventType`
    EventType,
    /// `readOnly`
    ReadOnly,
    /// `sessionCredentialFromConsole`
    SessionCredentialFromConsole,
    /// `userIdentity.arn`
    UserIdentityArn,
    /// `resources.type`
    ResourcesType,
    /// `resources.ARN`
    ResourcesArn,
    /// `errorCode`
    ErrorCode,
    /// `vpcEndpointId`
    VpcEndpointId,
}

/// Whether a value is of those that are sought.
pub(crate) type Test<'t> = &'t dyn Fn(&str) -> bool;

const FIELDS: &[(Field, &str)] = &[
    (Field::EventCategory, "eventCategory"),
    (Field::EventName, "eventName"),
    (Field::EventSource, "eventSource"),
    (Field::EventType, "eventType"),
    (Field::ReadOnly, "readOnly"),
    (Field::SessionCredentialFromConsole, "sessionCredentialFromConsole"),
    (Field::UserIdentityArn, "userIdentity.arn"),
    (Field::ResourcesType, "resources.type"),
    (Field::ResourcesArn, "resources.ARN"),
    (Field::ErrorCode, "errorCode"),
    (Field::VpcEndpointId, "vpcEndpointId"),
];

impl Field {
    fn as_str(self) -> &'static str {
        FIELDS.iter().find(|(field, _)| *field == self).map_or("", |(_, name)| name)
    }

    fn parse(name: &str) -> Option<Field> {
        FIELDS.iter().find(|(_, known)| *known == name).map(|(field, _)| *field)
    }
}

/// What a selector may ask of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operators {
    /// `Equals` alone, and of these values.
    EqualsOf(&'static [&'static str]),
    /// `Equals` alone, and one value.
    EqualsOne,
    /// `Equals` or `NotEquals`, of these values.
    EqualsOrNot(&'static [&'static str]),
    /// Whatever there is.
    Any,
}

/// What selectors of a category can have, and must have.
struct Rules {
    category: &'static str,
    required: &'static [Field],
    fields: &'static [(Field, Operators)],
}

const BOOLEANS: &[&str] = &["true", "false"];
const FROM_CONSOLE: Operators = Operators::EqualsOrNot(&["true"]);

const RULES: &[Rules] = &[
    Rules {
        category: "Management",
        required: &[],
        fields: &[
            (Field::EventName, Operators::Any),
            (Field::EventSource, Operators::Any),
            (Field::EventType, Operators::Any),
            (Field::ReadOnly, Operators::EqualsOf(BOOLEANS)),
            (Field::SessionCredentialFromConsole, FROM_CONSOLE),
            (Field::UserIdentityArn, Operators::Any),
        ],
    },
    Rules {
        category: "Data",
        required: &[Field::ResourcesType],
        fields: &[
            (Field::EventName, Operators::Any),
            (Field::EventSource, Operators::Any),
            (Field::EventType, Operators::Any),
            (Field::ReadOnly, Operators::EqualsOf(BOOLEANS)),
            (Field::ResourcesArn, Operators::Any),
            (Field::ResourcesType, Operators::EqualsOne),
            (Field::SessionCredentialFromConsole, FROM_CONSOLE),
            (Field::UserIdentityArn, Operators::Any),
        ],
    },
    // There are no VPC endpoints here, and so none of these events; a selector of them is right all the same.
    Rules {
        category: "NetworkActivity",
        required: &[Field::EventSource],
        fields: &[
            (Field::ErrorCode, Operators::EqualsOf(&["VpceAccessDenied"])),
            (Field::EventName, Operators::Any),
            (Field::EventSource, Operators::EqualsOne),
            (Field::VpcEndpointId, Operators::Any),
        ],
    },
];

/// Categories of events that nobody here makes: a store of them would stay empty for ever.
const UNSUPPORTED: &[&str] = &["ActivityAuditLog", "ConfigurationItem", "Evidence", "Insight"];

/// The selectors that a client gives, checked.
///
/// # Errors
///
/// InvalidEventSelectorsException for what breaks a rule; UnsupportedOperationException for categories without events.
pub(crate) fn parse(given: &[AdvancedEventSelector]) -> Result<Vec<EventSelector>, ServiceError> {
    if given.is_empty() || given.len() > SELECTORS_MAX {
        return Err(invalid(format!(
            "An event data store has between 1 and {SELECTORS_MAX} advanced event selectors."
        )));
    }
    let selectors: Vec<EventSelector> = given.iter().map(selector).collect::<Result<_, _>>()?;
    let values: usize = selectors.iter().flat_map(|selector| &selector.fields).map(FieldSelector::values).sum();
    match values {
        0..=SELECTOR_VALUES_MAX => Ok(selectors),
        _ => Err(invalid(format!(
            "The advanced event selectors of an event data store have {SELECTOR_VALUES_MAX} values at most."
        ))),
    }
}

/// The selectors of a store whose creator gave none.
pub(crate) fn default() -> Vec<EventSelector> {
    let field = Field::EventCategory;
    let category = FieldSelector { equals: vec!["Management".into()], ..FieldSelector::empty(field) };
    vec![EventSelector { name: Some("Default management events".into()), fields: vec![category] }]
}

/// The selectors as the API shows them.
pub(crate) fn shown(selectors: &[EventSelector]) -> Vec<AdvancedEventSelector> {
    let shown = |selector: &EventSelector| AdvancedEventSelector {
        name: selector.name.clone(),
        field_selectors: selector.fields.iter().map(FieldSelector::shown).collect(),
    };
    selectors.iter().map(shown).collect()
}

impl EventSelector {
    /// Whether it selects an event. `any` says whether a value of a field of the event passes a test.
    pub(crate) fn selects(&self, any: &dyn Fn(Field, Test<'_>) -> bool) -> bool {
        self.fields.iter().all(|field| {
            (!field.has_selecting() || any(field.field, &|value| field.is_selecting(value)))
                && !any(field.field, &|value| field.is_deselecting(value))
        })
    }

    /// Whether it may select data events of resources of this type.
    pub(crate) fn may_select_data_of(&self, resource_type: &str) -> bool {
        let of_type = |field: &FieldSelector| {
            field.field == Field::ResourcesType && field.equals.iter().any(|value| value == resource_type)
        };
        self.fields.iter().any(of_type)
    }
}

fn selector(given: &AdvancedEventSelector) -> Result<EventSelector, ServiceError> {
    let fields: Vec<FieldSelector> = given.field_selectors.iter().map(field_selector).collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !seen.insert(field.field)) {
        return Err(invalid(format!("The field {} is given twice in one selector.", twice.field.as_str())));
    }
    let category = fields.iter().find(|field| field.field == Field::EventCategory);
    let category = category.filter(|category| category.is_equals_alone()).map(|category| category.equals.as_slice());
    let Some([category]) = category else {
        return Err(invalid("A selector needs the field eventCategory, with one value of Equals."));
    };
    let Some(rules) = RULES.iter().find(|rules| rules.category == category) else {
        return Err(match UNSUPPORTED.contains(&category.as_str()) {
            true => unsupported_operation_exception(format!("There are no events of the category {category}.")),
            false => invalid(format!("There is no event category {category}.")),
        });
    };
    if let Some(missing) = rules.required.iter().find(|required| fields.iter().all(|field| field.field != **required)) {
        return Err(invalid(format!("A selector of {category} events needs the field {}.", missing.as_str())));
    }
    for field in fields.iter().filter(|field| field.field != Field::EventCategory) {
        let name = field.field.as_str();
        let Some((_, operators)) = rules.fields.iter().find(|(known, _)| *known == field.field) else {
            return Err(invalid(format!("A selector of {category} events cannot have the field {name}.")));
        };
        field.check(*operators).map_err(|rule| invalid(format!("The field {name} {rule}")))?;
    }
    Ok(EventSelector { name: given.name.clone(), fields })
}

fn field_selector(given: &AdvancedFieldSelector) -> Result<FieldSelector, ServiceError> {
    let field = Field::parse(&given.field)
        .ok_or_else(|| invalid(format!("There is no field {} to select by.", given.field)))?;
    let selector = FieldSelector {
        field,
        equals: given.equals.clone().unwrap_or_default(),
        starts_with: given.starts_with.clone().unwrap_or_default(),
        ends_with: given.ends_with.clone().unwrap_or_default(),
        not_equals: given.not_equals.clone().unwrap_or_default(),
        not_starts_with: given.not_starts_with.clone().unwrap_or_default(),
        not_ends_with: given.not_ends_with.clone().unwrap_or_default(),
    };
    match selector.values() {
        0 => Err(invalid(format!("The field {} has no value of any operator.", given.field))),
        _ => Ok(selector),
    }
}

impl FieldSelector {
    fn empty(field: Field) -> FieldSelector {
        FieldSelector {
            field,
            equals: Vec::new(),
            starts_with: Vec::new(),
            ends_with: Vec::new(),
            not_equals: Vec::new(),
            not_starts_with: Vec::new(),
            not_ends_with: Vec::new(),
        }
    }

    /// How many values it has.
    fn values(&self) -> usize {
        self.equals.len() + self.starts_with.len() + self.ends_with.len() + self.deselecting_values()
    }

    fn deselecting_values(&self) -> usize {
        self.not_equals.len() + self.not_starts_with.len() + self.not_ends_with.len()
    }

    fn is_equals_alone(&self) -> bool {
        self.values() == self.equals.len()
    }

    /// What it breaks, as the end of a sentence.
    fn check(&self, operators: Operators) -> Result<(), String> {
        let are_of = |known: &[&str], values: &[String]| values.iter().all(|value| known.contains(&value.as_str()));
        match operators {
            Operators::Any => Ok(()),
            Operators::EqualsOne if self.is_equals_alone() && self.equals.len() == 1 => Ok(()),
            Operators::EqualsOne => Err("takes one value of Equals.".into()),
            Operators::EqualsOf(known) if self.is_equals_alone() && are_of(known, &self.equals) => Ok(()),
            Operators::EqualsOf(known) => Err(format!("takes Equals alone, of {}.", known.join(" and "))),
            Operators::EqualsOrNot(known)
                if self.values() == self.equals.len() + self.not_equals.len()
                    && are_of(known, &self.equals)
                    && are_of(known, &self.not_equals) =>
            {
                Ok(())
            }
            Operators::EqualsOrNot(known) => {
                Err(format!("takes Equals and NotEquals alone, of {}.", known.join(" and ")))
            }
        }
    }

    fn has_selecting(&self) -> bool {
        self.values() > self.deselecting_values()
    }

    fn is_selecting(&self, value: &str) -> bool {
        fits(value, &self.equals, &self.starts_with, &self.ends_with)
    }

    fn is_deselecting(&self, value: &str) -> bool {
        fits(value, &self.not_equals, &self.not_starts_with, &self.not_ends_with)
    }

    fn shown(&self) -> AdvancedFieldSelector {
        let some = |values: &[String]| (!values.is_empty()).then(|| values.to_vec());
        AdvancedFieldSelector {
            field: self.field.as_str().to_owned(),
            equals: some(&self.equals),
            starts_with: some(&self.starts_with),
            ends_with: some(&self.ends_with),
            not_equals: some(&self.not_equals),
            not_starts_with: some(&self.not_starts_with),
            not_ends_with: some(&self.not_ends_with),
        }
    }
}

fn fits(value: &str, equals: &[String], starts: &[String], ends: &[String]) -> bool {
    equals.iter().any(|equal| equal == value)
        || starts.iter().any(|start| value.starts_with(start.as_str()))
        || ends.iter().any(|end| value.ends_with(end.as_str()))
}

fn invalid(message: impl Into<String>) -> ServiceError {
    invalid_event_selectors_exception(message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Selectors as `[[field, operator, values...]...]`.
    fn selectors(given: &Value) -> Vec<AdvancedEventSelector> {
        let texts = |values: &[Value]| Some(values.iter().map(|value| value.as_str().unwrap().to_owned()).collect());
        let field = |field: &Value| {
            let [name, operator, values @ ..] = field.as_array().unwrap().as_slice() else { panic!("{field}") };
            let mut selector =
                AdvancedFieldSelector { field: name.as_str().unwrap().to_owned(), ..AdvancedFieldSelector::default() };
            let slot = match operator.as_str().unwrap() {
                "Equals" => &mut selector.equals,
                "StartsWith" => &mut selector.starts_with,
                "EndsWith" => &mut selector.ends_with,
                "NotEquals" => &mut selector.not_equals,
                "NotStartsWith" => &mut selector.not_starts_with,
                "NotEndsWith" => &mut selector.not_ends_with,
                other => panic!("{other}"),
            };
            *slot = texts(values);
            selector
        };
        let selector = |fields: &Value| AdvancedEventSelector {
            name: None,
            field_selectors: fields.as_array().unwrap().iter().map(field).collect(),
        };
        given.as_array().unwrap().iter().map(selector).collect()
    }

    #[test]
    fn rules_are_checked() {
        let management = json!(["eventCategory", "Equals", "Management"]);
        let data = json!(["eventCategory", "Equals", "Data"]);
        let s3 = json!(["resources.type", "Equals", "AWS::S3::Object"]);
        let network = json!(["eventCategory", "Equals", "NetworkActivity"]);
        let many: Vec<String> = (0..500).map(|number| format!("Event{number}")).collect();
        let mut names = vec![json!("eventName"), json!("Equals")];
        names.extend(many.into_iter().map(Value::from));
        let cases = [
            (json!([[management]]), "ok"),
            (
                json!([[management, ["eventName", "StartsWith", "Put", "Delete"], ["readOnly", "Equals", "false"]]]),
                "ok",
            ),
            (json!([[management, ["userIdentity.arn", "NotEndsWith", "/ci"]]]), "ok"),
            (json!([[management, ["sessionCredentialFromConsole", "NotEquals", "true"]]]), "ok"),
            (json!([[data, s3, ["resources.ARN", "StartsWith", "arn:aws:s3:::a/"]]]), "ok"),
            (
                json!([[
                    network,
                    ["eventSource", "Equals", "kms.amazonaws.com"],
                    ["errorCode", "Equals", "VpceAccessDenied"]
                ]]),
                "ok",
            ),
            (json!([[management], [management], [management], [management], [management]]), "ok"),
            (json!([]), "between 1 and 5"),
            (
                json!([[management], [management], [management], [management], [management], [management]]),
                "between 1 and 5",
            ),
            (json!([[]]), "needs the field eventCategory"),
            (json!([[["eventName", "Equals", "A"]]]), "needs the field eventCategory"),
            (json!([[["eventCategory", "NotEquals", "Data"]]]), "needs the field eventCategory"),
            (json!([[["eventCategory", "Equals", "Data", "Management"]]]), "needs the field eventCategory"),
            (json!([[["eventCategory", "Equals", "management"]]]), "no event category management"),
            (json!([[["eventCategory", "Equals", "ConfigurationItem"]]]), "no events of the category"),
            (json!([[management, ["eventname", "Equals", "A"]]]), "no field eventname"),
            (json!([[management, ["eventName", "Equals"]]]), "has no value"),
            (json!([[management, ["eventName", "Equals", "A"], ["eventName", "NotEquals", "B"]]]), "is given twice"),
            (json!([[management, ["resources.ARN", "Equals", "a"]]]), "cannot have the field resources.ARN"),
            (json!([[management, ["readOnly", "NotEquals", "true"]]]), "takes Equals alone"),
            (json!([[management, ["readOnly", "Equals", "True"]]]), "takes Equals alone"),
            (json!([[management, ["sessionCredentialFromConsole", "Equals", "false"]]]), "of true"),
            (json!([[data]]), "needs the field resources.type"),
            (json!([[data, ["resources.type", "StartsWith", "AWS::S3"]]]), "takes one value of Equals"),
            (
                json!([[data, ["resources.type", "Equals", "AWS::S3::Object", "AWS::SNS::Topic"]]]),
                "takes one value of Equals",
            ),
            (json!([[network]]), "needs the field eventSource"),
            (json!([[management, names]]), "500 values at most"),
        ];
        for (given, expected) in cases {
            let found = match parse(&selectors(&given)) {
                Ok(parsed) => {
                    assert_eq!(shown(&parsed), selectors(&given));
                    "ok".to_owned()
                }
                Err(error) => error.message,
            };
            assert!(found.contains(expected), "{given}: {found}");
        }
    }

    #[test]
    fn events_are_selected_as_documented() {
        let event = |name: &'static str, arns: &'static [&'static str]| {
            move |field: Field, test: Test<'_>| match field {
                Field::EventCategory => test("Data"),
                Field::ResourcesType => test("AWS::S3::Object"),
                Field::EventName => test(name),
                Field::ResourcesArn => arns.iter().any(|arn| test(arn)),
                _ => false,
            }
        };
        let data = [json!(["eventCategory", "Equals", "Data"]), json!(["resources.type", "Equals", "AWS::S3::Object"])];
        let with = |fields: Value| {
            let mut all = data.to_vec();
            all.extend(fields.as_array().unwrap().iter().cloned());
            parse(&selectors(&json!([all]))).unwrap().remove(0)
        };
        let a = &["arn:aws:s3:::a/x"];
        let cases: &[(Value, &'static str, &'static [&'static str], bool)] = &[
            (json!([["eventName", "StartsWith", "Put", "Delete"]]), "PutObject", a, true),
            (json!([["eventName", "StartsWith", "Put", "Delete"]]), "GetObject", a, false),
            (json!([["eventName", "EndsWith", "Object"]]), "GetObject", a, true),
            (json!([["eventName", "NotEndsWith", "Object"]]), "GetObject", a, false),
            (json!([["eventName", "NotStartsWith", "put"]]), "PutObject", a, true),
            (json!([["resources.ARN", "StartsWith", "arn:aws:s3:::a/"]]), "PutObject", a, true),
            (json!([["resources.ARN", "StartsWith", "arn:aws:s3:::b/"]]), "PutObject", a, false),
            // What is absent is not selected, and not deselected.
            (json!([["resources.ARN", "StartsWith", "arn:aws:s3:::a/"]]), "PutObject", &[], false),
            (json!([["resources.ARN", "NotStartsWith", "arn:aws:s3:::a/"]]), "PutObject", &[], true),
            (
                json!([["resources.ARN", "NotEquals", "arn:aws:s3:::a/x"]]),
                "PutObject",
                &["arn:aws:s3:::b", "arn:aws:s3:::a/x"],
                false,
            ),
            (json!([["sessionCredentialFromConsole", "NotEquals", "true"]]), "PutObject", a, true),
            (json!([["sessionCredentialFromConsole", "Equals", "true"]]), "PutObject", a, false),
        ];
        for (fields, name, arns, expected) in cases {
            assert_eq!(with(fields.clone()).selects(&event(name, arns)), *expected, "{fields} {name} {arns:?}");
        }
        let mut both = vec![json!(["eventName", "StartsWith", "Delete"])];
        both.extend(data.clone());
        let mut given = selectors(&json!([both]));
        given[0].field_selectors[0].not_equals = Some(vec!["DeleteObjects".into()]);
        let selector = parse(&given).unwrap().remove(0);
        assert!(selector.selects(&event("DeleteObject", a)) && !selector.selects(&event("DeleteObjects", a)));
        assert!(selector.may_select_data_of("AWS::S3::Object") && !selector.may_select_data_of("AWS::SNS::Topic"));
        let management = &default()[0];
        assert!(!management.selects(&event("PutObject", a)));
        assert!(management.selects(&|field, test| field == Field::EventCategory && test("Management")));
    }
}
