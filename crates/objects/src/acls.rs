//! GetBucketAcl and GetObjectAcl: all is the bucket owner's, as it is of buckets whose ownership is enforced.

use std::sync::Arc;

use watchkeep_core::{AccountId, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{
    GetBucketAclOutput, GetBucketAclRequest, GetObjectAclOutput, GetObjectAclRequest, Grant, Grantee,
};

use crate::Objects;
use crate::access::Request;
use crate::buckets::owner;
use crate::errors::no_key;
use crate::headers::check_version;

fn grants(account: AccountId) -> Vec<Grant> {
    let grantee = Grantee { id: owner(account).id, r#type: "CanonicalUser".to_owned(), ..Default::default() };
    vec![Grant { grantee: Some(grantee), permission: Some("FULL_CONTROL".to_owned()) }]
}

/// GetBucketAcl.
pub(crate) async fn get_bucket_acl(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetBucketAclRequest,
) -> Result<GetBucketAclOutput, ServiceError> {
    let request = Request::bucket("s3:GetBucketAcl");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    Ok(GetBucketAclOutput { owner: Some(owner(bucket.owner)), grants: Some(grants(bucket.owner)) })
}

/// GetObjectAcl.
pub(crate) async fn get_object_acl(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetObjectAclRequest,
) -> Result<GetObjectAclOutput, ServiceError> {
    check_version(input.version_id.as_deref())?;
    let request = Request::object("s3:GetObjectAcl", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    objects.find(bucket.id, &input.key).await?.ok_or_else(|| no_key(&input.key))?;
    Ok(GetObjectAclOutput {
        owner: Some(owner(bucket.owner)),
        grants: Some(grants(bucket.owner)),
        ..Default::default()
    })
}
