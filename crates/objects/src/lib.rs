//! The object service: Amazon S3's buckets and objects, as far as the other services and their users need them.
//!
//! It knows no HTTP, no wire format and no other service.
