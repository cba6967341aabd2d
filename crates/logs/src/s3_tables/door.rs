//! The Iceberg REST catalog of the tables, at `/iceberg`: what reads is answered, what would change something is refused. Its operations
//! are authorized and recorded as S3 Tables' ("Accessing tables using the Amazon S3 Tables Iceberg REST endpoint"). The prefix in paths is the
//! table bucket's ARN, URL-encoded.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::{Operation, OperationType as _, ServiceError, s3tables};
use watchkeep_wire::http_api::{BodyLimit, HttpAnswer, HttpApi, HttpOperation, HttpRequest};

use super::{NAMESPACE, iceberg};
use crate::Logs;

/// Nothing is read of bodies, since nothing is changed.
const BODY: BodyLimit = BodyLimit { wire_bytes: 1 << 20, decoded_bytes: 1 << 20 };

/// What stands in paths as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What parts several levels of a namespace in a path.
const LEVELS: char = '\u{1f}';

const fn operation(name: &'static str, operation: &'static Operation) -> HttpOperation {
    HttpOperation {
        name,
        service: &s3tables::SERVICE,
        operation,
        signing_names: &[],
        bearer_tokens_of: None,
        body: BODY,
    }
}

macro_rules! operations {
    ($($constant:ident: $name:literal as $operation:ident;)*) => {
        $(static $constant: HttpOperation = operation($name, s3tables::operations::$operation::OPERATION);)*
    };
}

operations! {
    GET_CONFIG: "getConfig" as GetTableBucket;
    LIST_NAMESPACES: "listNamespaces" as ListNamespaces;
    LOAD_NAMESPACE: "loadNamespaceMetadata" as GetNamespace;
    LIST_TABLES: "listTables" as ListTables;
    LOAD_TABLE: "loadTable" as GetTableMetadataLocation;
    TABLE_EXISTS: "tableExists" as GetTable;
    CREATE_NAMESPACE: "createNamespace" as CreateNamespace;
    DROP_NAMESPACE: "dropNamespace" as DeleteNamespace;
    CREATE_TABLE: "createTable" as CreateTable;
    UPDATE_TABLE: "updateTable" as UpdateTableMetadataLocation;
    DROP_TABLE: "dropTable" as DeleteTable;
    RENAME_TABLE: "renameTable" as RenameTable;
}

/// What a path names, each part decoded.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Config,
    Namespaces(String),
    Namespace(String, String),
    Tables(String, String),
    Table(String, String, String),
    Rename,
}

impl Place {
    fn of(path: &str) -> Option<Place> {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let rest = path.strip_prefix("/iceberg/v1/")?;
        let parts: Vec<&str> = rest.split('/').collect();
        Some(match parts[..] {
            ["config"] => Place::Config,
            [prefix, "namespaces"] => Place::Namespaces(decoded(prefix)),
            [_, "tables", "rename"] => Place::Rename,
            [prefix, "namespaces", namespace] => Place::Namespace(decoded(prefix), decoded(namespace)),
            [prefix, "namespaces", namespace, "tables"] => Place::Tables(decoded(prefix), decoded(namespace)),
            [prefix, "namespaces", namespace, "tables", table] => {
                Place::Table(decoded(prefix), decoded(namespace), decoded(table))
            }
            _ => return None,
        })
    }
}

/// The catalog.
pub(super) struct Door(pub(super) Arc<Logs>);

impl HttpApi for Door {
    fn route(&self, method: &Method, path: &str) -> Option<&'static HttpOperation> {
        Some(match (method.as_str(), Place::of(path)?) {
            ("GET", Place::Config) => &GET_CONFIG,
            ("GET", Place::Namespaces(_)) => &LIST_NAMESPACES,
            ("GET" | "HEAD", Place::Namespace(..)) => &LOAD_NAMESPACE,
            ("GET", Place::Tables(..)) => &LIST_TABLES,
            ("GET", Place::Table(..)) => &LOAD_TABLE,
            ("HEAD", Place::Table(..)) => &TABLE_EXISTS,
            ("POST", Place::Namespaces(_)) => &CREATE_NAMESPACE,
            ("DELETE", Place::Namespace(..)) => &DROP_NAMESPACE,
            ("POST", Place::Tables(..)) => &CREATE_TABLE,
            ("POST", Place::Table(..)) => &UPDATE_TABLE,
            ("DELETE", Place::Table(..)) => &DROP_TABLE,
            ("POST", Place::Rename) => &RENAME_TABLE,
            _ => return None,
        })
    }

    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let logs = self.0.clone();
        Box::pin(async move { answer(&logs, operation, &caller, &request.uri) })
    }

    fn failure(&self, _: &'static HttpOperation, _: &HeaderMap, error: &ServiceError) -> HttpAnswer {
        let status = if error.code == "NotFoundException" { 404 } else { error.status };
        // The words of the REST specification, which clients know errors by.
        let kind = match status {
            404 if error.message.contains("namespace") => "NoSuchNamespaceException",
            404 if error.message.contains("bucket") => "NoSuchWarehouseException",
            404 => "NoSuchTableException",
            401 => "NotAuthorizedException",
            403 => "ForbiddenException",
            400 => "BadRequestException",
            503 => "ServiceUnavailableException",
            _ => "InternalServerError",
        };
        let body = json!({"error": {"message": error.message, "type": kind, "code": status}});
        let answer = HttpAnswer::new(status, "application/json", body.to_string());
        if status == 503 { answer.with_header("retry-after", "1") } else { answer }
    }
}

fn answer(
    logs: &Arc<Logs>,
    operation: &'static HttpOperation,
    caller: &Caller,
    uri: &Uri,
) -> Result<HttpAnswer, ServiceError> {
    let s3_tables = &logs.s3_tables;
    let is_read = [&GET_CONFIG, &LIST_NAMESPACES, &LOAD_NAMESPACE, &LIST_TABLES, &LOAD_TABLE, &TABLE_EXISTS];
    if !is_read.iter().any(|read| read.name == operation.name) {
        let message = "The tables of log data are read-only: CloudWatch Logs writes them.";
        return Err(ServiceError::common("ForbiddenException", "Forbidden", 403, message));
    }
    let body = match Place::of(uri.path()) {
        Some(Place::Config) => config(logs, caller, uri)?,
        Some(Place::Namespaces(bucket)) => {
            s3_tables.of_table_bucket(caller, &bucket)?;
            // Namespaces have no namespaces in them.
            let is_within = parameter(uri, "parent").is_some_and(|parent| !parent.is_empty());
            json!({"namespaces": if is_within { vec![] } else { vec![[NAMESPACE]] }})
        }
        Some(Place::Namespace(bucket, namespace)) => {
            let found = s3_tables.of_table_bucket(caller, &bucket)?;
            s3_tables.in_namespace(&found, Some(level(&namespace)))?;
            json!({"namespace": [NAMESPACE], "properties": {}})
        }
        Some(Place::Tables(bucket, namespace)) => {
            let found = s3_tables.of_table_bucket(caller, &bucket)?;
            let tables = s3_tables.in_namespace(&found, Some(level(&namespace)))?;
            let identifiers = tables.iter().map(|table| json!({"namespace": [NAMESPACE], "name": table.name}));
            json!({"identifiers": identifiers.collect::<Vec<_>>()})
        }
        Some(Place::Table(bucket, namespace, name)) => {
            let (_, table) = s3_tables.table(caller, &bucket, level(&namespace), &name)?;
            json!({
                "metadata-location": table.location(&table.metadata_key),
                "metadata": iceberg::metadata(&table),
                "config": {},
            })
        }
        Some(Place::Rename) | None => Value::Null,
    };
    if operation.name == TABLE_EXISTS.name {
        return Ok(HttpAnswer::empty(204));
    }
    Ok(HttpAnswer::new(200, "application/json", body.to_string()))
}

fn config(logs: &Arc<Logs>, caller: &Caller, uri: &Uri) -> Result<Value, ServiceError> {
    let warehouse = parameter(uri, "warehouse").unwrap_or_default();
    logs.s3_tables.of_table_bucket(caller, &warehouse)?;
    let prefix = utf8_percent_encode(&warehouse, PLAIN).to_string();
    Ok(json!({
        "defaults": {},
        "overrides": {"prefix": prefix},
        "endpoints": [
            "GET /v1/{prefix}/namespaces",
            "GET /v1/{prefix}/namespaces/{namespace}",
            "HEAD /v1/{prefix}/namespaces/{namespace}",
            "GET /v1/{prefix}/namespaces/{namespace}/tables",
            "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
            "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
        ],
    }))
}

/// The one level of a namespace; an empty text if there are several, which no namespace here has.
fn level(namespace: &str) -> &str {
    if namespace.contains(LEVELS) { "" } else { namespace }
}

/// The value of a parameter of the query string.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_they_name() {
        let arn = "arn%3Aaws%3As3tables%3Aus-east-1%3A000000000000%3Abucket%2Faws-cloudwatch";
        let bucket = "arn:aws:s3tables:us-east-1:000000000000:bucket/aws-cloudwatch";
        let table = Place::of(&format!("/iceberg/v1/{arn}/namespaces/logs/tables/shop__worker"));
        assert_eq!(table, Some(Place::Table(bucket.into(), "logs".into(), "shop__worker".into())));
        assert_eq!(Place::of("/iceberg/v1/config"), Some(Place::Config));
        assert_eq!(Place::of(&format!("/iceberg/v1/{arn}/namespaces")), Some(Place::Namespaces(bucket.into())));
        for other in ["/iceberg", "/iceberg/v1", "/iceberg/v2/config", "/icebergs/v1/config", "/iceberg/v1/a/b/c/d/e/f"]
        {
            assert_eq!(Place::of(other), None, "{other}");
        }
    }
}
