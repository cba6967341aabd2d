//! The gateway's limits, a sentence each, with AWS's quota where there is one.

use std::time::Duration;

use watchkeep_model::{Operation, Protocol, Service};
use watchkeep_wire::http_api::BodyLimit;

/// Open connections; a connection costs some tens of kilobytes.
pub const CONNECTIONS_MAX: u32 = 4_096;

/// Calls at the same time; further ones wait for [`ROOM_TIME`].
pub const CALLS_MAX: u32 = 1_024;

/// Calls at the same time whose body comes in pieces, each of which may take as long as the client likes; further ones wait for
/// [`ROOM_TIME`]. They take nothing of [`CALLS_MAX`], so that slow uploads keep no other calls out.
pub const BODY_STREAMS_MAX: u32 = 256;

/// Bytes of request bodies in memory at the same time, of all calls together.
pub const BODIES_BYTES_MAX: u32 = 256 << 20;

/// How much of [`BODIES_BYTES_MAX`] a body has from the start, whatever length it announces; the rest it gets as it comes, so
/// that clients who announce and do not send keep no others out: all connections together have no more than all the room.
pub const BODY_BYTES_FIRST: usize = 64 << 10;

/// Bytes of a request's line and headers; AWS's own limit is 16 KiB of headers, presigned URLs go beyond.
pub const HEAD_BYTES_MAX: u32 = 64 << 10;

/// Headers of a request.
pub const HEADERS_MAX: usize = 128;

/// Calls at the same time on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 128;

/// A head that takes longer is cut off, and so is a connection that is idle for longer; AWS's SDKs keep idle connections for
/// up to a minute.
pub const HEAD_TIME: Duration = Duration::from_secs(75);

/// A body that takes longer is cut off; of one that comes in pieces, each may take so long.
pub const BODY_TIME: Duration = Duration::from_secs(60);

/// A client that takes nothing of its answer for longer is cut off.
pub const WRITE_TIME: Duration = Duration::from_secs(60);

/// A call that finds no room for longer is told to come back.
pub const ROOM_TIME: Duration = Duration::from_secs(5);

/// After this time of a shutdown, calls are cut off.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);

/// What calls that were cut off have for telling their clients.
pub const CUT_TIME: Duration = Duration::from_secs(1);

/// The pause after a connection could not be accepted for want of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often a silent HTTP/2 peer is asked whether it is still there.
pub const PING_INTERVAL: Duration = Duration::from_secs(60);

/// How long it may take to say so.
pub const PING_TIME: Duration = Duration::from_secs(20);

/// Of a body that is too large, so much is read and thrown away: a client that is still sending would not see the answer.
pub const DISCARDED_BYTES_MAX: usize = 16 << 20;

/// The body of a call to `/_watchkeep/`.
pub const ADMIN_BODY_BYTES_MAX: usize = 1 << 20;

/// Characters of a client's `User-Agent` that are kept.
pub const USER_AGENT_MAX: usize = 1_024;

/// Requests that are being handed on to another gateway of the cluster at the same time; further ones are told to come back.
pub const RELAYED_MAX: usize = 4_096;

/// Calls at the same time on one connection between two gateways of a cluster: all that one hands on.
pub const RELAYED_STREAMS_MAX: u32 = 4_096;

/// How long a request waits for somebody to hand it on to, before it is told to come back: longer than a takeover.
pub const RELAY_WAIT: Duration = Duration::from_secs(25);

/// The pause between two looks for somebody.
pub const RELAY_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection to another gateway may take.
pub const RELAY_CONNECT_TIME: Duration = Duration::from_secs(2);

/// How often another gateway is asked whether it is still there.
pub const RELAY_PING_INTERVAL: Duration = Duration::from_secs(3);

/// How long it may take to say so.
pub const RELAY_PING_TIME: Duration = Duration::from_secs(4);

/// How far the clocks of two gateways of a cluster may be apart, with the time that a request is on the way, in milliseconds.
pub const HOP_AGE_MS_MAX: u64 = 300_000;

/// What all operations may send that are not in the table below: no AWS API but those takes more than 1 MiB.
const DEFAULT: BodyLimit = BodyLimit { wire_bytes: 1 << 20, decoded_bytes: 4 << 20 };

/// The operations that take more, or less, by service and name.
const BODIES: &[(&str, &str, BodyLimit)] = &[
    // 1 MB of compressed data; 1,000 metrics with 150 values each take some megabytes as text.
    ("cloudwatch", "PutMetricData", BodyLimit { wire_bytes: 2 << 20, decoded_bytes: 16 << 20 }),
    // 1 MiB of messages, which JSON may spell six times as long.
    ("logs", "PutLogEvents", BodyLimit { wire_bytes: 8 << 20, decoded_bytes: 8 << 20 }),
    // Segment documents of 64 KiB each, in JSON strings.
    ("xray", "PutTraceSegments", BodyLimit { wire_bytes: 8 << 20, decoded_bytes: 8 << 20 }),
    // 1 MiB of bodies and attributes, which JSON may spell six times as long, and a form three times.
    ("sqs", "SendMessage", BodyLimit { wire_bytes: 8 << 20, decoded_bytes: 8 << 20 }),
    ("sqs", "SendMessageBatch", BodyLimit { wire_bytes: 8 << 20, decoded_bytes: 8 << 20 }),
    // 1,000 keys of 1,024 characters, escaped for XML; 10,000 parts with their checksums.
    ("s3", "DeleteObjects", BodyLimit { wire_bytes: 8 << 20, decoded_bytes: 8 << 20 }),
    ("s3", "CompleteMultipartUpload", BodyLimit { wire_bytes: 8 << 20, decoded_bytes: 8 << 20 }),
    // Records of 10 MiB, in base64.
    ("kinesis", "PutRecord", BodyLimit { wire_bytes: 16 << 20, decoded_bytes: 16 << 20 }),
    // 500 records and 10 MiB, in base64.
    ("kinesis", "PutRecords", BodyLimit { wire_bytes: 16 << 20, decoded_bytes: 16 << 20 }),
];

/// The limit of an operation.
pub fn of_operation(service: &Service, operation: &Operation) -> BodyLimit {
    let row =
        BODIES.iter().find(|(name, operation_name, _)| *name == service.name && *operation_name == operation.name);
    row.map_or(DEFAULT, |(_, _, limit)| *limit)
}

/// The limit of a request whose operation stands in its body: that of the largest operation of the service with this signing
/// name, or of all services that take forms if it names none.
pub fn of_form(services: &[&'static Service], signing_name: Option<&str>) -> BodyLimit {
    let may_be = |service: &&'static Service| match signing_name {
        Some(signing_name) => service.signing_name == signing_name,
        None => service.protocols.contains(&Protocol::AwsQuery),
    };
    let names = |name: &str| services.iter().any(|service| service.name == name && may_be(service));
    let larger = |a: BodyLimit, b: BodyLimit| BodyLimit {
        wire_bytes: a.wire_bytes.max(b.wire_bytes),
        decoded_bytes: a.decoded_bytes.max(b.decoded_bytes),
    };
    BODIES.iter().filter(|(service, ..)| names(service)).map(|(_, _, limit)| *limit).fold(DEFAULT, larger)
}
