//! Every operation of the AWS services that Watchkeep speaks for, as types: for each shape a plain struct and a static
//! [`Schema`] (the members' names on each wire, kinds, constraints, traits), for each operation its name, route and errors.
//! All of it is generated from `models/*.json` by the build script; what stands in this folder is what the generated code
//! is made of.
//!
//! It knows no wire format: the codecs of `watchkeep-wire` walk a [`Structure`] by its schema, reading through [`View`]s and
//! writing through [`Slot`]s, so that one set of types serves all protocols in both directions.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod error;
mod fields;
mod schema;

pub use error::ServiceError;
pub use fields::{
    Field, ListSlot, ListView, MapSlot, MapView, Slot, Structure, Timestamp, View, debug_structure, equal,
};
pub use schema::{
    Constraints, Element, ErrorTraits, Kind, Location, Member, Operation, OperationType, Protocol, Schema, SchemaKind,
    Service, Shape, TimestampFormat,
};
/// A value of no fixed shape, as JSON.
pub use serde_json::Value as Document;

/// The input or output of an operation that has none.
#[derive(Clone, Default)]
pub struct Unit {}

/// The schema of [`Unit`].
pub static UNIT: Schema =
    Schema { name: "Unit", members: &[], kind: SchemaKind::Structure, payload: None, xml_namespace: None };

impl Structure for Unit {
    fn schema(&self) -> &'static Schema {
        &UNIT
    }
    fn get(&self, _: usize) -> Option<View<'_>> {
        None
    }
    fn slot(&mut self, _: usize) -> Option<Slot<'_>> {
        None
    }
}

/// All services, in the order of their names.
pub static SERVICES: &[&Service] = &[
    &cloudtrail::SERVICE,
    &cloudtrail_data::SERVICE,
    &cloudwatch::SERVICE,
    &events::SERVICE,
    &iam::SERVICE,
    &kinesis::SERVICE,
    &kms::SERVICE,
    &logs::SERVICE,
    &observabilityadmin::SERVICE,
    &pipes::SERVICE,
    &s3::SERVICE,
    &s3tables::SERVICE,
    &scheduler::SERVICE,
    &schemas::SERVICE,
    &sns::SERVICE,
    &sqs::SERVICE,
    &ssm::SERVICE,
    &sts::SERVICE,
    &xray::SERVICE,
];

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[allow(missing_docs, non_upper_case_globals, unused_imports, unused_qualifications, clippy::all, reason = "generated: the API reference of the service says what each member means")]
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
        }
    )*};
}

services! {
    /// CloudTrail, `cloudtrail`.
    cloudtrail;
    /// CloudTrail's ingestion API, `cloudtrail-data`.
    cloudtrail_data;
    /// CloudWatch metrics, alarms and dashboards, `monitoring`.
    cloudwatch;
    /// EventBridge, `events`.
    events;
    /// Identity and Access Management, `iam`.
    iam;
    /// Kinesis Data Streams, `kinesis`.
    kinesis;
    /// Key Management Service, `kms`.
    kms;
    /// CloudWatch Logs, `logs`.
    logs;
    /// CloudWatch's observability administration, `observabilityadmin`.
    observabilityadmin;
    /// EventBridge Pipes, `pipes`.
    pipes;
    /// Simple Storage Service, `s3`.
    s3;
    /// S3 Tables, `s3tables`.
    s3tables;
    /// EventBridge Scheduler, `scheduler`.
    scheduler;
    /// EventBridge Schemas, `schemas`.
    schemas;
    /// Simple Notification Service, `sns`.
    sns;
    /// Simple Queue Service, `sqs`.
    sqs;
    /// Systems Manager, `ssm`.
    ssm;
    /// Security Token Service, `sts`.
    sts;
    /// X-Ray, `xray`.
    xray;
}
