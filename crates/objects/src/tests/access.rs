//! Bucket policies.

use watchkeep_core::Principal;
use watchkeep_model::s3::{
    DeleteBucketPolicyRequest, GetBucketPolicyRequest, GetBucketPolicyStatusRequest, GetObjectRequest,
    PutBucketPolicyRequest,
};

use super::{Fixture, code, put};
use crate::bucket_policies as operations;

impl Fixture {
    pub(super) async fn put_policy(&self, statement: &str) {
        let policy = format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#);
        let input = PutBucketPolicyRequest { bucket: "bucket".into(), policy, ..Default::default() };
        operations::put_bucket_policy(&self.objects, &self.caller, input).await.unwrap();
    }

    async fn is_public(&self) -> bool {
        let input = GetBucketPolicyStatusRequest { bucket: "bucket".into(), ..Default::default() };
        let status = operations::get_bucket_policy_status(&self.objects, &self.caller, input).await.unwrap();
        status.policy_status.unwrap().is_public.unwrap()
    }
}

#[tokio::test]
async fn others_may_what_the_policy_allows() {
    let mut fixture = Fixture::new().await;
    fixture.put("open/a", b"x").await;
    fixture.put("shut", b"x").await;
    let root = fixture.caller.clone();
    let mut other = root.clone();
    other.account = "111122223333".parse().unwrap();
    let mut nobody = root.clone();
    nobody.principal = Principal::Anonymous;
    fixture.caller = other.clone();
    assert_eq!(code(fixture.get("open/a").await), "AccessDenied");
    fixture.caller = nobody.clone();
    assert_eq!(code(fixture.get("open/a").await), "AccessDenied");
    assert_eq!(code(fixture.create_bucket("mine").await), "AccessDenied");

    fixture.caller = root.clone();
    fixture
        .put_policy(
            r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/open/*"},
               {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}"#,
        )
        .await;
    assert!(fixture.is_public().await);
    for caller in [&other, &nobody] {
        fixture.caller = caller.clone();
        assert_eq!(fixture.get("open/a").await.unwrap(), b"x");
        assert_eq!(code(fixture.get("shut").await), "AccessDenied");
        // Whether it is there is not told to who may not list.
        assert_eq!(code(fixture.get("open/none").await), "AccessDenied");
        assert_eq!(code(fixture.list(Default::default()).await), "AccessDenied");
        assert_eq!(code(fixture.delete("open/a").await), "AccessDenied");
    }
    let overridden =
        GetObjectRequest { key: "open/a".into(), response_content_type: Some("a/b".into()), ..Default::default() };
    assert_eq!(code(fixture.get_with(overridden).await), "InvalidRequest");
    fixture.caller = other;
    assert_eq!(code(fixture.try_put(put("theirs"), b"x").await), "AccessDenied");
    let mut input = put("theirs");
    input.acl = Some("bucket-owner-full-control".into());
    fixture.try_put(input, b"x").await.unwrap();
}

#[tokio::test]
async fn what_a_policy_denies_it_denies_the_owner_too() {
    let fixture = Fixture::new().await;
    fixture.put("k", b"x").await;
    let get = || {
        let input = GetBucketPolicyRequest { bucket: "bucket".into(), ..Default::default() };
        operations::get_bucket_policy(&fixture.objects, &fixture.caller, input)
    };
    assert_eq!(code(get().await), "NoSuchBucketPolicy");
    fixture
        .put_policy(r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}"#)
        .await;
    assert!(get().await.unwrap().policy.unwrap().contains("Deny"));
    assert_eq!(code(fixture.get("k").await), "AccessDenied");
    assert_eq!(code(fixture.list(Default::default()).await), "AccessDenied");
    // Its root is never shut out of the policy itself.
    let input = DeleteBucketPolicyRequest { bucket: "bucket".into(), ..Default::default() };
    operations::delete_bucket_policy(&fixture.objects, &fixture.caller, input).await.unwrap();
    assert_eq!(fixture.get("k").await.unwrap(), b"x");
    let input = PutBucketPolicyRequest { bucket: "bucket".into(), policy: "{}".into(), ..Default::default() };
    assert_eq!(code(operations::put_bucket_policy(&fixture.objects, &fixture.caller, input).await), "MalformedPolicy");
}
