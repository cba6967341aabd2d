//! The errors of the service ("Error responses"): where one of the store becomes S3's (G-1), and texts that several operations give.

use watchkeep_model::s3::errors;
use watchkeep_model::{
    Constraints, Kind, Location, Member, Schema, SchemaKind, ServiceError, Shape, Slot, Structure, View,
};
use watchkeep_store::{BlobError, StoreError};

/// An error that the model does not list, as most of S3's.
pub(crate) fn coded(code: &'static str, status: u16, message: impl Into<String>) -> ServiceError {
    ServiceError::common(code, code, status, message)
}

/// `NoSuchBucket`.
pub(crate) fn no_bucket(bucket: &str) -> ServiceError {
    let error = ServiceError { status: 404, ..errors::no_such_bucket("The specified bucket does not exist") };
    error.with_details(Details { bucket_name: Some(bucket.to_owned()), ..Details::default() })
}

/// `NoSuchKey`.
pub(crate) fn no_key(key: &str) -> ServiceError {
    let error = ServiceError { status: 404, ..errors::no_such_key("The specified key does not exist.") };
    error.with_details(Details { key: Some(key.to_owned()), ..Details::default() })
}

/// `NoSuchUpload`.
pub(crate) fn no_upload(upload_id: &str) -> ServiceError {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
                   completed.";
    let error = ServiceError { status: 404, ..errors::no_such_upload(message) };
    error.with_details(Details { upload_id: Some(upload_id.to_owned()), ..Details::default() })
}

/// `AccessDenied`.
pub(crate) fn access_denied() -> ServiceError {
    coded("AccessDenied", 403, "Access Denied")
}

/// `InvalidArgument`.
pub(crate) fn invalid_argument(message: impl Into<String>) -> ServiceError {
    coded("InvalidArgument", 400, message)
}

/// `InvalidRequest`.
pub(crate) fn invalid_request(message: impl Into<String>) -> ServiceError {
    coded("InvalidRequest", 400, message)
}

/// `MalformedXML`.
pub(crate) fn malformed_xml() -> ServiceError {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    coded("MalformedXML", 400, message)
}

/// `NotImplemented`: what is asked for is not there, and is not passed over in silence.
pub(crate) fn not_implemented(header: &str) -> ServiceError {
    let message = format!("A header you provided implies functionality that is not implemented: {header}");
    coded("NotImplemented", 501, message)
}

/// `PreconditionFailed`; `condition` is the header's name.
pub(crate) fn precondition_failed(condition: &'static str) -> ServiceError {
    let message = "At least one of the pre-conditions you specified did not hold";
    let details = Details { condition: Some(condition.to_owned()), ..Details::default() };
    coded("PreconditionFailed", 412, message).with_details(details)
}

/// `InvalidRange`.
pub(crate) fn invalid_range(requested: &str, size: u64) -> ServiceError {
    let details = Details {
        range_requested: Some(requested.to_owned()),
        actual_object_size: Some(size.to_string()),
        ..Details::default()
    };
    coded("InvalidRange", 416, "The requested range is not satisfiable").with_details(details)
}

/// `EntityTooLarge`.
pub(crate) fn too_large(maximum: u64) -> ServiceError {
    let details = Details { max_size_allowed: Some(maximum.to_string()), ..Details::default() };
    coded("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size").with_details(details)
}

/// `SlowDown`.
pub(crate) fn slow_down() -> ServiceError {
    coded("SlowDown", 503, "Please reduce your request rate.")
}

/// `InternalError`.
pub(crate) fn internal() -> ServiceError {
    coded("InternalError", 500, "We encountered an internal error. Please try again.")
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    let error = error.into();
    if error.is_retryable() {
        tracing::warn!(%error, "a call on objects was refused");
        return slow_down();
    }
    tracing::error!(%error, "a call on objects failed");
    internal()
}

/// What a client is told when files fail.
pub(crate) fn blob(error: BlobError) -> ServiceError {
    match error {
        BlobError::Unavailable { .. } => {
            tracing::warn!(%error, "a call on objects was refused");
            slow_down()
        }
        error => {
            tracing::error!(%error, "the content of an object cannot be read or written");
            internal()
        }
    }
}

/// What an error's document says beside code and message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Details {
    bucket_name: Option<String>,
    key: Option<String>,
    upload_id: Option<String>,
    condition: Option<String>,
    range_requested: Option<String>,
    actual_object_size: Option<String>,
    max_size_allowed: Option<String>,
}

static TEXT: Shape = Shape {
    name: "Text",
    kind: Kind::String,
    constraints: Constraints { min: None, max: None, pattern: None, values: &[] },
    sensitive: false,
};

const fn member(name: &'static str) -> Member {
    Member {
        name,
        wire_name: None,
        query_name: None,
        location: Location::Body,
        required: false,
        shape: &TEXT,
        flattened: false,
        xml_attribute: false,
        timestamp_format: None,
        xml_namespace: None,
        event_payload: false,
    }
}

static DETAILS: Schema = Schema {
    name: "ErrorDetails",
    members: &[
        member("BucketName"),
        member("Key"),
        member("UploadId"),
        member("Condition"),
        member("RangeRequested"),
        member("ActualObjectSize"),
        member("MaxSizeAllowed"),
    ],
    kind: SchemaKind::Structure,
    payload: None,
    xml_namespace: None,
};

impl Details {
    fn fields(&self) -> [&Option<String>; 7] {
        let Details { bucket_name, key, upload_id, condition, range_requested, actual_object_size, max_size_allowed } =
            self;
        [bucket_name, key, upload_id, condition, range_requested, actual_object_size, max_size_allowed]
    }
}

impl Structure for Details {
    fn schema(&self) -> &'static Schema {
        &DETAILS
    }

    fn get(&self, index: usize) -> Option<View<'_>> {
        self.fields().get(index)?.as_deref().map(View::String)
    }

    fn slot(&mut self, _: usize) -> Option<Slot<'_>> {
        // Errors are written, never read.
        None
    }
}
