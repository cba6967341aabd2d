//! The types of account policies, a row each: how many there may be, by what they may select groups, and who checks what
//! their documents say. A feature that has account policies puts its check into this table.

use std::sync::Arc;

use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::ServiceError;

use super::AccountPolicy;
use super::criteria::{Criteria, Operator, Selector};
use crate::errors::invalid;
use crate::limits::SELECTION_VALUES_MAX;
use crate::{Logs, data_protection, field_indexes, metric_filters, subscriptions, transformers};

/// A type of account policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PolicyType {
    /// Which sensitive data are masked.
    DataProtection,
    /// Where events are sent.
    SubscriptionFilter,
    /// Which fields are indexed.
    FieldIndex,
    /// How events are transformed.
    Transformer,
    /// Whether metrics are extracted from events.
    MetricExtraction,
}

/// Checks the document of a policy that is to be put; gives what PutAccountPolicy is to answer if it is not right.
type Check = for<'c> fn(&'c Arc<Logs>, &'c Caller, &'c AccountPolicy) -> BoxFuture<'c, Result<(), ServiceError>>;

struct Row {
    policy_type: PolicyType,
    /// The API's word for it.
    name: &'static str,
    /// The policies of an account in a Region, if none of them has selection criteria; and if they have.
    policies_max: (usize, usize),
    /// What selection criteria may be.
    criteria: &'static [(Selector, Operator)],
    /// The names or prefixes of selection criteria.
    values_max: usize,
    /// Who checks the document. Without one, the feature is not there and policies are refused.
    check: Option<Check>,
}

const TABLE: &[Row] = &[
    Row {
        policy_type: PolicyType::DataProtection,
        name: "DATA_PROTECTION_POLICY",
        policies_max: (1, 1),
        criteria: &[],
        values_max: usize::MAX,
        check: Some(data_protection::check_account_policy),
    },
    Row {
        policy_type: PolicyType::SubscriptionFilter,
        name: "SUBSCRIPTION_FILTER_POLICY",
        policies_max: (1, 1),
        criteria: &[(Selector::Name, Operator::NotIn)],
        values_max: usize::MAX,
        check: Some(subscriptions::check_policy),
    },
    Row {
        policy_type: PolicyType::FieldIndex,
        name: "FIELD_INDEX_POLICY",
        policies_max: (1, 20),
        criteria: &[(Selector::Prefix, Operator::Is), (Selector::DataSource, Operator::Is)],
        values_max: usize::MAX,
        check: Some(field_indexes::check_policy),
    },
    Row {
        policy_type: PolicyType::Transformer,
        name: "TRANSFORMER_POLICY",
        policies_max: (1, 20),
        criteria: &[(Selector::Prefix, Operator::Is)],
        values_max: usize::MAX,
        check: Some(transformers::check_policy),
    },
    Row {
        policy_type: PolicyType::MetricExtraction,
        name: "METRIC_EXTRACTION_POLICY",
        policies_max: (1, 5),
        criteria: &[
            (Selector::Name, Operator::In),
            (Selector::Name, Operator::NotIn),
            (Selector::Prefix, Operator::In),
            (Selector::Prefix, Operator::NotIn),
        ],
        values_max: SELECTION_VALUES_MAX,
        check: Some(metric_filters::check_extraction_policy),
    },
];

/// Checks the document of a policy that is to be put.
pub(super) async fn check(
    logs: &Arc<Logs>,
    caller: &Caller,
    policy_type: PolicyType,
    policy: &AccountPolicy,
) -> Result<(), ServiceError> {
    match policy_type.row().and_then(|row| row.check) {
        Some(check) => check(logs, caller, policy).await,
        None => Err(not_there(policy_type.as_str())),
    }
}

impl PolicyType {
    /// The type of this name in the API.
    pub(super) fn parse(name: &str) -> Result<PolicyType, ServiceError> {
        let row = TABLE.iter().find(|row| row.name == name);
        row.map(|row| row.policy_type).ok_or_else(|| not_there(name))
    }

    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// Selection criteria, as a policy of this type may have them.
    pub(super) fn criteria(self, text: &str) -> Result<Criteria, ServiceError> {
        let criteria = Criteria::parse(text).map_err(|error| invalid(error.to_string()))?;
        let (allowed, values_max) = self.row().map_or((&[][..], 0), |row| (row.criteria, row.values_max));
        if criteria.values().len() > values_max {
            return Err(invalid(format!("Selection criteria may have at most {values_max} values.")));
        }
        match criteria.form() {
            Some(form) if allowed.contains(&form) => Ok(criteria),
            _ => Err(invalid(format!(
                "The selection criteria are not supported for policies of type {}.",
                self.as_str()
            ))),
        }
    }

    /// How many policies there may be, of which one has these criteria.
    pub(super) fn policies_max(self, criteria: &Criteria) -> usize {
        self.row().map_or(0, |row| if *criteria == Criteria::All { row.policies_max.0 } else { row.policies_max.1 })
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.policy_type == self)
    }
}

fn not_there(name: &str) -> ServiceError {
    invalid(format!("Account policies of type {name} are not supported."))
}
