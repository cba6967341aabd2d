//! Buckets that hold the files of tables: a service writes them, users read them with S3's API and change nothing.

use crate::{AccountId, BoxFuture, Region};

use super::buckets::BucketError;

/// S3's side of whoever keeps tables.
pub trait TableBuckets: Send + Sync {
    /// Creates such a bucket of an account; one of this name that is there is fine.
    fn create<'a>(
        &'a self,
        account: AccountId,
        region: &'a Region,
        bucket: &'a str,
    ) -> BoxFuture<'a, Result<(), BucketError>>;

    /// Puts an object in it, in place of one of this key; it is durable when it is done.
    fn put<'a>(&'a self, bucket: &'a str, key: &'a str, body: Vec<u8>) -> BoxFuture<'a, Result<(), BucketError>>;

    /// Deletes objects; those that are not there are fine, and so is a bucket that is not.
    fn delete<'a>(&'a self, bucket: &'a str, keys: &'a [String]) -> BoxFuture<'a, Result<(), BucketError>>;

    /// The keys that come after `after`, in the order of their bytes, a thousand at most.
    fn list<'a>(&'a self, bucket: &'a str, after: &'a str) -> BoxFuture<'a, Result<Vec<String>, BucketError>>;

    /// Removes an empty bucket; one that is not there is fine.
    fn remove<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>>;
}
