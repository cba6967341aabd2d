"""Composite alarms over the wire, on a clock that the test moves, and across kill -9."""

import json

import pytest

from server import Server, raises, until

START_MS = 1_767_225_600_000
SECOND_MS = 1000
PROTOCOLS = ["smithy-rpc-v2-cbor", "json", "query"]
ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"


@pytest.fixture(scope="module")
def timed():
    with Server("--manual-clock", str(START_MS), "--allow-reset") as server:
        yield server


@pytest.fixture
def server(timed):
    timed.admin("reset")
    return timed


@pytest.fixture(params=PROTOCOLS)
def cloudwatch(request, server):
    return server.client("cloudwatch", protocol=request.param)


def still(client, *names, **more):
    for name in names:
        client.put_metric_alarm(
            AlarmName=name, Namespace="app", MetricName="Cpu", Statistic="Average", Period=60, EvaluationPeriods=1, Threshold=80.0,
            ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore", **more,
        )


def set_state(client, name, value):
    client.set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")


def composite(client, name="all"):
    return client.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]


def messages(server, queue_url):
    queues = server.client("sqs")
    found = queues.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    for one in found:
        queues.delete_message(QueueUrl=queue_url, ReceiptHandle=one["ReceiptHandle"])
    return [json.loads(json.loads(one["Body"])["Message"]) for one in found]


def topic_and_queue(server):
    topic = server.client("sns").create_topic(Name="ops")["TopicArn"]
    queues = server.client("sqs")
    url = queues.create_queue(QueueName="ops")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url


def test_a_composite_follows_its_children(server, cloudwatch):
    still(cloudwatch, "cpu", "disk")
    cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(cpu) OR ALARM(disk)", Tags=[{"Key": "team", "Value": "a"}])
    found = composite(cloudwatch)
    assert (found["StateValue"], found["AlarmArn"], found["ActionsEnabled"]) == ("OK", ARN + "all", True)
    assert found["StateReason"] == f"{ARN}all was created and its alarm rule evaluates to OK"
    server.admin("clock", advance_ms=SECOND_MS)
    set_state(cloudwatch, "disk", "ALARM")
    found = composite(cloudwatch)
    assert found["StateValue"] == "ALARM" and found["StateReason"].startswith(f"{ARN}disk transitioned to ALARM at ")
    assert [one["arn"] for one in json.loads(found["StateReasonData"])["triggeringAlarms"]] == [ARN + "disk"]
    history = cloudwatch.describe_alarm_history(AlarmTypes=["CompositeAlarm"], ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["AlarmType"]) for item in history] == [
        ("ConfigurationUpdate", "CompositeAlarm"), ("StateUpdate", "CompositeAlarm"), ("StateUpdate", "CompositeAlarm"),
    ]
    assert json.loads(history[0]["HistoryData"])["createdAlarm"]["alarmRule"] == "ALARM(cpu) OR ALARM(disk)"
    assert cloudwatch.describe_alarms()["CompositeAlarms"] == []
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="all")["MetricAlarms"]
    assert [(one["AlarmName"], one["StateValue"]) for one in children] == [("cpu", "INSUFFICIENT_DATA"), ("disk", "ALARM")]
    assert [one["AlarmName"] for one in cloudwatch.describe_alarms(ParentsOfAlarmName="cpu")["CompositeAlarms"]] == ["all"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    cloudwatch.disable_alarm_actions(AlarmNames=["all"])
    assert composite(cloudwatch)["ActionsEnabled"] is False


def test_what_is_refused(cloudwatch):
    still(cloudwatch, "cpu")
    for rule in ["ALARM(none)", "ALARM(cpu", "ALARM(all)"]:
        with raises(cloudwatch, "ValidationError"):
            cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule=rule)
    with raises(cloudwatch, "ValidationError"):
        cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="TRUE", ActionsSuppressor="cpu")
    cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(cpu)")
    cloudwatch.put_composite_alarm(AlarmName="more", AlarmRule="FALSE")
    with raises(cloudwatch, "ValidationError"):
        cloudwatch.delete_alarms(AlarmNames=["cpu"])
    with raises(cloudwatch, "ValidationError"):
        cloudwatch.delete_alarms(AlarmNames=["all", "more"])
    cloudwatch.delete_alarms(AlarmNames=["all"])
    cloudwatch.delete_alarms(AlarmNames=["cpu", "more"])


def test_a_topic_hears_who_caused_it(server):
    cloudwatch = server.client("cloudwatch")
    topic, queue = topic_and_queue(server)
    still(cloudwatch, "cpu")
    cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(cpu)", AlarmActions=[topic])
    set_state(cloudwatch, "cpu", "ALARM")
    server.admin("clock", advance_ms=SECOND_MS)
    heard = until(lambda: messages(server, queue))
    assert [(one["AlarmName"], one["NewStateValue"], one["AlarmRule"]) for one in heard] == [("all", "ALARM", "ALARM(cpu)")]
    assert heard[0]["TriggeringChildren"][0]["Arn"] == ARN + "cpu" and "Trigger" not in heard[0]


def test_a_suppressor_holds_actions(server):
    cloudwatch = server.client("cloudwatch")
    topic, queue = topic_and_queue(server)
    still(cloudwatch, "cpu", "quiet")
    cloudwatch.put_composite_alarm(
        AlarmName="all", AlarmRule="ALARM(cpu)", AlarmActions=[topic], ActionsSuppressor=ARN + "quiet", ActionsSuppressorWaitPeriod=20,
        ActionsSuppressorExtensionPeriod=30,
    )
    server.admin("clock", advance_ms=60 * SECOND_MS)
    set_state(cloudwatch, "cpu", "ALARM")
    found = composite(cloudwatch)
    assert (found["StateValue"], found["ActionsSuppressedBy"]) == ("ALARM", "WaitPeriod")
    assert found["ActionsSuppressedReason"] == "Actions suppressed by WaitPeriod"
    server.admin("clock", advance_ms=10 * SECOND_MS)
    set_state(cloudwatch, "quiet", "ALARM")
    server.admin("clock", advance_ms=3600 * SECOND_MS)
    assert composite(cloudwatch)["ActionsSuppressedBy"] == "Alarm" and messages(server, queue) == []
    set_state(cloudwatch, "quiet", "OK")
    server.admin("clock", advance_ms=29 * SECOND_MS)
    assert composite(cloudwatch)["ActionsSuppressedBy"] == "ExtensionPeriod" and messages(server, queue) == []
    server.admin("clock", advance_ms=SECOND_MS)
    assert [one["NewStateValue"] for one in until(lambda: messages(server, queue))] == ["ALARM"]
    assert "ActionsSuppressedBy" not in composite(cloudwatch)


def test_kill_9_leaves_composites_with_their_children(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        cloudwatch = server.client("cloudwatch")
        still(cloudwatch, "cpu")
        cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(cpu)")
        cloudwatch.put_composite_alarm(AlarmName="above", AlarmRule="NOT ALARM(all)")
        for turn in range(4):
            value, above = ("ALARM", "OK") if turn % 2 == 0 else ("OK", "ALARM")
            set_state(cloudwatch, "cpu", value)
            server.kill()
            server.start()
            cloudwatch = server.client("cloudwatch")
            assert (composite(cloudwatch)["StateValue"], composite(cloudwatch, "above")["StateValue"]) == (value, above)
        history = cloudwatch.describe_alarm_history(AlarmTypes=["CompositeAlarm"], HistoryItemType="StateUpdate")["AlarmHistoryItems"]
        assert len(history) == 2 * (1 + 4)


def test_the_cli(server):
    still(server.client("cloudwatch"), "cpu")
    server.cli("cloudwatch", "put-composite-alarm", "--alarm-name", "all", "--alarm-rule", "NOT ALARM(cpu)")
    found = server.cli("cloudwatch", "describe-alarms", "--alarm-types", "CompositeAlarm", "--state-value", "ALARM")["CompositeAlarms"]
    assert [one["AlarmName"] for one in found] == ["all"]
