"""CloudWatch Logs Insights through boto3."""

import json
import subprocess
import time

import pytest

from server import BINARY, Server, raises


def ask(logs, query, groups=("/shop/web",), **options):
    """The result of a query, once it is there."""
    now = int(time.time())
    if groups:
        options["logGroupNames"] = list(groups)
    query_id = logs.start_query(startTime=now - 3600, endTime=now + 60, queryString=query, **options)["queryId"]
    return wait(logs, query_id), query_id


def wait(logs, query_id):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = logs.get_query_results(queryId=query_id)
        if found["status"] not in ("Scheduled", "Running"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"the query did not end: {found}")


def rows(found):
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in found["results"]]


def fill(logs):
    logs.create_log_group(logGroupName="/shop/web")
    logs.create_log_stream(logGroupName="/shop/web", logStreamName="one")
    at = int(time.time() * 1000) - 60_000
    messages = [
        {"level": "INFO", "status": 200, "ms": 10, "user": {"id": "u1"}},
        {"level": "ERROR", "status": 500, "ms": 30, "user": {"id": "u2"}},
        {"level": "INFO", "status": "404", "ms": 5.5, "user": {"id": "u1"}},
        {"level": "ERROR", "status": 503, "ms": 100},
    ]
    events = [{"timestamp": at + i * 1000, "message": json.dumps(message)} for i, message in enumerate(messages)]
    logs.put_log_events(logGroupName="/shop/web", logStreamName="one", logEvents=events)


@pytest.fixture
def filled(logs):
    fill(logs)
    return logs


@pytest.mark.parametrize(
    "query, expected",
    [
        ("fields level, ms | sort ms desc | limit 2", [{"level": "ERROR", "ms": "100"}, {"level": "ERROR", "ms": "30"}]),
        ("filter status >= 404 and status < 500 | fields user.id", [{"user.id": "u1"}]),
        ("stats count(*) as n, avg(ms) as a by level | sort level", [{"level": "ERROR", "n": "2", "a": "65"}, {"level": "INFO", "n": "2", "a": "7.75"}]),
        ("parse @message '\"ms\": *,' as m | filter ispresent(m) | stats max(m) as x", [{"x": "30"}]),
        ("stats sum(ms) as s by user.id | sort s desc | limit 1", [{"s": "100"}]),
        ("pattern @message | stats sum(@sampleCount) as n", [{"n": "4"}]),
    ],
)
def test_queries(filled, query, expected):
    found, _ = ask(filled, query)
    assert found["status"] == "Complete"
    assert rows(found) == expected


def test_ppl(filled):
    found, _ = ask(filled, "where level = 'INFO' | stats count() as n, max(ms) as m by level", queryLanguage="PPL")
    assert found["queryLanguage"] == "PPL"
    assert rows(found) == [{"n": "2", "m": "10", "level": "INFO"}]


def test_sql(filled):
    text = "SELECT level, count(*) AS n, avg(ms) AS a FROM `/shop/web` WHERE status >= 400 GROUP BY level ORDER BY level"
    found, query_id = ask(filled, text, groups=[], queryLanguage="SQL")
    assert (found["status"], found["queryLanguage"]) == ("Complete", "SQL")
    assert rows(found) == [{"level": "ERROR", "n": "2", "a": "65"}, {"level": "INFO", "n": "1", "a": "5.5"}]
    groups = filled.list_log_groups_for_query(queryId=query_id)["logGroupIdentifiers"]
    assert groups == ["arn:aws:logs:us-east-1:000000000000:log-group:/shop/web"]
    assert filled.describe_queries(queryLanguage="SQL")["queries"][0]["queryId"] == query_id
    with raises(filled, "ResourceNotFoundException"):
        ask(filled, "SELECT ms FROM nowhere", groups=[], queryLanguage="SQL")
    with pytest.raises(filled.exceptions.MalformedQueryException) as raised:
        ask(filled, "SELECT ms FROM `/shop/web` WHERE", groups=[], queryLanguage="SQL")
    assert raised.value.response["queryCompileError"]["message"]


def test_sql_over_all_tables(filled, server):
    text = "select log_group, log_stream, count(*) as n from log_events group by log_group, log_stream"
    ask_tables = [BINARY, "sql", text, "--format", "json", "--endpoint", server.endpoint]
    done = subprocess.run(ask_tables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"log_group": "/shop/web", "log_stream": "one", "n": "4"}]
    wrong = subprocess.run([BINARY, "sql", "drop table log_events", "--endpoint", server.endpoint], capture_output=True, text=True, timeout=60)
    assert wrong.returncode != 0 and "only queries" in wrong.stderr


def test_statistics_records_and_lists(filled):
    found, query_id = ask(filled, "filter level = 'INFO' | fields ms")
    assert (found["statistics"]["recordsMatched"], found["statistics"]["recordsScanned"]) == (2.0, 4.0)
    pointer = found["results"][0][-1]
    assert pointer["field"] == "@ptr"
    record = filled.get_log_record(logRecordPointer=pointer["value"])["logRecord"]
    assert (record["level"], record["user.id"], record["@logStream"]) == ("INFO", "u1", "one")
    with raises(filled, "InvalidParameterException"):
        filled.get_log_record(logRecordPointer="nothing")
    queries = filled.describe_queries(logGroupName="/shop/web")["queries"]
    assert [query["queryId"] for query in queries] == [query_id]
    assert queries[0]["status"] == "Complete"
    groups = filled.list_log_groups_for_query(queryId=query_id)["logGroupIdentifiers"]
    assert groups == ["arn:aws:logs:us-east-1:000000000000:log-group:/shop/web"]
    with raises(filled, "InvalidParameterException"):
        filled.stop_query(queryId=query_id)


def test_errors_say_where(filled):
    with pytest.raises(filled.exceptions.MalformedQueryException) as raised:
        ask(filled, "fields @message | count()")
    error = raised.value.response["queryCompileError"]
    assert error["location"] == {"startCharOffset": 18, "endCharOffset": 23}
    assert "mismatched input 'count'" in error["message"]
    with raises(filled, "ResourceNotFoundException"):
        ask(filled, "limit 1", groups=["/nowhere"])
    with raises(filled, "InvalidParameterException"):
        ask(filled, "limit 1", groups=[])
    with raises(filled, "ResourceNotFoundException"):
        filled.get_query_results(queryId="none")
    found, _ = ask(filled, "SOURCE logGroups(namePrefix: ['/shop']) | stats count(*) as n", groups=[])
    assert rows(found) == [{"n": "4"}]


def test_saved_queries_and_lookup_tables(filled):
    saved = filled.put_query_definition(name="shop/slow", queryString="filter ms > 20", logGroupNames=["/shop/web"])
    found = filled.describe_query_definitions(queryDefinitionNamePrefix="shop/")["queryDefinitions"]
    assert [(query["name"], query["queryDefinitionId"]) for query in found] == [("shop/slow", saved["queryDefinitionId"])]
    assert filled.delete_query_definition(queryDefinitionId=saved["queryDefinitionId"])["success"]

    table = filled.create_lookup_table(lookupTableName="levels", tableBody="level,text\nERROR,bad\n")
    found, _ = ask(filled, "lookup levels level OUTPUT text | stats count(*) as n by text | sort n, text")
    assert rows(found) == [{"n": "2"}, {"text": "bad", "n": "2"}]
    filled.update_lookup_table(lookupTableArn=table["lookupTableArn"], tableBody="level,text\nINFO,fine\n")
    assert "fine" in filled.get_lookup_table(lookupTableArn=table["lookupTableArn"])["tableBody"]
    filled.delete_lookup_table(lookupTableArn=table["lookupTableArn"])
    with pytest.raises(filled.exceptions.MalformedQueryException):
        ask(filled, "lookup levels level OUTPUT text")


def test_scheduled_queries(filled):
    created = filled.create_scheduled_query(
        name="daily",
        queryLanguage="CWLI",
        queryString="stats count(*) by level",
        logGroupIdentifiers=["/shop/web"],
        scheduleExpression="cron(0 6 * * ? *)",
        executionRoleArn="arn:aws:iam::000000000000:role/logs",
        tags={"team": "a"},
    )
    assert created["state"] == "ENABLED"
    filled.tag_resource(resourceArn=created["scheduledQueryArn"], tags={"stage": "test"})
    filled.untag_resource(resourceArn=created["scheduledQueryArn"], tagKeys=["team"])
    assert filled.list_tags_for_resource(resourceArn=created["scheduledQueryArn"])["tags"] == {"stage": "test"}
    assert filled.get_scheduled_query(identifier=created["scheduledQueryArn"])["name"] == "daily"
    assert [query["name"] for query in filled.list_scheduled_queries()["scheduledQueries"]] == ["daily"]
    now = int(time.time())
    history = filled.get_scheduled_query_history(identifier="daily", startTime=now - 60, endTime=now + 60)
    assert history["triggerHistory"] == []
    with raises(filled, "ValidationException"):
        filled.update_scheduled_query(
            identifier="daily",
            queryLanguage="CWLI",
            queryString="nonsense",
            logGroupIdentifiers=["/shop/web"],
            scheduleExpression="cron(0 6 * * ? *)",
            executionRoleArn="arn:aws:iam::000000000000:role/logs",
        )
    filled.delete_scheduled_query(identifier="daily")
    with raises(filled, "ResourceNotFoundException"):
        filled.get_scheduled_query(identifier="daily")


def test_results_survive_a_kill(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        logs = server.client("logs")
        fill(logs)
        before, query_id = ask(logs, "fields @message | sort @timestamp")
        server.kill()
        server.start()
        after = wait(server.client("logs"), query_id)
        assert after["status"] == "Complete"
        assert after["results"] == before["results"]


def test_sql_says_what_is_wrong_at_once_and_which_event_a_row_is(logs):
    logs.create_log_group(logGroupName="/shop/sql")
    logs.create_log_stream(logGroupName="/shop/sql", logStreamName="s")
    now = int(time.time())
    events = [{"timestamp": now * 1000, "message": json.dumps({"level": level, "ms": ms})} for level, ms in [("INFO", 1), ("ERROR", 2)]]
    logs.put_log_events(logGroupName="/shop/sql", logStreamName="s", logEvents=events)
    times = {"startTime": now - 600, "endTime": now + 60, "queryLanguage": "SQL"}
    text = "SELECT level,\n  nosuch(ms) FROM `/shop/sql`"
    with pytest.raises(logs.exceptions.MalformedQueryException) as refused:
        logs.start_query(queryString=text, **times)
    place = refused.value.response["queryCompileError"]["location"]
    assert text[place["startCharOffset"]:place["endCharOffset"]] == "nosuch"

    started = logs.start_query(queryString="SELECT ms FROM `/shop/sql` WHERE level = 'ERROR'", **times)
    found = wait(logs, started["queryId"])
    [row] = found["results"]
    assert [cell["field"] for cell in row] == ["ms", "@ptr"]
    record = logs.get_log_record(logRecordPointer=row[-1]["value"])["logRecord"]
    assert json.loads(record["@message"]) == {"level": "ERROR", "ms": 2}
    # Only the event with the text was taken apart.
    assert found["statistics"]["recordsMatched"] == 1
