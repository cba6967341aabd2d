//! Keys that are managed by AWS, one for a service: they are made when the service first asks for one, under the alias
//! `alias/aws/SERVICE`, and are used by services only. Nobody can change, disable or delete them. Source: "AWS managed keys".

use serde_json::json;
use watchkeep_core::ports::DataKeyError;
use watchkeep_core::uuid;
use watchkeep_store::CatalogError;

use crate::Keys;
use crate::aliases::RESERVED_PREFIX;
use crate::identifier::{Accepts, Place};
use crate::limits::{DAY_MS, ROTATION_PERIOD_DAYS_DEFAULT};
use crate::resources::{Alias, FoundKey, Key, KeySpec, KeyState, Manager, RotationPlan};

/// The services that have such a key here, by the names of their aliases, and what their keys protect.
const SERVICES: &[(&str, &str)] =
    &[("kinesis", "my Kinesis data streams"), ("sns", "my SNS data"), ("sqs", "my SQS messages")];

/// The service whose key this identifier names: an alias's name, or its ARN in this place.
pub(crate) fn service_of(place: &Place, identifier: &str) -> Option<&'static str> {
    let name = identifier.strip_prefix(&place.arn("")).unwrap_or(identifier).strip_prefix(RESERVED_PREFIX)?;
    SERVICES.iter().map(|(service, _)| *service).find(|service| *service == name)
}

impl Keys {
    /// The service's key, made if it is not there yet.
    pub(crate) async fn managed(&self, place: &Place, service: &str) -> Result<FoundKey, DataKeyError> {
        let name = format!("{RESERVED_PREFIX}{service}");
        let found = || self.find(place, &name, Accepts::Cryptographic);
        if let Ok(found) = found() {
            return Ok(found);
        }
        let unavailable = |error: String| DataKeyError::Unavailable(error);
        let (id, now) = (uuid(self.random.as_ref()).to_string(), self.clock.now());
        let (spec, period_days) = (KeySpec::SymmetricDefault, ROTATION_PERIOD_DAYS_DEFAULT);
        let material = self.new_material(&id, spec, 1, None, now).map_err(|error| unavailable(error.to_string()))?;
        let what = SERVICES.iter().find(|(own, _)| *own == service).map_or("data", |(_, what)| *what);
        let key = Key {
            description: format!("Default key that protects {what} when no other key is defined"),
            created: now,
            spec,
            state: KeyState::Enabled,
            manager: Manager::Aws,
            policy: policy(place, service),
            tags: Default::default(),
            rotation: Some(RotationPlan { period_days, next: now.plus_ms(i64::from(period_days) * DAY_MS) }),
            materials: vec![material],
        };
        let of_catalog = |error: CatalogError| DataKeyError::Unavailable(error.to_string());
        let created = self.keys.create(place.key(&*id), key).await.map_err(of_catalog)?;
        let alias = Alias { target: id, created: now, updated: now };
        match self.aliases.create(place.key(&*name), alias).await {
            Ok(_) => Ok(created),
            Err(CatalogError::Exists { .. }) => {
                // Somebody else was faster; nothing is encrypted under this one.
                self.keys.delete(&created.key).await.map_err(of_catalog)?;
                found().map_err(|error| unavailable(error.to_string()))
            }
            Err(error) => Err(of_catalog(error)),
        }
    }
}

fn policy(place: &Place, service: &str) -> String {
    let via = format!("{service}.{}.amazonaws.com", place.region);
    let policy = json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{service}-1"),
        "Statement": [
            {
                "Sid": format!("Allow access through {service} for all principals in the account that are authorized to use {service}"),
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:CallerAccount": place.account.as_str(), "kms:ViaService": via}},
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{}:root", place.account)},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
                "Resource": "*",
            },
        ],
    });
    format!("{policy:#}")
}
