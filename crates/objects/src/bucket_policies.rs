//! Bucket policies: PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::policy::{Policy, PolicyKind};
use watchkeep_model::s3::{
    DeleteBucketPolicyRequest, GetBucketPolicyOutput, GetBucketPolicyRequest, GetBucketPolicyStatusOutput,
    GetBucketPolicyStatusRequest, PolicyStatus, PutBucketPolicyRequest,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::CatalogError;

use crate::access::{FoundBucket, Request};
use crate::errors::coded;
use crate::limits::POLICY_BYTES_MAX;
use crate::{Objects, errors, tags};

/// PutBucketPolicy.
pub(crate) async fn put_bucket_policy(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: PutBucketPolicyRequest,
) -> Result<Unit, ServiceError> {
    let request = Request::bucket("s3:PutBucketPolicy");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    check(&input.bucket, &input.policy)?;
    replace(objects, &bucket, Some(input.policy)).await
}

/// DeleteBucketPolicy.
pub(crate) async fn delete_bucket_policy(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: DeleteBucketPolicyRequest,
) -> Result<Unit, ServiceError> {
    let request = Request::bucket("s3:DeleteBucketPolicy");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    replace(objects, &bucket, None).await
}

/// GetBucketPolicy.
pub(crate) async fn get_bucket_policy(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetBucketPolicyRequest,
) -> Result<GetBucketPolicyOutput, ServiceError> {
    let request = Request::bucket("s3:GetBucketPolicy");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let policy = bucket.policy.clone().ok_or_else(no_policy)?;
    Ok(GetBucketPolicyOutput { policy: Some(policy) })
}

/// GetBucketPolicyStatus.
pub(crate) async fn get_bucket_policy_status(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetBucketPolicyStatusRequest,
) -> Result<GetBucketPolicyStatusOutput, ServiceError> {
    let request = Request::bucket("s3:GetBucketPolicyStatus");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let text = bucket.policy.as_deref().ok_or_else(no_policy)?;
    let policy = Policy::parse(text, PolicyKind::Resource).map_err(|_| errors::internal())?;
    Ok(GetBucketPolicyStatusOutput { policy_status: Some(PolicyStatus { is_public: Some(policy.is_public()) }) })
}

fn no_policy() -> ServiceError {
    coded("NoSuchBucketPolicy", 404, "The bucket policy does not exist")
}

fn malformed(message: impl Into<String>) -> ServiceError {
    coded("MalformedPolicy", 400, message)
}

/// Checks a policy: that it is one, and that each statement's resources and actions are of the bucket.
fn check(bucket: &str, text: &str) -> Result<(), ServiceError> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(malformed("The policy exceeds the maximum of 20 KB."));
    }
    let not_json = || malformed("Policies must be valid JSON and the first byte must be '{'");
    let document: serde_json::Value = serde_json::from_str(text).map_err(|_| not_json())?;
    if !text.starts_with('{') {
        return Err(not_json());
    }
    Policy::parse(text, PolicyKind::Resource).map_err(|error| malformed(error.to_string()))?;
    let list = |value: &serde_json::Value| -> Vec<serde_json::Value> {
        match value {
            serde_json::Value::Array(list) => list.clone(),
            other => vec![other.clone()],
        }
    };
    let own = format!("arn:aws:s3:::{bucket}");
    for statement in document.get("Statement").map(list).unwrap_or_default() {
        for member in ["Resource", "NotResource"] {
            for resource in statement.get(member).map(list).unwrap_or_default() {
                let text = resource.as_str().unwrap_or_default();
                let of_bucket =
                    text.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']));
                if !of_bucket {
                    return Err(malformed("Policy has invalid resource"));
                }
            }
        }
        for member in ["Action", "NotAction"] {
            for action in statement.get(member).map(list).unwrap_or_default() {
                let text = action.as_str().unwrap_or_default().to_ascii_lowercase();
                if text != "*" && !text.starts_with("s3:") {
                    return Err(malformed("Policy has invalid action"));
                }
            }
        }
    }
    Ok(())
}

async fn replace(objects: &Objects, bucket: &FoundBucket, policy: Option<String>) -> Result<Unit, ServiceError> {
    let mut value = bucket.value.clone();
    value.policy = policy;
    match objects.buckets.update(bucket, value).await {
        Ok(_) => Ok(Unit {}),
        Err(CatalogError::Conflict { .. }) => Err(tags::conflict()),
        Err(error) => Err(errors::store(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_of_the_bucket() {
        let statement = |action: &str, resource: &str| {
            format!(
                r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "{action}", "Resource": "{resource}"}}]}}"#
            )
        };
        for (text, message) in [
            (statement("s3:GetObject", "arn:aws:s3:::b/*"), ""),
            (statement("s3:*", "arn:aws:s3:::b"), ""),
            (statement("S3:List*", "arn:aws:s3:::b*"), ""),
            (statement("s3:GetObject", "arn:aws:s3:::other/*"), "Policy has invalid resource"),
            (statement("s3:GetObject", "arn:aws:s3:::bb/*"), "Policy has invalid resource"),
            (statement("sqs:SendMessage", "arn:aws:s3:::b/*"), "Policy has invalid action"),
            ("[]".into(), "Policies must be valid JSON and the first byte must be '{'"),
            ("{".into(), "Policies must be valid JSON and the first byte must be '{'"),
            (format!("{{\"a\": \"{}\"}}", "x".repeat(POLICY_BYTES_MAX)), "The policy exceeds the maximum of 20 KB."),
        ] {
            let outcome = check("b", &text).map_or_else(|error| error.message, |()| String::new());
            assert_eq!(outcome, message, "{text}");
        }
        assert_eq!(check("b", r#"{"Version": "2012-10-17", "Statement": []}"#).unwrap_err().code, "MalformedPolicy");
    }
}
