//! What S3's model leaves to its clients' own code: the names of its answers' root elements, its namespace and one answer that
//! is bare text. Some SDKs refuse an answer under another name.

use watchkeep_model::{Operation, Service};

/// The root element of an S3 answer.
pub fn root(operation: &Operation) -> Option<&'static str> {
    Some(match operation.name {
        "ListBuckets" | "ListDirectoryBuckets" => "ListAllMyBucketsResult",
        "ListObjects" | "ListObjectsV2" => "ListBucketResult",
        "ListObjectVersions" => "ListVersionsResult",
        "ListMultipartUploads" => "ListMultipartUploadsResult",
        "ListParts" => "ListPartsResult",
        "CreateMultipartUpload" => "InitiateMultipartUploadResult",
        "CompleteMultipartUpload" => "CompleteMultipartUploadResult",
        "CreateSession" => "CreateSessionResult",
        "DeleteObjects" => "DeleteResult",
        "GetBucketLocation" => "LocationConstraint",
        "GetBucketAcl" | "GetObjectAcl" => "AccessControlPolicy",
        "GetBucketAccelerateConfiguration" => "AccelerateConfiguration",
        "GetBucketCors" => "CORSConfiguration",
        "GetBucketLifecycle" | "GetBucketLifecycleConfiguration" => "LifecycleConfiguration",
        "GetBucketLogging" => "BucketLoggingStatus",
        "GetBucketRequestPayment" => "RequestPaymentConfiguration",
        "GetBucketTagging" | "GetObjectTagging" => "Tagging",
        "GetBucketVersioning" => "VersioningConfiguration",
        "GetBucketWebsite" => "WebsiteConfiguration",
        "GetObjectAttributes" => "GetObjectAttributesResponse",
        "GetBucketNotification" | "GetBucketNotificationConfiguration" => "NotificationConfiguration",
        "ListBucketAnalyticsConfigurations" => "ListBucketAnalyticsConfigurationResult",
        "ListBucketInventoryConfigurations" => "ListInventoryConfigurationsResult",
        "ListBucketMetricsConfigurations" => "ListMetricsConfigurationsResult",
        _ => return None,
    })
}

/// Whether the service is S3: its errors stand bare, and name the resource.
pub fn is(service: &Service) -> bool {
    service.endpoint_prefix == "s3"
}

/// The namespace of the service's documents; the model of S3 gives it for some of them only.
pub fn namespace(service: &Service) -> Option<&'static str> {
    service.xml_namespace.or(is(service).then_some("http://s3.amazonaws.com/doc/2006-03-01/"))
}

/// Whether the one member of the answer is the text of its root element.
pub fn is_bare_text(service: &Service, operation: &Operation) -> bool {
    is(service) && operation.name == "GetBucketLocation"
}
