//! The static tables that the codecs walk. Field names follow the traits of AWS's API models.

use crate::Structure;

/// A service's API.
#[derive(Debug)]
pub struct Service {
    /// Our name of it, as `cloudwatch`; also that of its module and of `models/<name>.json`.
    pub name: &'static str,
    /// The service name in a signature's credential scope, as `monitoring`.
    pub signing_name: &'static str,
    /// The first label of the service's host name, as `monitoring`.
    pub endpoint_prefix: &'static str,
    /// The API's version, as `2010-08-01`.
    pub api_version: &'static str,
    /// What stands before `.Operation` in `X-Amz-Target`.
    pub target_prefix: Option<&'static str>,
    /// The protocols that the service speaks, the preferred one first.
    pub protocols: &'static [Protocol],
    /// The service once spoke the Query protocol and still tells its error codes in `x-amzn-query-error`.
    pub query_compatible: bool,
    /// The namespace of its XML documents.
    pub xml_namespace: Option<&'static str>,
    /// The operations, in the order of their names.
    pub operations: &'static [&'static Operation],
}

impl Service {
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        let index = self.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        self.operations.get(index).copied()
    }
}

/// How a service's calls look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// awsJson 1.0.
    AwsJson10,
    /// awsJson 1.1.
    AwsJson11,
    /// The calls of awsJson 1.1 with bodies in CBOR, moments in milliseconds: what AWS's SDK for Java speaks to Kinesis.
    AwsCbor11,
    /// awsQuery: form parameters in, XML out.
    AwsQuery,
    /// smithy-rpc-v2-cbor.
    RpcV2Cbor,
    /// restJson1.
    RestJson,
    /// restXml.
    RestXml,
}

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// Its name, as `PutMetricData`.
    pub name: &'static str,
    /// The HTTP method of the REST protocols.
    pub method: &'static str,
    /// The URI template of the REST protocols, as `/{Bucket}/{Key+}?acl`.
    pub uri: &'static str,
    /// The HTTP status of success.
    pub status: u16,
    /// The shape of its input.
    pub input: &'static Schema,
    /// The element name of the input in restXml, where the model gives one.
    pub input_name: Option<&'static str>,
    /// The shape of its output.
    pub output: &'static Schema,
    /// The element around the output in awsQuery, as `ListMetricsResult`.
    pub result_wrapper: Option<&'static str>,
    /// The errors that the model lists for it.
    pub errors: &'static [&'static Schema],
    /// What SDKs put before the endpoint's host name, as `stream-`.
    pub host_prefix: Option<&'static str>,
    /// Whether the operation is called without a signature.
    pub unsigned: bool,
}

/// Ties an operation to the types of its input and output.
pub trait OperationType {
    /// The input's type.
    type Input: Structure + Default + 'static;
    /// The output's type.
    type Output: Structure + Default + 'static;
    /// The operation's table.
    const OPERATION: &'static Operation;
}

/// A structure, union, event stream or error.
#[derive(Debug)]
pub struct Schema {
    /// The shape's name in the model.
    pub name: &'static str,
    /// Its members, in the model's order; a [`Structure`] is indexed by the position here.
    pub members: &'static [Member],
    /// What sort of structure it is.
    pub kind: SchemaKind,
    /// The member that is the whole HTTP body in the REST protocols.
    pub payload: Option<usize>,
    /// The namespace of its XML element.
    pub xml_namespace: Option<&'static str>,
}

/// What sort of structure a [`Schema`] describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// Any of its members may be present.
    Structure,
    /// Exactly one member is present.
    Union,
    /// A union whose members arrive one by one over time.
    EventStream,
    /// An error.
    Error(ErrorTraits),
}

/// The HTTP and Query sides of an error shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorTraits {
    /// The code in the Query protocol, as `InvalidParameterValue`; the shape's name where the model gives none.
    pub query_code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whether the client is at fault.
    pub sender: bool,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name in the API.
    pub name: &'static str,
    /// Its name on the wire where that differs, by location: XML element, Query parameter, header, query-string key.
    pub wire_name: Option<&'static str>,
    /// Its name in the Query protocol alone: of a service that has another in JSON.
    pub query_name: Option<&'static str>,
    /// Where the REST protocols put it.
    pub location: Location,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Its shape.
    pub shape: &'static Shape,
    /// Whether a list's or map's entries stand directly in the parent.
    pub flattened: bool,
    /// Whether it is an XML attribute.
    pub xml_attribute: bool,
    /// Its timestamp format where that differs from the protocol's.
    pub timestamp_format: Option<TimestampFormat>,
    /// The namespace (and prefix) of its XML element.
    pub xml_namespace: Option<&'static str>,
    /// Whether it is the payload of an event.
    pub event_payload: bool,
}

impl Member {
    /// The name on the wire.
    pub fn wire_name(&self) -> &'static str {
        self.wire_name.unwrap_or(self.name)
    }

    /// The name in forms and XML documents.
    pub fn query_name(&self) -> &'static str {
        self.query_name.unwrap_or_else(|| self.wire_name())
    }
}

/// Where the REST protocols put a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the header of its wire name.
    Header,
    /// In all headers that begin with its wire name.
    Headers,
    /// In the query string.
    QueryString,
    /// In the path.
    Uri,
    /// The HTTP status.
    StatusCode,
}

/// What a value may be.
#[derive(Debug)]
pub struct Shape {
    /// The shape's name in the model.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its constraints.
    pub constraints: Constraints,
    /// Whether it must never be logged or audited.
    pub sensitive: bool,
}

/// The kinds of values.
#[derive(Debug)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// 32 bits.
    Integer,
    /// 64 bits.
    Long,
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// Text; an enumeration if the constraints list its values.
    String,
    /// Bytes.
    Blob,
    /// A moment, with the shape's own format if it has one.
    Timestamp(Option<TimestampFormat>),
    /// A list.
    List(Element),
    /// A map from strings.
    Map(Element, Element),
    /// A structure.
    Structure(&'static Schema),
    /// Any JSON.
    Document,
}

/// The entries of a list, or the keys or values of a map.
#[derive(Debug)]
pub struct Element {
    /// Their shape.
    pub shape: &'static Shape,
    /// Their XML element, where it is not `member`, `key` or `value`.
    pub wire_name: Option<&'static str>,
    /// Whether the list's shape itself is flattened.
    pub flattened: bool,
    /// Their timestamp format, where given.
    pub timestamp_format: Option<TimestampFormat>,
}

/// The spelling of a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Seconds since the epoch.
    EpochSeconds,
    /// `2024-01-02T03:04:05Z`.
    Iso8601,
    /// `Tue, 02 Jan 2024 03:04:05 GMT`.
    HttpDate,
}

/// What the model demands of a value.
#[derive(Debug)]
pub struct Constraints {
    /// Smallest number, or shortest length (characters of text, bytes of blobs, entries of lists and maps).
    pub min: Option<f64>,
    /// Largest number, or longest length.
    pub max: Option<f64>,
    /// A Java regular expression that the whole text must match.
    pub pattern: Option<&'static str>,
    /// The values of an enumeration; empty if it is none.
    pub values: &'static [&'static str],
}

impl Constraints {
    /// No demands.
    pub const NONE: Constraints = Constraints { min: None, max: None, pattern: None, values: &[] };
}
