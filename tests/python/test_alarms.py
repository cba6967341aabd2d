"""CloudWatch alarms over the wire: AWS's own clients against a server on a clock that the test moves, and one that is killed."""

import datetime as dt
import json
import subprocess

import pytest

from server import BINARY, Server, raises, until
from test_functions import function

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
MINUTE_MS = 60_000
TOPIC = "arn:aws:sns:us-east-1:000000000000:ops"
PROTOCOLS = ["smithy-rpc-v2-cbor", "json", "query"]


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture(scope="module")
def timed():
    with Server("--manual-clock", str(ms(START)), "--allow-reset") as server:
        yield server


@pytest.fixture
def server(timed):
    timed.admin("reset")
    return timed


@pytest.fixture(params=PROTOCOLS)
def cloudwatch(request, server):
    return server.client("cloudwatch", protocol=request.param)


def now(server):
    return dt.datetime.fromtimestamp(server.admin("clock", advance_ms=0)["now_ms"] / 1000, dt.timezone.utc)


def put(client, moment, value, **more):
    datum = {"MetricName": "Cpu", "Timestamp": moment, "Value": value, **more}
    client.put_metric_data(Namespace="app", MetricData=[datum])


def alarm(client, name="cpu", **more):
    base = dict(
        AlarmName=name, Namespace="app", MetricName="Cpu", Statistic="Average", Period=60, EvaluationPeriods=1,
        Threshold=80.0, ComparisonOperator="GreaterThanThreshold",
    )
    client.put_metric_alarm(**{key: value for key, value in {**base, **more}.items() if value is not None})


def described(client, name="cpu"):
    return client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def test_an_alarm_goes_off_and_comes_back(server, cloudwatch):
    alarm(cloudwatch, AlarmActions=[TOPIC], AlarmDescription="about cpu", Tags=[{"Key": "team", "Value": "a"}])
    minute = now(server)
    put(cloudwatch, minute, 91.0)
    server.admin("clock", advance_ms=2 * MINUTE_MS)
    found = described(cloudwatch)
    shown = minute.replace(second=0).strftime("%d/%m/%y %H:%M:%S")
    assert found["StateValue"] == "ALARM"
    assert found["StateReason"] == f"Threshold Crossed: 1 datapoint [91.0 ({shown})] was greater than the threshold (80.0)."
    data = json.loads(found["StateReasonData"])
    assert (data["version"], data["statistic"], data["period"], data["recentDatapoints"]) == ("1.0", "Average", 60, [91.0])
    assert found["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu"
    assert found["OKActions"] == [] and found["Dimensions"] == []
    assert "TreatMissingData" not in found and "Unit" not in found
    put(cloudwatch, now(server) - dt.timedelta(minutes=1), 10.0)
    server.admin("clock", advance_ms=MINUTE_MS)
    assert described(cloudwatch)["StateValue"] == "OK"
    server.admin("clock", advance_ms=10 * MINUTE_MS)
    assert described(cloudwatch)["StateReason"] == "Insufficient Data: 1 datapoint was unknown."
    history = cloudwatch.describe_alarm_history(AlarmName="cpu", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in reversed(history)] == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to INSUFFICIENT_DATA",
    ]
    change = json.loads(history[-1]["HistoryData"])
    assert change["newState"]["stateReasonData"]["threshold"] == 80.0
    # There are no topics yet: the action failed, and history says so.
    action = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"][0]
    assert action["HistorySummary"].startswith(f"Failed to execute action {TOPIC}. Received error:")


def test_what_is_refused(cloudwatch):
    with raises(cloudwatch, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"):
        alarm(cloudwatch, Period=45)
    with raises(cloudwatch, "ValidationError", "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)"):
        alarm(cloudwatch, EvaluationPeriods=1441)
    with raises(cloudwatch, "ValidationError"):
        alarm(cloudwatch, ComparisonOperator="Equal")
    with raises(cloudwatch, "ResourceNotFound"):
        cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="r")
    alarm(cloudwatch)
    with raises(cloudwatch, "InvalidFormat"):
        cloudwatch.set_alarm_state(AlarmName="cpu", StateValue="OK", StateReason="r", StateReasonData="{")
    cloudwatch.delete_alarms(AlarmNames=["cpu", "none"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_paging_and_filters(cloudwatch):
    for index in range(5):
        alarm(cloudwatch, f"a{index}", Dimensions=[{"Name": "Host", "Value": f"h{index}"}])
    pages = cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2})
    assert [found["AlarmName"] for page in pages for found in page["MetricAlarms"]] == ["a0", "a1", "a2", "a3", "a4"]
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix="a", StateValue="INSUFFICIENT_DATA")["MetricAlarms"]) == 5
    found = cloudwatch.describe_alarms_for_metric(Namespace="app", MetricName="Cpu", Dimensions=[{"Name": "Host", "Value": "h3"}])
    assert [one["AlarmName"] for one in found["MetricAlarms"]] == ["a3"]
    assert cloudwatch.describe_alarms_for_metric(Namespace="app", MetricName="Cpu")["MetricAlarms"] == []


def test_tags(cloudwatch):
    alarm(cloudwatch, Tags=[{"Key": "team", "Value": "a"}])
    arn = described(cloudwatch)["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "stage", "Value": "test"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.list_tags_for_resource(ResourceARN=arn + "x")


def test_metric_math(server, cloudwatch):
    stat = {"Metric": {"Namespace": "app", "MetricName": "Cpu"}, "Period": 60, "Stat": "Average"}
    queries = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 * 2", "Label": "twice"},
    ]
    plain = {"Namespace": None, "MetricName": None, "Statistic": None, "Period": None}
    alarm(cloudwatch, Metrics=queries, **plain)
    put(cloudwatch, now(server), 50.0)
    server.admin("clock", advance_ms=2 * MINUTE_MS)
    found = described(cloudwatch)
    assert found["StateValue"] == "ALARM" and "[100.0 (" in found["StateReason"]
    assert [query["Id"] for query in found["Metrics"]] == ["m1", "e1"] and "MetricName" not in found
    assert "statistic" not in json.loads(found["StateReasonData"])
    with raises(cloudwatch, "ValidationError"):
        alarm(cloudwatch, "bad", Metrics=[queries[0], {"Id": "e1", "Expression": "m1 * ("}], **plain)
    with raises(cloudwatch, "ValidationError"):
        alarm(cloudwatch, "bad", Metrics=[{"Id": "e1", "Expression": "SEARCH('Cpu', 'Average', 60)"}], **plain)


def test_a_metrics_insights_query_has_contributors(server, cloudwatch):
    for host, value in [("h1", 91.0), ("h2", 20.0)]:
        put(cloudwatch, now(server), value, Dimensions=[{"Name": "Host", "Value": host}])
    text = 'SELECT MAX(Cpu) FROM SCHEMA(app, Host) GROUP BY Host ORDER BY MAX() DESC'
    plain = {"Namespace": None, "MetricName": None, "Statistic": None, "Period": None}
    alarm(cloudwatch, Metrics=[{"Id": "q1", "Expression": text, "Period": 60}], **plain)
    server.admin("clock", advance_ms=2 * MINUTE_MS)
    assert described(cloudwatch)["StateReason"] == "1 out of 2 time series evaluated to ALARM"
    contributors = cloudwatch.describe_alarm_contributors(AlarmName="cpu")["AlarmContributors"]
    assert [one["ContributorAttributes"] for one in contributors] == [{"Host": "h1"}]
    assert len(contributors[0]["ContributorId"]) == 16
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.describe_alarm_contributors(AlarmName="none")


def test_an_hour_passes_turn_by_turn(server):
    """One call moves the clock over both the outage and its end, and history has each at its time."""
    cloudwatch = server.client("cloudwatch")
    alarm(cloudwatch, TreatMissingData="notBreaching")
    begin = now(server)
    put(cloudwatch, begin + dt.timedelta(minutes=20), 95.0)
    server.admin("clock", advance_ms=60 * MINUTE_MS)
    history = cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistorySummary"].split(" to ")[1] for item in history] == ["OK", "ALARM", "OK"]
    assert 20 <= (history[1]["Timestamp"] - begin).total_seconds() / 60 <= 23


def test_the_clock_command(server):
    before = now(server)
    done = subprocess.run([BINARY, "clock", "advance", "1h30m", "--endpoint", server.endpoint], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert now(server) - before == dt.timedelta(minutes=90)
    assert done.stdout.strip() == now(server).strftime("%Y-%m-%dT%H:%M:%SZ")
    wrong = subprocess.run([BINARY, "clock", "advance", "soon"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode != 0 and "no duration" in wrong.stderr


def test_a_backtest(server):
    cloudwatch = server.client("cloudwatch")
    begin = now(server)
    put(cloudwatch, begin + dt.timedelta(minutes=20), 95.0)
    server.admin("clock", advance_ms=60 * MINUTE_MS)
    alarm(cloudwatch, TreatMissingData="notBreaching", Threshold=90.0)
    since, until_ = begin.strftime("%Y-%m-%dT%H:%M:%SZ"), now(server).strftime("%Y-%m-%dT%H:%M:%SZ")
    ask = [BINARY, "alarms", "backtest", "--name", "cpu", "--from", since, "--to", until_, "--endpoint", server.endpoint]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    changes = [line.split(" ", 1)[1].split(":")[0] for line in done.stdout.splitlines()]
    assert changes == ["INSUFFICIENT_DATA -> OK", "OK -> ALARM", "ALARM -> OK"]
    assert "[95.0 (" in done.stdout


def test_the_cli(server):
    server.cli(
        "cloudwatch", "put-metric-alarm", "--alarm-name", "cli", "--namespace", "app", "--metric-name", "Cpu", "--statistic", "Maximum",
        "--period", 60, "--evaluation-periods", 3, "--datapoints-to-alarm", 2, "--threshold", 5, "--comparison-operator",
        "LessThanThreshold", "--treat-missing-data", "breaching",
    )
    server.admin("clock", advance_ms=2 * MINUTE_MS)
    found = server.cli("cloudwatch", "describe-alarms", "--state-value", "ALARM")["MetricAlarms"]
    assert found[0]["StateReason"].endswith("3 missing datapoints were treated as [Breaching].")
    server.cli("cloudwatch", "disable-alarm-actions", "--alarm-names", "cli")
    assert server.cli("cloudwatch", "describe-alarms")["MetricAlarms"][0]["ActionsEnabled"] is False
    server.cli("cloudwatch", "delete-alarms", "--alarm-names", "cli")
    summaries = [item["HistorySummary"] for item in server.cli("cloudwatch", "describe-alarm-history")["AlarmHistoryItems"]]
    assert summaries[0] == 'Alarm "cli" deleted' and summaries[-1] == 'Alarm "cli" created'


def test_kill_9_leaves_each_transition_once(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        cloudwatch = server.client("cloudwatch")
        alarm(cloudwatch, TreatMissingData="ignore", AlarmActions=[TOPIC])
        wanted = 0
        for turn in range(6):
            value = "ALARM" if turn % 2 == 0 else "OK"
            cloudwatch.set_alarm_state(AlarmName="cpu", StateValue=value, StateReason=f"turn {turn}")
            wanted += 1
            server.kill()
            server.start()
            cloudwatch = server.client("cloudwatch")
            found = described(cloudwatch)
            assert (found["StateValue"], found["StateReason"]) == (value, f"turn {turn}")
        history = cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
        assert len(history) == wanted

        def actions():
            return cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]

        until(lambda: len(actions()) == 3)


def test_actions_invoke_functions():
    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    with function(lambda event: None) as (url, asked):
        environment = {"WATCHKEEP_DELIVERY_FUNCTIONS": f"page={url}", "WATCHKEEP_DELIVERY_ALARM_ACTIONS": f"ssm={url}"}
        with Server(environment=environment) as server:
            cloudwatch = server.client("cloudwatch")
            alarm(cloudwatch, TreatMissingData="ignore", AlarmActions=[arn + "page:live", arn + "none"])
            cloudwatch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="a drill", StateReasonData='{"by": "me"}')

            def actions():
                items = cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]
                return sorted(item["HistorySummary"] for item in items) if len(items) == 2 else None

            failed, succeeded = until(actions)
            assert succeeded == f"Successfully executed action {arn}page:live"
            assert failed.startswith(f"Failed to execute action {arn}none. Received error:")
            (event,) = asked
            assert (event["source"], event["accountId"], event["region"]) == ("aws.cloudwatch", "000000000000", "us-east-1")
            state = event["alarmData"]["state"]
            assert (state["value"], state["reason"], state["reasonData"]) == ("ALARM", "a drill", '{"by": "me"}')
            asked.clear()
            item = "arn:aws:ssm:us-east-1:000000000000:opsitem:2#CATEGORY=Security"
            alarm(cloudwatch, "item", AlarmActions=[item])
            cloudwatch.set_alarm_state(AlarmName="item", StateValue="ALARM", StateReason="a drill")
            until(lambda: len(cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]) == 3)
            assert [(event["action"], event["alarmData"]["alarmName"]) for event in asked] == [(item, "item")]
