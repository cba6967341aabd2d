//! Lookup tables: CSV with a head, that queries read columns from.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_lang::insights::run::LookupTable as Parsed;
use watchkeep_model::logs::{
    CreateLookupTableRequest, CreateLookupTableResponse, DeleteLookupTableRequest, DescribeLookupTablesRequest,
    DescribeLookupTablesResponse, GetLookupTableRequest, GetLookupTableResponse, LookupTable, UpdateLookupTableRequest,
    UpdateLookupTableResponse, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{CatalogError, ResourceKey, Versioned};

use super::resources::{LookupTableDocument, Status};
use super::results;
use crate::errors::invalid;
use crate::limits::{LOOKUP_TABLE_BYTES_MAX, LOOKUP_TABLES_MAX, LOOKUP_TABLES_PAGE_DEFAULT, QUERY_RESULTS_PAGE_MAX};
use crate::paging::{self, Paged};
use crate::{Logs, errors, tags};

const ARN_PREFIX: &str = "lookup-table:";

/// Creates a table, from CSV or a query's result.
pub(crate) async fn create_lookup_table(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateLookupTableRequest,
) -> Result<CreateLookupTableResponse, ServiceError> {
    refuse_key(input.kms_key_id.as_deref())?;
    let tags = input.tags.unwrap_or_default();
    tags::check(&tags)?;
    let body = body(logs, caller, input.table_body, input.query_id).await?;
    let count = logs.queries.lookup_tables.list(&caller.account, Some(&caller.region), "", None, usize::MAX).len();
    let key = ResourceKey::new(caller.account, &caller.region, &input.lookup_table_name);
    if count >= LOOKUP_TABLES_MAX && logs.queries.lookup_tables.get(&key).is_none() {
        return Err(model::limit_exceeded_exception("The number of lookup tables has reached its limit."));
    }
    let now = logs.clock.now().0;
    let document = LookupTableDocument { body, description: input.description, created_ms: now, updated_ms: now, tags };
    match logs.queries.lookup_tables.create(key.clone(), document).await {
        Ok(_) => Ok(CreateLookupTableResponse { lookup_table_arn: Some(arn(&key)), created_at: Some(now) }),
        Err(CatalogError::Exists { .. }) => {
            Err(model::resource_already_exists_exception("The specified lookup table already exists."))
        }
        Err(error) => Err(errors::store(error)),
    }
}

/// Replaces a table's content.
pub(crate) async fn update_lookup_table(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UpdateLookupTableRequest,
) -> Result<UpdateLookupTableResponse, ServiceError> {
    refuse_key(input.kms_key_id.as_deref())?;
    let current = find(logs, caller, &input.lookup_table_arn)?;
    let body = body(logs, caller, input.table_body, input.query_id).await?;
    let now = logs.clock.now().0;
    let mut document = LookupTableDocument::clone(&current);
    document.body = body;
    document.updated_ms = now;
    if input.description.is_some() {
        document.description = input.description;
    }
    logs.queries.lookup_tables.update(&current, document).await.map_err(errors::store)?;
    Ok(UpdateLookupTableResponse { lookup_table_arn: Some(arn(&current.key)), last_updated_time: Some(now) })
}

/// A table with its content.
pub(crate) async fn get_lookup_table(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLookupTableRequest,
) -> Result<GetLookupTableResponse, ServiceError> {
    let table = find(logs, caller, &input.lookup_table_arn)?;
    Ok(GetLookupTableResponse {
        lookup_table_arn: Some(arn(&table.key)),
        lookup_table_name: Some(table.key.name.clone()),
        description: table.description.clone(),
        table_body: Some(table.body.clone()),
        size_bytes: Some(size(&table)),
        last_updated_time: Some(table.updated_ms),
        kms_key_id: None,
    })
}

/// Lists tables by name.
pub(crate) async fn describe_lookup_tables(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeLookupTablesRequest,
) -> Result<DescribeLookupTablesResponse, ServiceError> {
    let now = logs.clock.now();
    let prefix = input.lookup_table_name_prefix.unwrap_or_default();
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LOOKUP_TABLES_PAGE_DEFAULT);
    let after = paging::place(Paged::LookupTables, now, input.next_token.as_deref())?;
    let tables = &logs.queries.lookup_tables;
    let mut found = tables.list(&caller.account, Some(&caller.region), &prefix, after.as_deref(), limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token =
        found.last().filter(|_| more).map(|table| paging::token(Paged::LookupTables, now, &table.key.name));
    let described = found.iter().map(|table| describe(table)).collect();
    Ok(DescribeLookupTablesResponse { lookup_tables: Some(described), next_token })
}

fn describe(table: &Versioned<LookupTableDocument>) -> LookupTable {
    let parsed = parse(&table.body).unwrap_or_default();
    LookupTable {
        lookup_table_arn: Some(arn(&table.key)),
        lookup_table_name: Some(table.key.name.clone()),
        description: table.description.clone(),
        table_fields: Some(parsed.columns),
        records_count: i64::try_from(parsed.rows.len()).ok(),
        size_bytes: Some(size(table)),
        last_updated_time: Some(table.updated_ms),
        kms_key_id: None,
    }
}

/// Deletes a table.
pub(crate) async fn delete_lookup_table(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteLookupTableRequest,
) -> Result<Unit, ServiceError> {
    let table = find(logs, caller, &input.lookup_table_arn)?;
    logs.queries.lookup_tables.delete(&table.key).await.map_err(errors::store)?;
    Ok(Unit {})
}

/// Whether there is a table of this name.
pub(super) fn exists(logs: &Logs, caller: &Caller, name: &str) -> bool {
    logs.queries.lookup_tables.get(&ResourceKey::new(caller.account, &caller.region, name)).is_some()
}

/// A table's rows.
pub(super) fn parsed(logs: &Logs, caller: &Caller, name: &str) -> Option<Arc<Parsed>> {
    let table = logs.queries.lookup_tables.get(&ResourceKey::new(caller.account, &caller.region, name))?;
    parse(&table.body).ok().map(Arc::new)
}

fn arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("logs", region, key.account.as_str(), format!("{ARN_PREFIX}{}", key.name)).to_string()
}

fn size(table: &LookupTableDocument) -> i64 {
    i64::try_from(table.body.len()).unwrap_or(i64::MAX)
}

fn find(logs: &Logs, caller: &Caller, arn: &str) -> Result<Arc<Versioned<LookupTableDocument>>, ServiceError> {
    let missing = || model::resource_not_found_exception("The specified lookup table does not exist.");
    let arn: Arn = arn.parse().map_err(|_| invalid("The specified lookup table ARN is invalid."))?;
    let name = arn.resource.strip_prefix(ARN_PREFIX).filter(|_| arn.service == "logs");
    let name = name.ok_or_else(|| invalid("The specified lookup table ARN is invalid."))?;
    if arn.account != caller.account.as_str() || arn.region != caller.region.as_str() {
        return Err(missing());
    }
    logs.queries.lookup_tables.get(&ResourceKey::new(caller.account, &caller.region, name)).ok_or_else(missing)
}

/// Tables are not encrypted under keys of their own.
fn refuse_key(key: Option<&str>) -> Result<(), ServiceError> {
    match key {
        None => Ok(()),
        Some(key) => {
            Err(invalid(format!("The specified KMS key '{key}' is not allowed to be used with lookup tables.")))
        }
    }
}

/// The content that a request gives: CSV, or a query whose rows become one.
async fn body(
    logs: &Arc<Logs>,
    caller: &Caller,
    body: Option<String>,
    query: Option<String>,
) -> Result<String, ServiceError> {
    let body = match (body, query) {
        (Some(body), None) => body,
        (None, Some(query)) => of_query(logs, caller, &query).await?,
        _ => return Err(invalid("Exactly one of tableBody and queryId must be specified.")),
    };
    if body.len() > LOOKUP_TABLE_BYTES_MAX {
        return Err(invalid(format!("The lookup table is larger than {LOOKUP_TABLE_BYTES_MAX} bytes.")));
    }
    parse(&body).map_err(invalid)?;
    Ok(body)
}

async fn of_query(logs: &Arc<Logs>, caller: &Caller, query: &str) -> Result<String, ServiceError> {
    let document = results::document(logs, caller, query)?;
    if document.status != Status::Complete {
        return Err(invalid(format!("Query {query} is not complete.")));
    }
    if document.unmasks {
        return Err(invalid(format!(
            "Query {query} shows what is masked: its result cannot be kept as a lookup table."
        )));
    }
    if document.kms_key.is_some() {
        return Err(invalid(format!(
            "The result of query {query} is encrypted under a KMS key: it cannot be kept as a lookup table, which is not."
        )));
    }
    let rows = results::read(logs, &document, 0..QUERY_RESULTS_PAGE_MAX * 10).await?;
    let mut columns: Vec<Arc<str>> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if name.as_ref() != "@ptr" && !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let mut body = String::new();
    let mut line = |cells: Vec<&str>| {
        let cells: Vec<String> = cells.into_iter().map(quoted).collect();
        body.push_str(&cells.join(","));
        body.push('\n');
    };
    line(columns.iter().map(AsRef::as_ref).collect());
    for row in &rows {
        let cell = |column: &Arc<str>| row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value);
        line(columns.iter().map(cell).collect());
    }
    Ok(body)
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// CSV (RFC 4180) with a head, whose names differ, and rows of as many cells.
fn parse(body: &str) -> Result<Parsed, String> {
    let mut records = records(body.trim_start_matches('\u{feff}'))?.into_iter();
    let columns = records.next().filter(|columns| columns.iter().all(|name| !name.is_empty()));
    let columns = columns.ok_or("The lookup table needs a header row with a name for each column.")?;
    for (index, name) in columns.iter().enumerate() {
        if columns.iter().skip(index + 1).any(|other| other == name) {
            return Err(format!("The lookup table has two columns with the name {name}."));
        }
    }
    let rows: Vec<Vec<String>> = records.collect();
    match rows.iter().position(|row| row.len() != columns.len()) {
        Some(index) => Err(format!("Row {} of the lookup table does not have {} cells.", index + 2, columns.len())),
        None => Ok(Parsed { columns, rows }),
    }
}

fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let (mut record, mut cell) = (Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let (mut in_quotes, mut has_any) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '"' if in_quotes && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if in_quotes => in_quotes = false,
            '"' if cell.is_empty() => (in_quotes, has_any) = (true, true),
            c if in_quotes => cell.push(c),
            ',' => {
                record.push(std::mem::take(&mut cell));
                has_any = true;
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                if has_any || !cell.is_empty() {
                    record.push(std::mem::take(&mut cell));
                    records.push(std::mem::take(&mut record));
                }
                has_any = false;
            }
            c => cell.push(c),
        }
    }
    if in_quotes {
        return Err("A quoted cell of the lookup table is not closed.".to_owned());
    }
    if has_any || !cell.is_empty() {
        record.push(cell);
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_read() {
        // A text; the columns and the rows in it.
        type Case<'t> = (&'t str, &'t [&'t str], &'t [&'t [&'t str]]);
        let cases: &[Case<'_>] = &[
            ("a,b\n1,2\n", &["a", "b"], &[&["1", "2"]]),
            ("a,b\r\n1,\r\n\r\n,2", &["a", "b"], &[&["1", ""], &["", "2"]]),
            ("a\n\"x,\"\"y\"\"\nz\"\n", &["a"], &[&["x,\"y\"\nz"]]),
            ("a,b", &["a", "b"], &[]),
            ("a\n\"\"\n", &["a"], &[&[""]]),
        ];
        for (text, columns, rows) in cases {
            let table = parse(text).unwrap();
            assert_eq!(table.columns, *columns, "{text:?}");
            assert_eq!(table.rows, rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>(), "{text:?}");
        }
        for text in ["", "\n", "a,a\n", "a,\n1,2\n", "a,b\n1\n", "a\n\"x\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
