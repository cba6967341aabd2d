//! Buckets: CreateBucket, DeleteBucket, HeadBucket, GetBucketLocation, ListBuckets.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use watchkeep_core::{AccountId, Caller, Principal, Region};
use watchkeep_model::s3::{
    Bucket as BucketListed, CreateBucketOutput, CreateBucketRequest, DeleteBucketRequest, GetBucketLocationOutput,
    GetBucketLocationRequest, HeadBucketOutput, HeadBucketRequest, ListBucketsOutput, ListBucketsRequest, Owner,
    errors,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::CatalogError;

use crate::access::Request;
use crate::contents::{Content, Going};
use crate::errors::{access_denied, coded, invalid_argument, not_implemented};
use crate::headers::check_acl;
use crate::keys::{self, OBJECT, PART, UPLOAD};
use crate::limits::{BUCKETS_MAX, INDEX_READ};
use crate::names::check_bucket;
use crate::resources::{Bucket, PartRecord, UploadRecord, bucket_key, decode};
use crate::tags;
use crate::{Objects, errors as own};

/// The Region whose buckets have no location constraint.
const FIRST_REGION: &str = "us-east-1";

/// The account as S3 names it: its canonical user id.
pub(crate) fn owner(account: AccountId) -> Owner {
    let id = hex::encode(Sha256::digest(format!("canonical user of {account}")));
    Owner { id: Some(id), display_name: None }
}

/// The ARN of a bucket.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

/// CreateBucket.
pub(crate) async fn create_bucket(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: CreateBucketRequest,
) -> Result<CreateBucketOutput, ServiceError> {
    if caller.principal == Principal::Anonymous {
        return Err(access_denied());
    }
    let name = &input.bucket;
    check_bucket(name)?;
    check_acl(
        input.acl.as_deref(),
        &[
            &input.grant_full_control,
            &input.grant_read,
            &input.grant_read_acp,
            &input.grant_write_acp,
            &input.grant_write,
        ],
    )?;
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(not_implemented("x-amz-bucket-object-lock-enabled"));
    }
    if input.object_ownership.as_deref().is_some_and(|ownership| ownership != "BucketOwnerEnforced") {
        return Err(not_implemented("x-amz-object-ownership"));
    }
    if input.bucket_namespace.as_deref().is_some_and(|space| space != "global") {
        return Err(not_implemented("x-amz-bucket-namespace"));
    }
    let configuration = input.create_bucket_configuration.unwrap_or_default();
    if configuration.location.is_some() || configuration.bucket.is_some() {
        return Err(not_implemented("Location"));
    }
    let region = region(caller, configuration.location_constraint.as_deref())?;
    let tags = tags::bucket_tags(configuration.tags.unwrap_or_default())?;
    let output = CreateBucketOutput { location: Some(format!("/{name}")), bucket_arn: Some(arn(name)) };
    if objects.buckets.all().iter().filter(|bucket| bucket.owner == caller.account && !bucket.holds_tables).count()
        >= BUCKETS_MAX
    {
        return Err(coded("TooManyBuckets", 400, "You have attempted to create more buckets than allowed"));
    }
    let id = objects.store.catalog().next_id("s3 bucket").await.map_err(own::store)?;
    let bucket = Bucket {
        id,
        owner: caller.account,
        region,
        created: objects.clock.now(),
        policy: None,
        tags,
        holds_tables: false,
    };
    match objects.buckets.create(bucket_key(name), bucket).await {
        Ok(_) => Ok(output),
        Err(CatalogError::Exists { .. }) => match objects.buckets.get(&bucket_key(name)) {
            // "For legacy compatibility" us-east-1 takes it for done.
            Some(found) if found.owner == caller.account && found.region.as_str() == FIRST_REGION => {
                match caller.region.as_str() {
                    FIRST_REGION => Ok(output),
                    _ => Err(owned_already()),
                }
            }
            Some(found) if found.owner == caller.account => Err(owned_already()),
            _ => {
                let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                               system. Please select a different name and try again.";
                Err(ServiceError { status: 409, ..errors::bucket_already_exists(message) })
            }
        },
        Err(error) => Err(own::store(error)),
    }
}

fn owned_already() -> ServiceError {
    let message = "Your previous request to create the named bucket succeeded and you already own it.";
    ServiceError { status: 409, ..errors::bucket_already_owned_by_you(message) }
}

/// Where the bucket is to be: what is asked for must be the Region that is asked.
fn region(caller: &Caller, constraint: Option<&str>) -> Result<Region, ServiceError> {
    let here = caller.region.as_str();
    let illegal = |constraint: &str| {
        let message = format!(
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Err(coded("IllegalLocationConstraintException", 400, message))
    };
    match constraint.filter(|constraint| !constraint.is_empty()) {
        None if here == FIRST_REGION => Ok(caller.region.clone()),
        None => illegal("unspecified"),
        Some("EU") if here == "eu-west-1" => Ok(caller.region.clone()),
        Some(asked) if asked == here && here != FIRST_REGION => Ok(caller.region.clone()),
        // The first Region takes buckets for all others.
        Some(asked) if here == FIRST_REGION && asked != FIRST_REGION => {
            let named = if asked == "EU" { "eu-west-1" } else { asked };
            named
                .parse()
                .map_err(|_| coded("InvalidLocationConstraint", 400, "The specified location-constraint is not valid"))
        }
        Some(FIRST_REGION) => {
            Err(coded("InvalidLocationConstraint", 400, "The specified location-constraint is not valid"))
        }
        Some(asked) => illegal(asked),
    }
}

/// DeleteBucket.
pub(crate) async fn delete_bucket(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: DeleteBucketRequest,
) -> Result<Unit, ServiceError> {
    let request = Request::bucket("s3:DeleteBucket");
    objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let _closed = objects.locks.close().await;
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let (from, to) = keys::all_of(bucket.id);
    if !objects.entries.range(OBJECT, &from, &to, 1).await.map_err(own::store)?.is_empty() {
        return Err(coded("BucketNotEmpty", 409, "The bucket you tried to delete is not empty"));
    }
    // Uploads under way end with it.
    loop {
        let uploads = objects.entries.range(UPLOAD, &from, &to, INDEX_READ).await.map_err(own::store)?;
        if uploads.is_empty() {
            break;
        }
        for upload in uploads {
            let Some(record) = decode::<UploadRecord>(&upload.value) else { return Err(own::internal()) };
            abort(objects, upload.key, record.number).await?;
        }
    }
    objects.buckets.delete(&bucket.key).await.map_err(own::store)?;
    Ok(Unit {})
}

/// Forgets an upload with its parts. `entry` is its key in the index.
pub(crate) async fn abort(objects: &Arc<Objects>, entry: Vec<u8>, number: u64) -> Result<(), ServiceError> {
    let mut going = Going::default();
    let (from, to) = keys::all_of(number);
    let mut at = from.clone();
    loop {
        let parts = objects.entries.range(PART, &at, &to, INDEX_READ).await.map_err(own::store)?;
        let Some(last) = parts.last() else { break };
        at = [&last.key[..], &[0]].concat();
        for part in &parts {
            let Some(part) = decode::<PartRecord>(&part.value) else { continue };
            debug_assert!(!matches!(part.content, Content::Parts(_)), "parts have no parts");
            objects.contents.going(part.content, part.size, &mut going).await?;
        }
    }
    let mut changes = std::mem::take(&mut going.changes);
    changes.push(watchkeep_store::EntryChange::Delete { kind: UPLOAD, key: entry });
    changes.push(watchkeep_store::EntryChange::DeleteRange { kind: PART, from, to });
    objects.entries.commit(changes).await.map_err(own::store)?;
    objects.contents.gone(going);
    Ok(())
}

/// HeadBucket.
pub(crate) async fn head_bucket(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: HeadBucketRequest,
) -> Result<HeadBucketOutput, ServiceError> {
    let request = Request::bucket("s3:ListBucket");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    Ok(HeadBucketOutput {
        bucket_region: Some(bucket.region.as_str().to_owned()),
        bucket_arn: Some(arn(&input.bucket)),
        access_point_alias: Some(false),
        ..Default::default()
    })
}

/// GetBucketLocation.
pub(crate) async fn get_bucket_location(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetBucketLocationRequest,
) -> Result<GetBucketLocationOutput, ServiceError> {
    let request = Request::bucket("s3:GetBucketLocation");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let region = bucket.region.as_str();
    Ok(GetBucketLocationOutput { location_constraint: (region != FIRST_REGION).then(|| region.to_owned()) })
}

/// ListBuckets. The token is the last bucket of the page before.
pub(crate) async fn list_buckets(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: ListBucketsRequest,
) -> Result<ListBucketsOutput, ServiceError> {
    if caller.principal == Principal::Anonymous {
        return Err(access_denied());
    }
    let after = input.continuation_token.as_deref();
    if after.is_some_and(str::is_empty) {
        return Err(invalid_argument("The continuation token provided is incorrect"));
    }
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let wanted = input.max_buckets.and_then(|max| usize::try_from(max).ok()).unwrap_or(BUCKETS_MAX);
    let all = objects.buckets.list(&AccountId::DEFAULT, None, prefix, after, usize::MAX);
    let in_region = |region: &Region| input.bucket_region.as_deref().is_none_or(|asked| asked == region.as_str());
    let mut found: Vec<_> =
        all.into_iter().filter(|bucket| bucket.owner == caller.account && in_region(&bucket.region)).collect();
    found.retain(|bucket| !bucket.holds_tables);
    let is_truncated = found.len() > wanted;
    found.truncate(wanted);
    let token = found.last().filter(|_| is_truncated).map(|last| last.key.name.clone());
    let tell_region = input.max_buckets.is_some() || input.prefix.is_some() || input.bucket_region.is_some();
    let buckets = found.iter().map(|bucket| BucketListed {
        name: Some(bucket.key.name.clone()),
        creation_date: Some(Timestamp(bucket.created.0)),
        bucket_region: tell_region.then(|| bucket.region.as_str().to_owned()),
        bucket_arn: Some(arn(&bucket.key.name)),
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(owner(caller.account)),
        continuation_token: token,
        prefix: input.prefix,
    })
}
