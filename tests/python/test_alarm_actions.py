"""Alarms on PromQL queries, and actions that are carried out at AWS or by the agent of the host, over the wire."""

import contextlib
import datetime as dt
import http.server
import json
import threading
import urllib.parse

import pytest

from server import Server, raises, until
from test_alarms import MINUTE_MS, START, described, ms, now

POLICY = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:autoScalingGroupName/web:policyName/up"
STOP = "arn:aws:automate:us-east-1:ec2:stop"


@pytest.fixture(scope="module")
def timed():
    with Server("--manual-clock", str(ms(START)), "--allow-reset") as server:
        yield server


@pytest.fixture(params=["smithy-rpc-v2-cbor", "json", "query"])
def cloudwatch(request, timed):
    timed.admin("reset")
    return timed.client("cloudwatch", protocol=request.param)


def put(client, moment, host, value):
    datum = {"MetricName": "Cpu", "Dimensions": [{"Name": "Host", "Value": host}], "Timestamp": moment, "Value": value}
    client.put_metric_data(Namespace="app", MetricData=[datum])


def test_an_alarm_on_a_promql_query(timed, cloudwatch):
    criteria = {"Query": 'Cpu{namespace="app"} > 90', "PendingPeriod": 60, "RecoveryPeriod": 0}
    cloudwatch.put_metric_alarm(
        AlarmName="hot", EvaluationCriteria={"PromQLCriteria": criteria}, EvaluationInterval=60, Tags=[{"Key": "team", "Value": "a"}]
    )
    found = described(cloudwatch, "hot")
    assert (found["StateValue"], found["EvaluationInterval"]) == ("OK", 60)
    assert found["EvaluationCriteria"] == {"PromQLCriteria": criteria}
    assert not {"EvaluationPeriods", "ComparisonOperator", "Threshold", "MetricName"} & found.keys()
    for host, value in [("h1", 95.0), ("h2", 40.0)]:
        put(cloudwatch, now(timed), host, value)
    timed.admin("clock", advance_ms=3 * MINUTE_MS)
    assert described(cloudwatch, "hot")["StateValue"] == "ALARM"
    [contributor] = cloudwatch.describe_alarm_contributors(AlarmName="hot")["AlarmContributors"]
    assert contributor["ContributorAttributes"] == {"__name__": "Cpu", "Host": "h1", "namespace": "app"}
    # A sample is the last one for five minutes.
    timed.admin("clock", advance_ms=6 * MINUTE_MS)
    assert described(cloudwatch, "hot")["StateValue"] == "OK"
    history = cloudwatch.describe_alarm_history(AlarmName="hot", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history if item["HistoryItemType"] == "StateUpdate"] == [
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]
    refused = {"PromQLCriteria": {"Query": "Cpu >"}}
    with raises(cloudwatch, "ValidationError"):
        cloudwatch.put_metric_alarm(AlarmName="hot", EvaluationCriteria=refused, EvaluationInterval=60)


def test_windows_warm_up_and_tags_are_kept(timed, cloudwatch):
    more = dict(
        EvaluationWindow={"WallClockWindow": {"Timezone": "Europe/Berlin"}},
        WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 30, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": True},
        ActionConfiguration={"AlarmTagsPropagation": {"Enabled": True, "IncludedTagKeys": ["team"]}},
    )
    cloudwatch.put_metric_alarm(
        AlarmName="daily", Namespace="app", MetricName="Backups", Statistic="Sum", Period=86400, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="LessThanThreshold", TreatMissingData="breaching", **more,
    )
    found = described(cloudwatch, "daily")
    assert {name: found[name] for name in more} == more
    assert (found["StateValue"], found["EvaluationState"]) == ("INSUFFICIENT_DATA", "IN_WARM_UP")
    timed.admin("clock", advance_ms=32 * MINUTE_MS)
    found = described(cloudwatch, "daily")
    assert found["StateValue"] == "ALARM" and "EvaluationState" not in found


@contextlib.contextmanager
def aws():
    """What AWS is told: an endpoint that answers as its Query APIs do."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            asked.append((self.headers["authorization"], self.headers.get("x-amz-target"), body))
            answer = b"<R><PolicyType>StepScaling</PolicyType></R>"
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}", asked
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def test_actions_are_calls_of_aws():
    with aws() as (url, asked):
        environment = {
            "WATCHKEEP_AWS_ENDPOINT": url,
            "WATCHKEEP_AWS_ACCESS_KEY_ID": "AKIDREMOTE",
            "WATCHKEEP_AWS_SECRET_ACCESS_KEY": "remote-secret",
        }
        with Server("--manual-clock", str(ms(START)), environment=environment) as server:
            cloudwatch = server.client("cloudwatch")
            cloudwatch.put_metric_alarm(
                AlarmName="cpu", Namespace="app", MetricName="Cpu", Statistic="Average", Period=60, EvaluationPeriods=1,
                Dimensions=[{"Name": "InstanceId", "Value": "i-0123"}], Threshold=80.0, TreatMissingData="ignore",
                ComparisonOperator="GreaterThanThreshold", AlarmActions=[STOP, POLICY],
            )
            begun = now(server)
            for minute in range(6):
                datum = {
                    "MetricName": "Cpu",
                    "Dimensions": [{"Name": "InstanceId", "Value": "i-0123"}],
                    "Timestamp": begun + dt.timedelta(minutes=minute),
                    "Value": 91.5,
                }
                cloudwatch.put_metric_data(Namespace="app", MetricData=[datum])
            server.admin("clock", advance_ms=5 * MINUTE_MS)

            def calls():
                return [urllib.parse.parse_qs(body) for _, _, body in list(asked)]

            # Once, and again every minute.
            until(lambda: sum(call["Action"] == ["ExecutePolicy"] for call in calls()) >= 4)
            calls = calls()
            assert sum(call["Action"] == ["StopInstances"] for call in calls) == 1
            policy = next(call for call in calls if call["Action"] == ["ExecutePolicy"])
            assert (policy["PolicyName"], policy["AutoScalingGroupName"]) == ([POLICY], ["web"])
            assert (policy["MetricValue"], policy["BreachThreshold"]) == (["91.5"], ["80"])
            assert all(authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDREMOTE/20260101/us-east-1/") for authorization, *_ in asked)

            def told():
                history = cloudwatch.describe_alarm_history(AlarmName="cpu", HistoryItemType="Action")["AlarmHistoryItems"]
                return sorted(item["HistorySummary"] for item in history)

            until(lambda: len(told()) == 2)
            assert told() == [f"Successfully executed action {arn}" for arn in (STOP, POLICY)]


def test_the_agent_carries_out_what_its_host_allows(tmp_path):
    touched = tmp_path / "rebooted"
    environment = {
        "WATCHKEEP_AGENT_COMMANDS": f"reboot=/usr/bin/touch {touched}",
        "WATCHKEEP_AGENT_INSTANCE_ID": "web-1",
        "WATCHKEEP_AGENT_LOG_FILES": str(tmp_path / "none"),
        "WATCHKEEP_XRAY_LISTEN": "127.0.0.1:0",
    }
    with Server(command="up", environment=environment) as server:
        cloudwatch, logs = server.client("cloudwatch"), server.client("logs")
        reboot = "arn:aws:automate:us-east-1:ec2:reboot"
        cloudwatch.put_metric_alarm(
            AlarmName="stuck", Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average", Period=60, EvaluationPeriods=1,
            Dimensions=[{"Name": "InstanceId", "Value": "web-1"}], Threshold=101.0, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore", AlarmActions=[reboot, STOP],
        )
        sqs = server.client("sqs")
        until(lambda: "watchkeep-agent-web-1" in str(sqs.list_queues().get("QueueUrls")))
        cloudwatch.set_alarm_state(AlarmName="stuck", StateValue="ALARM", StateReason="a drill")
        until(touched.exists)

        def told():
            try:
                events = logs.filter_log_events(logGroupName="/watchkeep/agent/commands")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return []
            return sorted(event["message"].split(": ", 1)[1] for event in events)

        until(lambda: len(told()) == 2)
        assert told() == ["exit status: 0", "not carried out: this host does not allow it"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WATCHKEEP_AGENT_COMMANDS": "reboot=reboot"}, "the whole path of a program"),
        ({"WATCHKEEP_AGENT_COMMANDS": "rm=/bin/rm"}, "neither `stop`, `terminate`, `reboot` nor `recover`"),
        ({"WATCHKEEP_AWS_ENDPOINT": "http://localhost:1"}, "needs `aws.access_key_id` beside it"),
    ],
)
def test_settings_that_cannot_be(environment, said):
    server = Server(environment=environment)
    with pytest.raises(AssertionError, match=said):
        server.start()
