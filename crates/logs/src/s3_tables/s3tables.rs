//! S3 Tables' own API, as far as it reads: the one table bucket of an account in a Region that has an integration, its namespace and its
//! tables.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::s3tables::{
    GetNamespaceRequest, GetNamespaceResponse, GetTableBucketRequest, GetTableBucketResponse,
    GetTableMetadataLocationRequest, GetTableMetadataLocationResponse, GetTableRequest, GetTableResponse,
    ListNamespacesRequest, ListNamespacesResponse, ListTableBucketsRequest, ListTableBucketsResponse,
    ListTablesRequest, ListTablesResponse, NamespaceSummary, TableBucketSummary, TableSummary, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::Versioned;

use super::integrations::table_bucket_arn;
use super::resources::{TableDocument, table_key};
use super::{Integration, NAMESPACE, S3Tables, TABLE_BUCKET};
use crate::Logs;

/// The tables of a page, unless it asks for fewer.
const PAGE: usize = 1_000;

/// Whose tables these are: AWS's word for those that a service manages.
const MANAGED: &str = "aws";

/// The service that writes the tables.
const WRITER: &str = "systemtables.cloudwatch.amazonaws.com";

/// A table as the catalog has it.
pub(super) type Table = Arc<Versioned<TableDocument>>;

impl S3Tables {
    /// The integration whose table bucket an ARN names.
    pub(super) fn of_table_bucket(&self, caller: &Caller, arn: &str) -> Result<Integration, ServiceError> {
        let found = self.integration_of(caller).filter(|found| table_bucket_arn(&found.key) == arn && !found.is_going);
        found.ok_or_else(|| model::not_found_exception("The specified table bucket does not exist."))
    }

    /// The tables of a namespace of it; of all if absent.
    pub(super) fn in_namespace(
        &self,
        integration: &Integration,
        namespace: Option<&str>,
    ) -> Result<Vec<Table>, ServiceError> {
        match namespace.is_none_or(|namespace| namespace == NAMESPACE) {
            true => Ok(self.tables_of(&integration.key)),
            false => Err(no_namespace()),
        }
    }

    /// A table by the names that lead to it, and its integration.
    pub(super) fn table(
        &self,
        caller: &Caller,
        bucket_arn: &str,
        namespace: &str,
        name: &str,
    ) -> Result<(Integration, Table), ServiceError> {
        let integration = self.of_table_bucket(caller, bucket_arn)?;
        if namespace != NAMESPACE {
            return Err(no_namespace());
        }
        let table = self.tables.get(&table_key(&integration.key, name)).ok_or_else(no_table)?;
        Ok((integration, table))
    }
}

fn no_namespace() -> ServiceError {
    model::not_found_exception("The specified namespace does not exist.")
}

fn no_table() -> ServiceError {
    model::not_found_exception("The specified table does not exist.")
}

fn invalid_token() -> ServiceError {
    model::bad_request_exception("The continuation token is invalid.")
}

fn table_arn(integration: &Integration, table: &TableDocument) -> String {
    format!("{}/table/{}", table_bucket_arn(&integration.key), table.uuid)
}

/// Lists the table bucket, if there is one.
pub(crate) async fn list_table_buckets(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListTableBucketsRequest,
) -> Result<ListTableBucketsResponse, ServiceError> {
    if input.continuation_token.is_some() {
        return Err(invalid_token());
    }
    let is_wanted = input.prefix.is_none_or(|prefix| TABLE_BUCKET.starts_with(&prefix))
        && input.r#type.is_none_or(|kind| kind == MANAGED);
    let found = logs.s3_tables.integration_of(caller).filter(|found| is_wanted && !found.is_going);
    let summary = |found: Integration| TableBucketSummary {
        arn: table_bucket_arn(&found.key),
        name: TABLE_BUCKET.to_owned(),
        owner_account_id: found.key.account.to_string(),
        created_at: Timestamp(found.created),
        table_bucket_id: Some(found.key.name.clone()),
        r#type: Some(MANAGED.to_owned()),
    };
    Ok(ListTableBucketsResponse { table_buckets: found.into_iter().map(summary).collect(), continuation_token: None })
}

/// Tells of the table bucket.
pub(crate) async fn get_table_bucket(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetTableBucketRequest,
) -> Result<GetTableBucketResponse, ServiceError> {
    let found = logs.s3_tables.of_table_bucket(caller, &input.table_bucket_arn)?;
    Ok(GetTableBucketResponse {
        arn: table_bucket_arn(&found.key),
        name: TABLE_BUCKET.to_owned(),
        owner_account_id: found.key.account.to_string(),
        created_at: Timestamp(found.created),
        table_bucket_id: Some(found.key.name.clone()),
        r#type: Some(MANAGED.to_owned()),
    })
}

/// Lists the namespace.
pub(crate) async fn list_namespaces(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListNamespacesRequest,
) -> Result<ListNamespacesResponse, ServiceError> {
    let found = logs.s3_tables.of_table_bucket(caller, &input.table_bucket_arn)?;
    if input.continuation_token.is_some() {
        return Err(invalid_token());
    }
    let account = found.key.account.to_string();
    let summary = NamespaceSummary {
        namespace: vec![NAMESPACE.to_owned()],
        created_at: Timestamp(found.created),
        created_by: account.clone(),
        owner_account_id: account,
        ..Default::default()
    };
    let is_wanted = input.prefix.is_none_or(|prefix| NAMESPACE.starts_with(&prefix));
    Ok(ListNamespacesResponse {
        namespaces: Some(summary).filter(|_| is_wanted).into_iter().collect(),
        continuation_token: None,
    })
}

/// Tells of the namespace.
pub(crate) async fn get_namespace(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetNamespaceRequest,
) -> Result<GetNamespaceResponse, ServiceError> {
    let found = logs.s3_tables.of_table_bucket(caller, &input.table_bucket_arn)?;
    logs.s3_tables.in_namespace(&found, Some(&input.namespace))?;
    let account = found.key.account.to_string();
    Ok(GetNamespaceResponse {
        namespace: vec![NAMESPACE.to_owned()],
        created_at: Timestamp(found.created),
        created_by: account.clone(),
        owner_account_id: account,
        ..Default::default()
    })
}

/// Lists tables by name. The token is the last table of the page before.
pub(crate) async fn list_tables(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListTablesRequest,
) -> Result<ListTablesResponse, ServiceError> {
    let found = logs.s3_tables.of_table_bucket(caller, &input.table_bucket_arn)?;
    let mut tables = logs.s3_tables.in_namespace(&found, input.namespace.as_deref())?;
    let (prefix, after) = (input.prefix.unwrap_or_default(), input.continuation_token.unwrap_or_default());
    tables.retain(|table| table.name.starts_with(&prefix) && table.name > after);
    let limit = input.max_tables.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
    let has_more = tables.len() > limit;
    tables.truncate(limit);
    let summary = |table: &Table| TableSummary {
        namespace: vec![NAMESPACE.to_owned()],
        name: table.name.clone(),
        r#type: MANAGED.to_owned(),
        table_arn: table_arn(&found, table),
        created_at: Timestamp(table.created),
        modified_at: Timestamp(table.updated().0),
        managed_by_service: Some(WRITER.to_owned()),
        ..Default::default()
    };
    Ok(ListTablesResponse {
        tables: tables.iter().map(summary).collect(),
        continuation_token: tables.last().filter(|_| has_more).map(|last| last.name.clone()),
    })
}

/// Tells of a table, by its names or its ARN.
pub(crate) async fn get_table(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetTableRequest,
) -> Result<GetTableResponse, ServiceError> {
    let (found, table) = match (input.table_arn, input.table_bucket_arn, input.namespace, input.name) {
        (Some(arn), None, None, None) => by_arn(logs, caller, &arn)?,
        (None, Some(bucket), Some(namespace), Some(name)) => {
            logs.s3_tables.table(caller, &bucket, &namespace, &name)?
        }
        _ => {
            let message = "Give either tableArn, or tableBucketARN, namespace and name.";
            return Err(model::bad_request_exception(message));
        }
    };
    let account = found.key.account.to_string();
    Ok(GetTableResponse {
        name: table.name.clone(),
        r#type: MANAGED.to_owned(),
        table_arn: table_arn(&found, &table),
        namespace: vec![NAMESPACE.to_owned()],
        version_token: table.version.to_string(),
        metadata_location: Some(table.location(&table.metadata_key)),
        warehouse_location: table.location(&table.prefix),
        created_at: Timestamp(table.created),
        created_by: account.clone(),
        managed_by_service: Some(WRITER.to_owned()),
        modified_at: Timestamp(table.updated().0),
        modified_by: account.clone(),
        owner_account_id: account,
        format: "ICEBERG".to_owned(),
        ..Default::default()
    })
}

fn by_arn(logs: &Logs, caller: &Caller, arn: &str) -> Result<(Integration, Table), ServiceError> {
    let parsed: Arn = arn.parse().map_err(|_| no_table())?;
    let (bucket, uuid) = parsed.resource.split_once("/table/").ok_or_else(no_table)?;
    let bucket = Arn { resource: bucket.to_owned(), ..parsed.clone() }.to_string();
    let found = logs.s3_tables.of_table_bucket(caller, &bucket)?;
    let tables = logs.s3_tables.tables_of(&found.key);
    let table = tables.into_iter().find(|table| table.uuid == uuid).ok_or_else(no_table)?;
    Ok((found, table))
}

/// Tells where the metadata file of a table is.
pub(crate) async fn get_table_metadata_location(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetTableMetadataLocationRequest,
) -> Result<GetTableMetadataLocationResponse, ServiceError> {
    let (_, table) = logs.s3_tables.table(caller, &input.table_bucket_arn, &input.namespace, &input.name)?;
    Ok(GetTableMetadataLocationResponse {
        version_token: table.version.to_string(),
        metadata_location: Some(table.location(&table.metadata_key)),
        warehouse_location: table.location(&table.prefix),
    })
}
