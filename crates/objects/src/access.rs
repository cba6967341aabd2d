//! Who may do what with a bucket: its owner's account whatever the bucket's policy does not deny, everybody else what it allows
//! ("How Amazon S3 authorizes a request"). What the account's own policies say was asked by the gateway before.

use std::sync::Arc;

use watchkeep_access::{Ask, CallerAsks, ServiceAsks, resource_lets_in};
use watchkeep_core::{Caller, Principal, TimestampMs};
use watchkeep_lang::policy::{self, Policy, PolicyKind};
use watchkeep_model::ServiceError;
use watchkeep_store::Versioned;

use crate::resources::{Bucket, bucket_key};
use crate::{Objects, errors};

/// What may be done with a bucket that holds the files of tables.
const READS: &[&str] = &["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"];

/// A bucket as the catalog had it at one time.
pub(crate) type FoundBucket = Arc<Versioned<Bucket>>;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Asker<'a> {
    /// A caller of the API.
    Caller(&'a Caller),
    /// A service.
    Service(ServiceAsks<'a>),
    /// A service that acts by a role of the account, whose ARN its principal is.
    Role(ServiceAsks<'a>),
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    /// The action, as `s3:GetObject`.
    pub action: &'static str,
    /// The key, if it is about one object.
    pub key: Option<&'a str>,
    /// Condition keys that the request has, as `s3:prefix`, and their values.
    pub context: Vec<(&'static str, String)>,
}

impl<'a> Request<'a> {
    /// About the bucket.
    pub(crate) fn bucket(action: &'static str) -> Request<'a> {
        Request { action, ..Request::default() }
    }

    /// About one object.
    pub(crate) fn object(action: &'static str, key: &'a str) -> Request<'a> {
        Request { action, key: Some(key), ..Request::default() }
    }

    /// The same with a condition key, if there is a value.
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl Into<String>>) -> Request<'a> {
        self.context.extend(value.map(|value| (name, value.into())));
        self
    }

    /// The ARN of what it is about.
    fn resource(&self, bucket: &str) -> String {
        match self.key {
            Some(key) => format!("arn:aws:s3:::{bucket}/{key}"),
            None => format!("arn:aws:s3:::{bucket}"),
        }
    }
}

impl Objects {
    /// The bucket of this name, if the asker may do with it what it asks for. `owner` is `x-amz-expected-bucket-owner`.
    ///
    /// # Errors
    /// `NoSuchBucket`, `AccessDenied`.
    pub(crate) fn bucket(
        &self,
        caller: &Caller,
        name: &str,
        owner: Option<&str>,
        request: &Request<'_>,
    ) -> Result<FoundBucket, ServiceError> {
        let bucket = self.buckets.get(&bucket_key(name)).ok_or_else(|| errors::no_bucket(name))?;
        if owner.is_some_and(|owner| owner != bucket.owner.as_str()) {
            return Err(errors::access_denied());
        }
        check(&Asker::Caller(caller), &bucket, request, self.clock.now())?;
        Ok(bucket)
    }

    /// The bucket of this name and number, if it is still there: asked again once its keys are held.
    pub(crate) fn is_still(&self, bucket: &Versioned<Bucket>) -> Result<(), ServiceError> {
        match self.buckets.get(&bucket.key) {
            Some(now) if now.id == bucket.id => Ok(()),
            _ => Err(errors::no_bucket(&bucket.key.name)),
        }
    }
}

/// Whether the asker may at this time.
///
/// # Errors
/// `AccessDenied`.
pub(crate) fn check(
    asker: &Asker<'_>,
    bucket: &Versioned<Bucket>,
    request: &Request<'_>,
    now: TimestampMs,
) -> Result<(), ServiceError> {
    if bucket.holds_tables && !READS.contains(&request.action) {
        return Err(errors::access_denied());
    }
    // The owner's root can always mend a policy that shuts everybody out.
    let is_root = |caller: &Caller| caller.principal == Principal::Root && caller.account == bucket.owner;
    if matches!(asker, Asker::Caller(caller) if is_root(caller)) && request.action.ends_with("BucketPolicy") {
        return Ok(());
    }
    let policy = match bucket.policy.as_deref().map(|text| Policy::parse(text, PolicyKind::Resource)).transpose() {
        Ok(policy) => policy,
        Err(error) => {
            // It was checked when it was put.
            tracing::error!(bucket = bucket.key.name, %error, "a bucket's policy cannot be read: nobody gets in");
            return Err(errors::access_denied());
        }
    };
    let (asks, account);
    let (asker, mut context) = match asker {
        Asker::Caller(caller) => {
            asks = CallerAsks::new(caller);
            (asks.asker(), asks.context(caller, now))
        }
        Asker::Service(service) => (service.asker(), service.context(now)),
        Asker::Role(role) => {
            account = role.account.to_string();
            (policy::Asker::Identity { account: &account, arn: role.principal, session: None }, role.context(now))
        }
    };
    for (name, value) in &request.context {
        context.add(name, value.as_str());
    }
    let resource = request.resource(&bucket.key.name);
    let ask = Ask { asker, action: request.action, resource: &resource, context: &context };
    resource_lets_in(bucket.owner, policy.as_ref(), &ask).map_err(|refusal| {
        tracing::debug!(bucket = bucket.key.name, action = request.action, ?refusal, "a bucket lets somebody not in");
        errors::access_denied()
    })
}
