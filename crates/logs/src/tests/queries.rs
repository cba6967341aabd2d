//! Queries: the operations, end to end.

use std::sync::{Arc, Mutex};

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{BucketClient, BucketError, BucketObject, Buckets, BusEvent, EventBus, EventBusError};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    CreateLookupTableRequest, CreateScheduledQueryRequest, DeleteQueryDefinitionRequest, DescribeLookupTablesRequest,
    DescribeQueriesRequest, DescribeQueryDefinitionsRequest, DestinationConfiguration, GetLogRecordRequest,
    GetQueryResultsRequest, GetQueryResultsResponse, GetScheduledQueryHistoryRequest, ListLogGroupsForQueryRequest,
    PutQueryDefinitionRequest, S3Configuration, StartQueryRequest, StopQueryRequest,
};

use super::{Fixture, NOW, error};
use crate::limits::{DAY_MS, QUERY_RESULTS_AGE_MS_MAX};
use crate::{QueryPorts, queries};

pub(crate) fn request(query: &str) -> StartQueryRequest {
    StartQueryRequest {
        log_group_name: Some("g".into()),
        start_time: NOW / 1000 - 3600,
        end_time: NOW / 1000,
        query_string: query.into(),
        ..StartQueryRequest::default()
    }
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let events = [(-3000, r#"{"level":"INFO","ms":10}"#), (-2000, r#"{"level":"ERROR","ms":30}"#), (-1000, "plain")];
    fixture.put("g", "s", &events).await;
    fixture
}

impl Fixture {
    pub(crate) async fn start(&self, input: StartQueryRequest) -> Result<String, ServiceError> {
        Ok(queries::start_query(&self.logs, &self.caller, input).await?.query_id.unwrap())
    }

    pub(crate) async fn results(&self, id: &str) -> Result<GetQueryResultsResponse, ServiceError> {
        let input = GetQueryResultsRequest { query_id: id.into(), ..GetQueryResultsRequest::default() };
        queries::get_query_results(&self.logs, &self.caller, input).await
    }

    /// The result of a query, once it is there.
    pub(crate) async fn ended(&self, id: &str) -> GetQueryResultsResponse {
        loop {
            let results = self.results(id).await.unwrap();
            if !["Scheduled", "Running"].contains(&results.status.as_deref().unwrap()) {
                return results;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn ask(&self, query: &str) -> Vec<String> {
        let id = self.start(request(query)).await.unwrap();
        rows(&self.ended(&id).await)
    }

    /// [`ask`](Fixture::ask) of these groups; of those that the query names, if there are none.
    pub(crate) async fn ask_groups(&self, query: &str, groups: &[&str]) -> Vec<String> {
        let names: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
        let log_group_names = (!names.is_empty()).then_some(names);
        let id =
            self.start(StartQueryRequest { log_group_name: None, log_group_names, ..request(query) }).await.unwrap();
        rows(&self.ended(&id).await)
    }
}

pub(crate) fn rows(results: &GetQueryResultsResponse) -> Vec<String> {
    let rows = results.results.iter().flatten();
    rows.map(|row| {
        let fields = row.iter().filter(|field| field.field.as_deref() != Some("@ptr"));
        let fields =
            fields.map(|field| format!("{} {}", field.field.as_deref().unwrap(), field.value.as_deref().unwrap()));
        fields.collect::<Vec<_>>().join(", ")
    })
    .collect()
}

#[tokio::test]
async fn a_query_finds_events() {
    let fixture = fixture().await;
    let cases: &[(&str, &[&str])] = &[
        ("fields level, ms | filter ispresent(level)", &["level ERROR, ms 30", "level INFO, ms 10"]),
        ("stats count(*) as n, max(ms) as m", &["n 3, m 30"]),
        ("fields @message, @logStream, @log | limit 1", &["@message plain, @logStream s, @log 000000000000:g"]),
    ];
    for (query, expected) in cases {
        assert_eq!(fixture.ask(query).await, *expected, "{query}");
    }
    let id = fixture.start(request("filter level = 'INFO' | fields @timestamp")).await.unwrap();
    let results = fixture.ended(&id).await;
    assert_eq!(results.status.as_deref(), Some("Complete"));
    assert_eq!(results.query_language.as_deref(), Some("CWLI"));
    let statistics = results.statistics.clone().unwrap();
    assert_eq!((statistics.records_matched, statistics.records_scanned), (Some(1.0), Some(3.0)));
    assert_eq!(statistics.bytes_scanned, Some(24.0 + 25.0 + 5.0));
    assert_eq!(statistics.log_groups_scanned, Some(1.0));
    let pointer = results.results.unwrap()[0].last().cloned().unwrap();
    assert_eq!(pointer.field.as_deref(), Some("@ptr"));
    let input = GetLogRecordRequest { log_record_pointer: pointer.value.unwrap(), unmask: None };
    let record = queries::get_log_record(&fixture.logs, &fixture.caller, input).await.unwrap().log_record.unwrap();
    assert_eq!((record["level"].as_str(), record["ms"].as_str()), ("INFO", "10"));
    assert_eq!(record["@timestamp"], (NOW - 3000).to_string());
    assert_eq!(record["@logStream"], "s");
    let bad = GetLogRecordRequest { log_record_pointer: "x".into(), unmask: None };
    assert_eq!(
        error(queries::get_log_record(&fixture.logs, &fixture.caller, bad).await),
        "InvalidParameterException: The specified log record pointer is invalid."
    );
}

#[tokio::test]
async fn both_ends_of_the_time_are_included_to_the_second() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(-10_001, "before"), (-10_000, "first"), (-5_001, "last"), (-5_000, "after")]).await;
    let input = StartQueryRequest {
        start_time: NOW / 1000 - 10,
        end_time: NOW / 1000 - 6,
        ..request("fields @message | sort @timestamp")
    };
    let id = fixture.start(input).await.unwrap();
    assert_eq!(rows(&fixture.ended(&id).await), ["@message first", "@message last"]);
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let fixture = fixture().await;
    let with = |change: fn(&mut StartQueryRequest)| {
        let mut input = request("fields @message");
        change(&mut input);
        input
    };
    let cases = [
        (with(|input| input.log_group_name = None), "InvalidParameterException"),
        (with(|input| input.log_group_names = Some(vec!["g".into()])), "InvalidParameterException"),
        (with(|input| input.log_group_name = Some("none".into())), "ResourceNotFoundException"),
        (with(|input| input.end_time = input.start_time - 1), "InvalidParameterException"),
        (with(|input| input.limit = Some(100_001)), "InvalidParameterException"),
        (with(|input| input.query_string = "SOURCE 'g' | limit 1".into()), "InvalidParameterException"),
        (with(|input| input.query_string = "fields".into()), "MalformedQueryException"),
        (with(|input| input.query_string = "lookup t a OUTPUT b".into()), "MalformedQueryException"),
        (with(|input| input.query_language = Some("SQLite".into())), "InvalidParameterException"),
    ];
    for (input, code) in cases {
        let query = input.query_string.clone();
        let refused = fixture.start(input).await.unwrap_err();
        assert_eq!(refused.code, code, "{query}: {refused}");
    }
    let refused = fixture.start(request("fields a | count()")).await.unwrap_err();
    assert!(refused.details.is_some(), "where it is wrong is told");
    let missing = fixture.results("none").await;
    assert!(error(missing).starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn times_may_be_in_milliseconds() {
    let fixture = fixture().await;
    for (start_time, end_time) in [(NOW - 100_000, NOW), (NOW / 1000 - 100, NOW)] {
        let input = StartQueryRequest { start_time, end_time, ..request("stats count(*) as n") };
        let id = fixture.start(input).await.unwrap();
        let all = fixture.start(request("stats count(*) as n")).await.unwrap();
        assert_eq!(rows(&fixture.ended(&id).await), rows(&fixture.ended(&all).await));
    }
    let before = StartQueryRequest { start_time: NOW, end_time: NOW - 1, ..request("fields @message") };
    assert!(error(fixture.start(before).await).starts_with("InvalidParameterException"));
}

#[tokio::test]
async fn results_come_in_pages_and_are_there_after_a_restart() {
    let fixture = fixture().await;
    let id = fixture.start(request("fields @message")).await.unwrap();
    fixture.ended(&id).await;
    let fixture = fixture.reopen(false).await;
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let input = GetQueryResultsRequest { query_id: id.clone(), max_items: Some(2), next_token };
        let page = queries::get_query_results(&fixture.logs, &fixture.caller, input).await.unwrap();
        assert_eq!(page.status.as_deref(), Some("Complete"));
        found.extend(rows(&page));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 3);
    assert_eq!(found[0], "@message plain");
    fixture.advance(QUERY_RESULTS_AGE_MS_MAX + 1);
    assert!(error(fixture.results(&id).await).starts_with("ResourceNotFoundException"), "kept for a week");
}

#[tokio::test]
async fn queries_are_listed_and_stopped() {
    let fixture = fixture().await;
    let id = fixture.start(request("fields @message")).await.unwrap();
    fixture.ended(&id).await;
    let stop = StopQueryRequest { query_id: id.clone() };
    assert!(
        error(queries::stop_query(&fixture.logs, &fixture.caller, stop).await).starts_with("InvalidParameterException")
    );
    let listed = queries::describe_queries(&fixture.logs, &fixture.caller, DescribeQueriesRequest::default());
    let listed = listed.await.unwrap().queries.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].query_id.as_deref(), Some(id.as_str()));
    assert_eq!(listed[0].status.as_deref(), Some("Complete"));
    let running = DescribeQueriesRequest { status: Some("Running".into()), ..DescribeQueriesRequest::default() };
    let listed = queries::describe_queries(&fixture.logs, &fixture.caller, running).await.unwrap();
    assert_eq!(listed.queries, Some(vec![]));
    let input = ListLogGroupsForQueryRequest { query_id: id, ..ListLogGroupsForQueryRequest::default() };
    let groups = queries::list_log_groups_for_query(&fixture.logs, &fixture.caller, input).await.unwrap();
    assert_eq!(groups.log_group_identifiers.unwrap(), ["arn:aws:logs:us-east-1:000000000000:log-group:g"]);

    // One that is stopped before it got its turn.
    let id = fixture.start(request("fields @message")).await.unwrap();
    let stop = StopQueryRequest { query_id: id.clone() };
    if queries::stop_query(&fixture.logs, &fixture.caller, stop).await.is_ok() {
        assert_eq!(fixture.results(&id).await.unwrap().status.as_deref(), Some("Cancelled"));
    }
}

fn sql(query: &str) -> StartQueryRequest {
    StartQueryRequest { log_group_name: None, query_language: Some("SQL".into()), ..request(query) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_in_sql_name_their_groups() {
    let fixture = fixture().await;
    fixture.group("/app/other").await;
    fixture.stream("/app/other", "s").await;
    fixture.put("/app/other", "s", &[(-500, r#"{"level":"INFO","ms":5}"#)]).await;
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("SELECT level, ms FROM g WHERE ms > 10", &["level ERROR, ms 30"], &["g"]),
        ("SELECT count(*) AS n FROM `/app/other`", &["n 1"], &["/app/other"]),
        (
            "SELECT level, sum(ms) AS s FROM `logGroups(logGroupIdentifier: ['g', '/app/other'])` WHERE level IS NOT NULL \
             GROUP BY level ORDER BY level",
            &["level ERROR, s 30", "level INFO, s 15"],
            &["/app/other", "g"],
        ),
        (
            "SELECT a.ms, b.ms AS other FROM g AS a JOIN `/app/other` AS b ON a.level = b.level",
            &["ms 10, other 5"],
            &["/app/other", "g"],
        ),
        ("SELECT `@message` FROM g ORDER BY `@timestamp` DESC LIMIT 1", &["@message plain"], &["g"]),
    ];
    for (query, expected, groups) in cases {
        let id = fixture.start(sql(query)).await.unwrap();
        let results = fixture.ended(&id).await;
        assert_eq!(results.status.as_deref(), Some("Complete"), "{query}");
        assert_eq!(results.query_language.as_deref(), Some("SQL"), "{query}");
        assert_eq!(rows(&results), *expected, "{query}");
        let input = ListLogGroupsForQueryRequest { query_id: id, ..ListLogGroupsForQueryRequest::default() };
        let listed = queries::list_log_groups_for_query(&fixture.logs, &fixture.caller, input).await.unwrap();
        let arns: Vec<String> =
            groups.iter().map(|group| format!("arn:aws:logs:us-east-1:000000000000:log-group:{group}")).collect();
        assert_eq!(listed.log_group_identifiers.unwrap(), arns, "{query}");
    }
    // Of what happens in the time only.
    let early = StartQueryRequest { end_time: NOW / 1000 - 100, ..sql("SELECT count(*) AS n FROM g") };
    let id = fixture.start(early).await.unwrap();
    assert_eq!(rows(&fixture.ended(&id).await), ["n 0"]);
    let limited = StartQueryRequest { limit: Some(2), ..sql("SELECT ms FROM g") };
    let id = fixture.start(limited).await.unwrap();
    assert_eq!(fixture.ended(&id).await.results.unwrap().len(), 2);
}

#[tokio::test]
async fn bad_queries_in_sql_are_refused() {
    let fixture = fixture().await;
    let cases = [
        ("SELECT ms FROM nowhere", "ResourceNotFoundException"),
        ("SELECT ms FROM", "MalformedQueryException"),
        ("SELECT nosuch(ms) FROM g", "MalformedQueryException"),
        ("SELECT level, count(*) FROM g GROUP BY ms", "MalformedQueryException"),
        ("DELETE FROM g", "MalformedQueryException"),
        ("SELECT 1; SELECT 2", "MalformedQueryException"),
        ("SELECT ms FROM `logGroups(g)`", "MalformedQueryException"),
        ("SELECT ms FROM `filterIndex('ms' = 1)`", "InvalidParameterException"),
    ];
    for (query, code) in cases {
        let refused = fixture.start(sql(query)).await.unwrap_err();
        assert_eq!(refused.code, code, "{query}: {refused}");
    }
    for text in ["SELECT ms FRM g x", "SELECT nosuch(ms) FROM g"] {
        let refused = fixture.start(sql(text)).await.unwrap_err();
        assert!(refused.details.is_some(), "{text}: where it is wrong is told");
    }
    // What is found out only when it runs.
    let id = fixture.start(sql("SELECT ms FROM g WHERE level")).await.unwrap();
    assert_eq!(fixture.ended(&id).await.status.as_deref(), Some("Failed"));
}

#[tokio::test]
async fn queries_are_saved() {
    let fixture = fixture().await;
    let put = |id: Option<String>, name: &str, token: Option<&str>| PutQueryDefinitionRequest {
        name: name.into(),
        query_string: "fields @message".into(),
        query_definition_id: id,
        log_group_names: Some(vec!["g".into()]),
        client_token: token.map(str::to_owned),
        ..PutQueryDefinitionRequest::default()
    };
    let save = |input| queries::put_query_definition(&fixture.logs, &fixture.caller, input);
    let id = save(put(None, "team/a", Some("token"))).await.unwrap().query_definition_id.unwrap();
    assert_eq!(save(put(None, "team/a", Some("token"))).await.unwrap().query_definition_id, Some(id.clone()));
    let replaced = PutQueryDefinitionRequest { log_group_names: None, ..put(Some(id.clone()), "team/b", None) };
    save(replaced).await.unwrap();
    assert!(error(save(put(Some("none".into()), "x", None)).await).starts_with("ResourceNotFoundException"));
    let input = DescribeQueryDefinitionsRequest {
        query_definition_name_prefix: Some("team/".into()),
        ..DescribeQueryDefinitionsRequest::default()
    };
    let found = queries::describe_query_definitions(&fixture.logs, &fixture.caller, input).await.unwrap();
    let found = found.query_definitions.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_deref(), &found[0].log_group_names), (Some("team/b"), &None));
    let delete = || DeleteQueryDefinitionRequest { query_definition_id: id.clone() };
    let deleted = queries::delete_query_definition(&fixture.logs, &fixture.caller, delete()).await.unwrap();
    assert_eq!(deleted.success, Some(true));
    let again = queries::delete_query_definition(&fixture.logs, &fixture.caller, delete()).await;
    assert!(error(again).starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn lookup_tables_are_joined_to_events() {
    let fixture = fixture().await;
    let create = |body: &str| CreateLookupTableRequest {
        lookup_table_name: "levels".into(),
        table_body: Some(body.into()),
        ..CreateLookupTableRequest::default()
    };
    let bad = queries::create_lookup_table(&fixture.logs, &fixture.caller, create("a,a\n")).await;
    assert!(error(bad).starts_with("InvalidParameterException"));
    let body = "level,text\nERROR,\"bad, very\"\n";
    queries::create_lookup_table(&fixture.logs, &fixture.caller, create(body)).await.unwrap();
    let again = queries::create_lookup_table(&fixture.logs, &fixture.caller, create(body)).await;
    assert!(error(again).starts_with("ResourceAlreadyExistsException"));
    let query = "filter ispresent(level) | lookup levels level OUTPUT text | display level, text";
    assert_eq!(fixture.ask(query).await, ["level ERROR, text bad, very", "level INFO"]);
    let listed =
        queries::describe_lookup_tables(&fixture.logs, &fixture.caller, DescribeLookupTablesRequest::default());
    let listed = listed.await.unwrap().lookup_tables.unwrap();
    assert_eq!(listed[0].table_fields, Some(vec!["level".to_owned(), "text".to_owned()]));
    assert_eq!(listed[0].records_count, Some(1));
}

/// Keeps what it is given.
#[derive(Debug, Default)]
struct Kept {
    objects: Mutex<Vec<(String, String, String)>>,
    events: Mutex<Vec<BusEvent>>,
}

impl Buckets for Kept {
    fn check<'a>(&'a self, _: &'a BucketClient, _: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(async { Ok(()) })
    }

    fn put<'a>(
        &'a self,
        _: &'a BucketClient,
        bucket: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        let body = String::from_utf8(object.body).unwrap();
        self.objects.lock().unwrap().push((bucket.to_owned(), object.key, body));
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(&'a self, _: &'a BucketClient, _: &'a str, key: &'a str) -> BoxFuture<'a, Result<Vec<u8>, BucketError>> {
        Box::pin(async { Err(BucketError::NoSuchKey(key.to_owned())) })
    }

    fn list<'a>(
        &'a self,
        _: &'a BucketClient,
        _: &'a str,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, BucketError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl EventBus for Kept {
    fn put(&self, event: BusEvent) -> BoxFuture<'_, Result<(), EventBusError>> {
        self.events.lock().unwrap().push(event);
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn scheduled_queries_run_put_their_results_and_tell() {
    let fixture = fixture().await;
    let kept = Arc::new(Kept::default());
    fixture.logs.set_query_ports(QueryPorts { buckets: kept.clone(), events: kept.clone(), ..QueryPorts::default() });
    let create = CreateScheduledQueryRequest {
        name: "hourly".into(),
        query_language: "CWLI".into(),
        query_string: "stats count(*) as n".into(),
        log_group_identifiers: Some(vec!["g".into()]),
        schedule_expression: "cron(0 * * * ? *)".into(),
        execution_role_arn: "arn:aws:iam::000000000000:role/r".into(),
        destination_configuration: Some(DestinationConfiguration {
            s3_configuration: Some(S3Configuration {
                destination_identifier: "s3://results/queries".into(),
                role_arn: "arn:aws:iam::000000000000:role/r".into(),
                ..S3Configuration::default()
            }),
            ..DestinationConfiguration::default()
        }),
        ..CreateScheduledQueryRequest::default()
    };
    let created = queries::create_scheduled_query(&fixture.logs, &fixture.caller, create.clone()).await.unwrap();
    assert!(created.scheduled_query_arn.unwrap().contains(":scheduled-query:"));
    let again = queries::create_scheduled_query(&fixture.logs, &fixture.caller, create.clone()).await;
    assert!(error(again).starts_with("ConflictException"));
    let bad = CreateScheduledQueryRequest { name: "x".into(), schedule_expression: "rate(1 hour)".into(), ..create };
    let bad = queries::create_scheduled_query(&fixture.logs, &fixture.caller, bad).await;
    assert!(error(bad).starts_with("ValidationException"));

    fixture.logs.start();
    // From 22:13:20 to 23:00.
    let history = || async {
        let input = GetScheduledQueryHistoryRequest {
            identifier: "hourly".into(),
            start_time: NOW / 1000,
            end_time: NOW / 1000 + DAY_MS / 1000,
            ..GetScheduledQueryHistoryRequest::default()
        };
        let history = queries::get_scheduled_query_history(&fixture.logs, &fixture.caller, input).await.unwrap();
        history.trigger_history.unwrap()
    };
    assert!(history().await.is_empty());
    let mut runs = Vec::new();
    for _ in 0..100_000 {
        runs = history().await;
        if runs.first().is_some_and(|run| run.execution_status.as_deref() == Some("Complete")) {
            break;
        }
        if fixture.logs.clock.now().0 < NOW + 2_900_000 {
            fixture.advance(60_000);
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0].triggered_timestamp, Some(1_700_002_800));
    let destination = &runs[0].destinations.as_ref().unwrap()[0];
    assert_eq!(destination.status.as_deref(), Some("COMPLETE"));
    let objects = kept.objects.lock().unwrap();
    assert_eq!((objects.len(), objects[0].0.as_str()), (1, "results"));
    assert!(objects[0].1.starts_with("queries/") && objects[0].2.contains(r#""value":"3""#), "{:?}", objects[0]);
    let events = kept.events.lock().unwrap();
    assert_eq!((&*events[0].source, events[0].detail_type), ("aws.logs", "Scheduled Query Completed"));
    assert_eq!(events[0].detail["status"], "Complete");
}
