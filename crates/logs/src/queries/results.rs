//! GetQueryResults and StopQuery.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    GetQueryResultsRequest, GetQueryResultsResponse, QueryStatistics, ResultField, StopQueryRequest, StopQueryResponse,
    errors as model,
};
use watchkeep_store::{Order, ResourceKey, Scan, StoreError, Versioned};

use super::execute::ResultRow;
use super::resources::{LogQuery, Statistics, Status};
use crate::errors::{access_denied, invalid, invalid_token};
use crate::limits::{QUERY_RESULTS_AGE_MS_MAX, QUERY_RESULTS_PAGE_MAX, QUERY_RESULTS_TOKEN_AGE_MS_MAX};
use crate::paging::{self, Paged};
use crate::tables::{QUERY_RESULTS, RESULT_QUERY, RESULT_ROWS};
use crate::{Logs, errors};

/// The document of a query that is still kept.
pub(super) fn document(logs: &Logs, caller: &Caller, id: &str) -> Result<Arc<Versioned<LogQuery>>, ServiceError> {
    let oldest_kept = logs.clock.now().0.saturating_sub(QUERY_RESULTS_AGE_MS_MAX);
    let found = logs.queries.documents.get(&ResourceKey::new(caller.account, &caller.region, id));
    let found = found.filter(|document| document.created_ms >= oldest_kept);
    found.ok_or_else(|| model::resource_not_found_exception(format!("The specified query ID {id} does not exist.")))
}

/// Reads a page of a result, or how far the query has come.
pub(crate) async fn get_query_results(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetQueryResultsRequest,
) -> Result<GetQueryResultsResponse, ServiceError> {
    let id = &input.query_id;
    let now = logs.clock.now();
    // Memory is asked first: the document is written before it forgets.
    let running = logs.queries.find_running(&ResourceKey::new(caller.account, &caller.region, id));
    let document = document(logs, caller, id)?;
    if document.unmasks {
        logs.ask_to_unmask_all(caller, &document.groups).await?;
    }
    let token = input.next_token.as_deref();
    let place = paging::place_within(Paged::QueryResults, now, token, QUERY_RESULTS_TOKEN_AGE_MS_MAX)?;
    let first = match place {
        None => 0,
        Some(place) => {
            let of_query = place.strip_prefix(id.as_str()).and_then(|rest| rest.strip_prefix(':'));
            of_query.and_then(|offset| offset.parse::<usize>().ok()).ok_or_else(invalid_token)?
        }
    };
    let most = input.max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(QUERY_RESULTS_PAGE_MAX);
    let page = first..first.saturating_add(most.clamp(1, QUERY_RESULTS_PAGE_MAX));
    let running = running.filter(|_| !document.status.has_ended());
    let (status, rows, statistics, total) = match running {
        Some(running) => {
            let (status, found) = running.state();
            let rows = found.rows.get(page.start.min(found.rows.len())..page.end.min(found.rows.len()));
            (status, rows.unwrap_or_default().to_vec(), found.statistics, found.rows.len())
        }
        None => {
            let rows = read(logs, &document, page.clone()).await?;
            let total = usize::try_from(document.rows).unwrap_or(usize::MAX);
            (document.status, rows, document.statistics, total)
        }
    };
    let next_token = (page.end < total).then(|| paging::token(Paged::QueryResults, now, &format!("{id}:{}", page.end)));
    Ok(GetQueryResultsResponse {
        query_language: Some(document.language.clone()),
        results: Some(rows.into_iter().map(fields).collect()),
        statistics: Some(shown(&statistics, total)),
        status: Some(status.as_str().to_owned()),
        encryption_key: document.kms_key.clone(),
        next_token,
    })
}

fn fields(row: ResultRow) -> Vec<ResultField> {
    let field =
        |(name, value): (Arc<str>, String)| ResultField { field: Some(name.as_ref().to_owned()), value: Some(value) };
    row.into_iter().map(field).collect()
}

fn shown(statistics: &Statistics, rows: usize) -> QueryStatistics {
    QueryStatistics {
        records_matched: Some(statistics.records_matched),
        records_scanned: Some(statistics.records_scanned),
        estimated_records_skipped: Some(0.0),
        bytes_scanned: Some(statistics.bytes_scanned),
        estimated_bytes_skipped: Some(0.0),
        log_groups_scanned: Some(statistics.groups_scanned),
        result_count: Some(rows as f64),
    }
}

/// Rows of a result that is written.
pub(super) async fn read(
    logs: &Arc<Logs>,
    query: &LogQuery,
    page: Range<usize>,
) -> Result<Vec<ResultRow>, ServiceError> {
    let (of_task, number, is_sealed) = (logs.clone(), query.number, query.unmasks);
    let read = logs.store.blocking(move |store| {
        let scan = Scan::new(&QUERY_RESULTS).ids(RESULT_QUERY, [number]).order(Order::Ascending);
        let mut rows = Vec::new();
        let (mut skipped, mut refused) = (0, None);
        let stats = store.scan(&scan.columns(&[RESULT_ROWS]), &mut |batch| {
            for row in 0..batch.len() {
                let part = batch.bytes(RESULT_ROWS, row);
                let part: Vec<ResultRow> = match is_sealed.then(|| of_task.open_result(number, part)) {
                    None => serde_json::from_slice(part).unwrap_or_default(),
                    Some(Ok(opened)) => serde_json::from_slice(opened.expose()).unwrap_or_default(),
                    Some(Err(error)) => {
                        refused = Some(error);
                        return ControlFlow::Break(());
                    }
                };
                for row in part {
                    if skipped >= page.start && skipped < page.end {
                        rows.push(row);
                    }
                    skipped += 1;
                }
                if skipped >= page.end {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok::<_, StoreError>((rows, refused, stats))
    });
    let (rows, refused, stats) = read.await.map_err(errors::store)?;
    match refused {
        Some(error) => Err(error),
        None if stats.locked > 0 => {
            Err(access_denied("The results of the query are encrypted under a KMS key that cannot be used."))
        }
        None => Ok(rows),
    }
}

/// Ends a query before it is complete.
pub(crate) async fn stop_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: StopQueryRequest,
) -> Result<StopQueryResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, &input.query_id);
    let running = logs.queries.find_running(&key);
    let document = document(logs, caller, &input.query_id)?;
    let has_ended = |status: Status| invalid(format!("Query {} is not running: it is {}.", key.name, status.as_str()));
    let running = running.filter(|_| !document.status.has_ended()).ok_or_else(|| has_ended(document.status))?;
    running.cancel();
    // Nobody who was told that it was stopped sees it running.
    running.ended().await;
    let status = self::document(logs, caller, &input.query_id)?.status;
    // It may have come to its end just before.
    if status == Status::Cancelled { Ok(StopQueryResponse { success: Some(true) }) } else { Err(has_ended(status)) }
}
