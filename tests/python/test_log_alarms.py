"""Log alarms over the wire: queries that run on a clock that the test moves, and across kill -9."""

import datetime as dt
import json
import subprocess

import pytest
from botocore.exceptions import ClientError

from server import BINARY, Server, raises, until
from test_composite_alarms import PROTOCOLS, START_MS, messages, topic_and_queue
from test_data_protection import policy

MINUTE_MS = 60_000
GROUP = "/shop/orders"
ROLE = "arn:aws:iam::000000000000:role/queries"


@pytest.fixture(scope="module")
def timed():
    with Server("--manual-clock", str(START_MS), "--allow-reset") as server:
        yield server


@pytest.fixture
def server(timed):
    timed.admin("reset")
    logs = timed.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    return timed


def now_ms(server):
    return server.admin("clock", advance_ms=0)["now_ms"]


def to_next_run(server, minutes=5):
    """Moves the clock to a little before the next run of a query with that rate."""
    period_ms = minutes * MINUTE_MS
    server.admin("clock", advance_ms=period_ms - now_ms(server) % period_ms - 10_000)


def write(server, *messages):
    events = [{"timestamp": now_ms(server), "message": message if isinstance(message, str) else json.dumps(message)} for message in messages]
    server.client("logs").put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)


def errors(service, count=1, **more):
    return [{"level": "ERROR", "service": service, **more}] * count


def query(aggregation="count(*)", rate="rate(5 minutes)", **more):
    return {
        "QueryString": 'fields @timestamp, @message | filter level = "ERROR"', "LogGroupIdentifiers": [GROUP], "ScheduledQueryRoleARN": ROLE,
        "AggregationExpression": aggregation, "ScheduleConfiguration": {"ScheduleExpression": rate, "StartTimeOffset": 300}, **more,
    }


def alarm(client, name="errors", aggregation="count(*)", to_alarm=1, results=1, query_more={}, **more):
    client.put_log_alarm(**{
        "AlarmName": name, "ScheduledQueryConfiguration": query(aggregation, **query_more), "QueryResultsToAlarm": to_alarm,
        "QueryResultsToEvaluate": results, "Threshold": 2.0, "ComparisonOperator": "GreaterThanThreshold", **more,
    })


def described(client, name="errors"):
    return client.describe_alarms(AlarmNames=[name], AlarmTypes=["LogAlarm"])["LogAlarms"][0]


def received(server, queue, count):
    """So many messages, which come a little later."""
    found = []

    def all_there():
        found.extend(messages(server, queue))
        return len(found) >= count

    until(all_there)
    return found


def history(client, name="errors", item="StateUpdate"):
    found = client.describe_alarm_history(AlarmName=name, AlarmTypes=["LogAlarm"], HistoryItemType=item, ScanBy="TimestampAscending")
    return [one["HistorySummary"] for one in found["AlarmHistoryItems"]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_alarm_on_a_query(server, protocol):
    client = server.client("cloudwatch", protocol=protocol)
    tags = [{"Key": "by", "Value": "errors"}]
    alarm(client, to_alarm=2, results=3, query_more={"Tags": tags}, AlarmDescription="about orders", Tags=[{"Key": "team", "Value": "a"}], TreatMissingData="notBreaching")
    found = described(client)
    assert (found["StateValue"], found["QueryResultsToAlarm"], found["QueryResultsToEvaluate"]) == ("INSUFFICIENT_DATA", 2, 3)
    asked = dict(found["ScheduledQueryConfiguration"])
    arn = asked.pop("QueryARN")
    assert asked == query(Tags=tags) and client.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    assert client.describe_alarms()["LogAlarms"] == []
    assert server.client("logs").list_tags_for_resource(resourceArn=arn)["tags"] == {"by": "errors"}
    # Each run counts once, at its own time, also if the clock passes several.
    to_next_run(server)
    write(server, *errors("pay", 3))
    server.admin("clock", advance_ms=5 * MINUTE_MS)
    write(server, *errors("pay", 4))
    server.admin("clock", advance_ms=16 * MINUTE_MS)
    assert history(client) == ["Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK"]
    runs = server.client("logs").get_scheduled_query_history(identifier=arn, startTime=0, endTime=now_ms(server))["triggerHistory"]
    assert [run["executionStatus"] for run in runs] == ["Complete"] * len(runs) and len(runs) >= 4
    first = client.describe_alarm_history(AlarmName="errors", AlarmTypes=["LogAlarm"], HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    state = json.loads(first["AlarmHistoryItems"][0]["HistoryData"])["newState"]
    assert state["stateReason"].startswith("Threshold Crossed: 2 out of the last 3 query results [4.0 (")
    assert state["stateReason"].endswith("were greater than the threshold (2.0) (minimum 2 datapoints for OK -> ALARM transition).")
    ids = {run["queryId"] for run in runs}
    assert {result["queryResultId"] for result in state["stateReasonData"]["results"]} <= ids
    client.delete_alarms(AlarmNames=["errors"])
    assert server.client("logs").list_scheduled_queries()["scheduledQueries"] == []


def test_contributors_and_masked_lines(server):
    client, logs = server.client("cloudwatch"), server.client("logs")
    logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=policy("EmailAddress"))
    topic, queue = topic_and_queue(server)[:2]
    lines = {"ActionLogLineCount": 2, "ActionLogLineRoleArn": ROLE}
    alarm(client, aggregation="count(*) by service | sort desc", AlarmActions=[topic], OKActions=[topic], TreatMissingData="notBreaching", **lines)
    to_next_run(server)
    write(server, *errors("pay", 5, user="a@example.com"), *errors("web", 1), *errors("cart", 3))
    server.admin("clock", advance_ms=MINUTE_MS)
    found = client.describe_alarm_contributors(AlarmName="errors")["AlarmContributors"]
    assert sorted(one["ContributorAttributes"]["service"] for one in found) == ["cart", "pay"]
    assert described(client)["StateReason"] == "2 out of 3 contributors evaluated to ALARM"
    sent = {one["AlarmContributorAttributes"]["service"]: one for one in received(server, queue, 2)}
    assert sorted(sent) == ["cart", "pay"]
    assert sent["pay"]["NewStateReasonData"]["results"][0]["value"] == 5.0
    assert len(sent["pay"]["LogLines"]) == 2
    line = json.loads(sent["pay"]["LogLines"][0]["@message"])
    assert (line["service"], line["user"]) == ("pay", "*" * len("a@example.com"))
    # None of them is in the history.
    kept = client.describe_alarm_history(AlarmTypes=["LogAlarm"])["AlarmHistoryItems"]
    assert len(kept) > 5 and "****" not in json.dumps([one["HistoryData"] for one in kept])
    server.admin("clock", advance_ms=5 * MINUTE_MS)
    recovered = received(server, queue, 2)
    assert [one["NewStateValue"] for one in recovered] == ["OK", "OK"]
    assert described(client)["StateValue"] == "OK"


def test_what_is_refused(server):
    client, logs = server.client("cloudwatch"), server.client("logs")
    refused = [
        ({"query_more": {"QueryString": "filter ("}}, "The ScheduledQueryConfiguration is not valid"),
        ({"query_more": {"LogGroupIdentifiers": ["nowhere"]}}, "The specified log group does not exist"),
        ({"query_more": {"QueryString": "fields unmask(@message)"}}, "unmask"),
        ({"query_more": {"rate": "cron(0 * * * ? *)"}}, "rate(value unit)"),
        ({"aggregation": "count(*) by bin(5m)"}, "AggregationExpression is not valid"),
        ({"ActionLogLineCount": 3}, "ActionLogLineRoleArn is required"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "cannot be used with a log alarm"),
    ]
    for change, message in refused:
        with pytest.raises(ClientError) as error:
            alarm(client, **change)
        told = error.value.response["Error"]
        assert told["Code"] == "ValidationError" and message in told["Message"], told
    assert logs.list_scheduled_queries()["scheduledQueries"] == []
    alarm(client)
    managed = logs.list_scheduled_queries(scheduleType="AWS_MANAGED")["scheduledQueries"][0]
    assert managed["scheduleType"] == "AWS_MANAGED"
    with raises(logs, "ValidationException"):
        logs.delete_scheduled_query(identifier=managed["scheduledQueryArn"])
    with raises(logs, "ValidationException"):
        logs.update_scheduled_query(
            identifier=managed["name"], queryLanguage="CWLI", queryString="fields @message", scheduleExpression="cron(0 * * * ? *)",
            executionRoleArn=ROLE, logGroupIdentifiers=[GROUP],
        )
    # A query that cannot be carried out any more.
    logs.delete_log_group(logGroupName=GROUP)
    server.admin("clock", advance_ms=6 * MINUTE_MS)
    found = described(client)
    assert (found["StateValue"], found["EvaluationState"]) == ("INSUFFICIENT_DATA", "EVALUATION_ERROR")
    done = subprocess.run(
        [BINARY, "alarms", "backtest", "--name", "errors", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T01:00:00Z"],
        env={"AWS_ENDPOINT_URL": server.endpoint}, capture_output=True, text=True,
    )
    assert done.returncode != 0 and "is a log alarm" in done.stderr


def test_the_command_line(server):
    server.cli(
        "cloudwatch", "put-log-alarm", "--alarm-name", "errors", "--scheduled-query-configuration", json.dumps(query("max(ms)")),
        "--query-results-to-alarm", 1, "--query-results-to-evaluate", 1, "--threshold", 100, "--comparison-operator", "GreaterThanThreshold",
    )
    server.cli(
        "cloudwatch", "put-composite-alarm", "--alarm-name", "all", "--alarm-rule", "ALARM(errors)",
    )
    to_next_run(server)
    write(server, *errors("pay", ms=250.5))
    subprocess.run([BINARY, "clock", "advance", "1m"], env={"AWS_ENDPOINT_URL": server.endpoint}, check=True, capture_output=True)
    shown = server.cli("cloudwatch", "describe-alarms", "--alarm-types", "LogAlarm", "CompositeAlarm")
    assert [one["StateValue"] for one in shown["LogAlarms"] + shown["CompositeAlarms"]] == ["ALARM", "ALARM"]
    assert "[250.5 (" in shown["LogAlarms"][0]["StateReason"]


def test_kill(tmp_path):
    """Whatever is killed when, each result and each change is there once."""
    start = int(dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc).timestamp() * 1000)
    with Server("--manual-clock", str(start), data_dir=tmp_path / "data") as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
        alarm(server.client("cloudwatch"), to_alarm=2, results=2)
        to_next_run(server)
        write(server, *errors("pay", 3))
        server.admin("clock", advance_ms=MINUTE_MS)
        assert described(server.client("cloudwatch"))["StateValue"] == "INSUFFICIENT_DATA"
        at = now_ms(server)
        server.kill()
        # The manual clock begins where the test says.
        server.flags = [flag if flag != str(start) else str(at) for flag in server.flags]
        server.start()
        to_next_run(server)
        write(server, *errors("pay", 5))
        server.admin("clock", advance_ms=MINUTE_MS)
        client = server.client("cloudwatch")
        until(lambda: described(client)["StateValue"] == "ALARM")
        reason = described(client)["StateReason"]
        assert "2 out of the last 2 query results [5.0 (" in reason and ", 3.0 (" in reason
        at = now_ms(server)
        server.kill()
        server.flags = [str(at) if flag.isdigit() else flag for flag in server.flags]
        server.start()
        client = server.client("cloudwatch")
        server.admin("clock", advance_ms=MINUTE_MS)
        assert history(client) == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
        assert len(server.client("logs").list_scheduled_queries()["scheduledQueries"]) == 1
