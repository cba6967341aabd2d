//! The headers with which an object is put: what is told of it, and what is refused because it would do nothing here.

use std::collections::BTreeMap;

use watchkeep_model::ServiceError;

use crate::errors::{coded, invalid_argument, invalid_request, not_implemented};
use crate::limits::METADATA_BYTES_MAX;
use crate::resources::Headers;

/// The media type of an object that was put without one.
pub(crate) const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

/// Checks canned ACL and grants. Buckets have their owner's rules enforced ("Controlling ownership of objects"): ACLs say nothing but
/// that all is the bucket owner's.
pub(crate) fn check_acl(acl: Option<&str>, grants: &[&Option<String>]) -> Result<(), ServiceError> {
    let plain = matches!(acl, None | Some("private" | "bucket-owner-full-control"));
    if plain && grants.iter().all(|grant| grant.is_none()) {
        return Ok(());
    }
    Err(coded("AccessControlListNotSupported", 400, "The bucket does not allow ACLs"))
}

/// Checks the user's own metadata.
pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(coded("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(())
}

/// Checks a storage class: there is one.
pub(crate) fn check_storage_class(class: Option<&str>) -> Result<(), ServiceError> {
    match class {
        None | Some("STANDARD") => Ok(()),
        Some(_) => Err(coded("InvalidStorageClass", 400, "The storage class you specified is not valid")),
    }
}

/// Refuses features that are not there: `(header, whether it is asked for)`.
pub(crate) fn refuse(features: &[(&'static str, bool)]) -> Result<(), ServiceError> {
    match features.iter().find(|(_, asked)| *asked) {
        Some((header, _)) if header.starts_with("x-amz-object-lock") => {
            Err(invalid_request("Bucket is missing Object Lock Configuration"))
        }
        Some((header, _)) => Err(not_implemented(header)),
        None => Ok(()),
    }
}

/// Refuses a version: buckets here have none but the one that there is.
pub(crate) fn check_version(version: Option<&str>) -> Result<(), ServiceError> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(invalid_argument("Invalid version id specified")),
    }
}

/// The coding of the object itself: `aws-chunked` is that of the transfer.
pub(crate) fn content_encoding(sent: Option<&str>) -> Option<String> {
    let codings = sent?.split(',').map(str::trim).filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked"));
    let own = codings.filter(|coding| !coding.is_empty()).collect::<Vec<_>>().join(",");
    (!own.is_empty()).then_some(own)
}

/// What an input tells of its object. For inputs of PutObject, CopyObject and CreateMultipartUpload, which have the same members.
macro_rules! headers_of {
    ($input:expr) => {{
        use $crate::headers::{check_acl, check_metadata, check_storage_class, content_encoding, refuse};
        let input = &$input;
        let headers = $crate::resources::Headers {
            content_type: input.content_type.clone(),
            content_encoding: content_encoding(input.content_encoding.as_deref()),
            content_language: input.content_language.clone(),
            content_disposition: input.content_disposition.clone(),
            cache_control: input.cache_control.clone(),
            expires: input.expires.clone(),
            metadata: input.metadata.clone().unwrap_or_default(),
        };
        let grants = [&input.grant_full_control, &input.grant_read, &input.grant_read_acp, &input.grant_write_acp];
        let refused = [
            ("x-amz-server-side-encryption", input.server_side_encryption.is_some()),
            ("x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.is_some()),
            ("x-amz-server-side-encryption-aws-kms-key-id", input.ssekms_key_id.is_some()),
            ("x-amz-website-redirect-location", input.website_redirect_location.is_some()),
            ("x-amz-object-lock-mode", input.object_lock_mode.is_some()),
            ("x-amz-object-lock-retain-until-date", input.object_lock_retain_until_date.is_some()),
            ("x-amz-object-lock-legal-hold", input.object_lock_legal_hold_status.is_some()),
            ("x-amz-object-lock-event-hold", input.object_lock_event_hold.is_some()),
        ];
        check_acl(input.acl.as_deref(), &grants)
            .and_then(|()| check_storage_class(input.storage_class.as_deref()))
            .and_then(|()| refuse(&refused))
            .and_then(|()| check_metadata(&headers.metadata))
            .map(|()| headers)
    }};
}
pub(crate) use headers_of;

impl Headers {
    /// The media type that is told.
    pub(crate) fn told_type(&self) -> String {
        self.content_type.clone().unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_of_the_transfer_are_not_the_object_s() {
        for (sent, own) in [
            ("aws-chunked", None),
            ("gzip", Some("gzip")),
            ("aws-chunked,gzip", Some("gzip")),
            ("gzip, AWS-chunked", Some("gzip")),
            ("", None),
        ] {
            assert_eq!(content_encoding(Some(sent)).as_deref(), own, "{sent}");
        }
        assert_eq!(content_encoding(None), None);
    }
}
