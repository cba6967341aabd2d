//! The object service: Amazon S3's buckets and objects, as far as the other services and their users need them.
//!
//! A bucket is a resource of the catalog. Its objects, uploads and parts are **entries** of it, sorted by key (`keys`): a listing
//! reads a range, a start reads nothing, and a million objects cost no memory. Content lies beside them: little in the catalog
//! itself, more in files (`contents`).
//!
//! O-1 an object is answered for only after its content and then its entry are durable. O-2 a file that no entry knows is nobody's,
//! and is swept at a start. O-3 what is being read stays until it was read. O-4 nobody but the bucket's owner gets at anything
//! that the bucket's policy does not allow; and what it denies, it denies the owner, too.
//!
//! It knows no HTTP, no wire format and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod access;
mod acls;
mod bucket_policies;
mod buckets;
mod checksums;
mod conditions;
mod contents;
mod copy_object;
mod delete_objects;
mod errors;
mod get_object;
mod headers;
mod index;
mod keys;
mod limits;
mod list_objects;
mod listing;
mod names;
mod port;
mod put_object;
mod range;
mod receive;
mod resources;
mod sweep;
mod table_buckets;
mod tags;
#[cfg(test)]
mod tests;
mod uploads;

use std::fmt;
use std::sync::Arc;

use watchkeep_core::ports::{Buckets, TableBuckets};
use watchkeep_core::{Clock, Random};
use watchkeep_store::{Collection, Entries, Store, StoreError};
use watchkeep_wire::model::s3 as model;
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

use contents::Contents;
use index::Locks;
use resources::Bucket;

routes! {
    /// What the service answers.
    pub static ROUTES: Objects = s3 {
        ListBuckets => buckets::list_buckets,
        CreateBucket => buckets::create_bucket,
        DeleteBucket => buckets::delete_bucket,
        HeadBucket => buckets::head_bucket,
        GetBucketLocation => buckets::get_bucket_location,
        GetBucketAcl => acls::get_bucket_acl,
        GetObjectAcl => acls::get_object_acl,
        PutBucketPolicy => bucket_policies::put_bucket_policy,
        GetBucketPolicy => bucket_policies::get_bucket_policy,
        DeleteBucketPolicy => bucket_policies::delete_bucket_policy,
        GetBucketPolicyStatus => bucket_policies::get_bucket_policy_status,
        PutBucketTagging => tags::put_bucket_tagging,
        GetBucketTagging => tags::get_bucket_tagging,
        DeleteBucketTagging => tags::delete_bucket_tagging,
        GetObject => get_object::get_object,
        HeadObject => get_object::head_object,
        DeleteObject => delete_objects::delete_object,
        DeleteObjects => delete_objects::delete_objects,
        CopyObject => copy_object::copy_object,
        ListObjects => list_objects::list_objects,
        ListObjectsV2 => list_objects::list_objects_v2,
        PutObjectTagging => tags::put_object_tagging,
        GetObjectTagging => tags::get_object_tagging,
        DeleteObjectTagging => tags::delete_object_tagging,
        CreateMultipartUpload => uploads::create_multipart_upload,
        UploadPartCopy => uploads::upload_part_copy,
        CompleteMultipartUpload => uploads::complete_multipart_upload,
        AbortMultipartUpload => uploads::abort_multipart_upload,
        ListParts => uploads::list_parts,
        ListMultipartUploads => uploads::list_multipart_uploads,
    } streamed {
        PutObject => put_object::put_object,
        UploadPart => uploads::upload_part,
    }
}

/// The object service, open.
pub struct Objects {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    buckets: Collection<Bucket>,
    entries: Entries,
    contents: Arc<Contents>,
    locks: Locks,
}

impl Objects {
    /// Opens the service.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        _random: Arc<dyn Random>,
    ) -> Result<Arc<Objects>, StoreError> {
        let buckets = store.catalog().collection::<Bucket>().await?;
        let entries = store.catalog().entries();
        let contents = Contents::new(store.clone(), clock.clone());
        Ok(Arc::new(Objects { store, clock, buckets, entries, contents, locks: Locks::default() }))
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// Where other services put and read objects.
    pub fn port(self: &Arc<Self>) -> Arc<dyn Buckets> {
        Arc::new(port::Port(self.clone()))
    }

    /// Where other services keep the files of tables.
    pub fn table_buckets(self: &Arc<Self>) -> Arc<dyn TableBuckets> {
        Arc::new(table_buckets::Port(self.clone()))
    }

    /// Begins the work in the background, from within a tokio runtime: sweeping what a crash left. Before the first call.
    ///
    /// # Errors
    ///
    /// What asking the catalog for a number can meet.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let end = self.store.catalog().next_id("s3 content").await?;
        tokio::spawn(sweep::sweep(Arc::downgrade(self), end));
        Ok(())
    }

    /// Deletes the files of all objects, after the store was reset.
    pub async fn reset(&self) {
        sweep::delete_all(&self.store).await;
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("buckets", &self.buckets.len()).finish_non_exhaustive()
    }
}
