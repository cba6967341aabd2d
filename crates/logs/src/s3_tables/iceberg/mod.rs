//! Apache Iceberg's table format, version 2, as far as the tables of logs have it: append-only rows in Parquet files, without partitions
//! and without delete files. Pure functions from what is known of a table to the bytes that describe it. Source: "Iceberg Table Spec".

mod avro;
mod manifests;
mod metadata;

pub(super) use manifests::{manifest, manifest_list};
pub(super) use metadata::{columns, metadata};
