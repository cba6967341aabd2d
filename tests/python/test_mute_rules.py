"""Alarm mute rules over the wire, on a clock that the test moves, and across kill -9."""

import datetime as dt

import pytest

from server import Server, raises, until
from test_composite_alarms import ARN, PROTOCOLS, SECOND_MS, START_MS, messages, set_state, still, topic_and_queue

HOUR_MS = 3600 * SECOND_MS
RULE_ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm-mute-rule:"


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


def now(server):
    return dt.datetime.fromtimestamp(server.admin("clock", advance_ms=0)["now_ms"] / 1000, dt.timezone.utc)


def mute(client, name, alarms, start, duration="PT4H", **more):
    schedule = {"Expression": start.strftime("at(%Y-%m-%dT%H:%M)"), "Duration": duration}
    client.put_alarm_mute_rule(Name=name, Rule={"Schedule": schedule}, MuteTargets={"AlarmNames": alarms}, **more)


def test_rules(server, cloudwatch):
    still(cloudwatch, "cpu", "disk")
    schedule = {"Expression": "cron(0 2 * * SUN)", "Duration": "PT4H", "Timezone": "Europe/Berlin"}
    expires = now(server) + dt.timedelta(days=30)
    cloudwatch.put_alarm_mute_rule(
        Name="sundays", Description="upkeep", Rule={"Schedule": schedule}, MuteTargets={"AlarmNames": ["cpu"]}, ExpireDate=expires,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    mute(cloudwatch, "now", ["cpu", "disk"], now(server) - dt.timedelta(minutes=5))
    found = cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="sundays")
    assert (found["Name"], found["AlarmMuteRuleArn"], found["Description"]) == ("sundays", RULE_ARN + "sundays", "upkeep")
    assert found["Rule"]["Schedule"] == schedule and found["MuteTargets"]["AlarmNames"] == ["cpu"]
    assert (found["Status"], found["MuteType"], found["ExpireDate"]) == ("SCHEDULED", "RECURRING", expires)
    assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="now")["Status"] == "ACTIVE"
    listed = cloudwatch.list_alarm_mute_rules(AlarmName="cpu")["AlarmMuteRuleSummaries"]
    assert [one["AlarmMuteRuleArn"] for one in listed] == [RULE_ARN + "now", RULE_ARN + "sundays"]
    listed = cloudwatch.list_alarm_mute_rules(Statuses=["ACTIVE"])["AlarmMuteRuleSummaries"]
    assert [(one["AlarmMuteRuleArn"], one["MuteType"]) for one in listed] == [(RULE_ARN + "now", "ONE_TIME")]
    assert cloudwatch.list_tags_for_resource(ResourceARN=RULE_ARN + "sundays")["Tags"] == [{"Key": "team", "Value": "a"}]
    cloudwatch.tag_resource(ResourceARN=RULE_ARN + "sundays", Tags=[{"Key": "stage", "Value": "test"}])
    cloudwatch.untag_resource(ResourceARN=RULE_ARN + "sundays", TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=RULE_ARN + "sundays")["Tags"] == [{"Key": "stage", "Value": "test"}]
    server.admin("clock", advance_ms=5 * HOUR_MS)
    assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="now")["Status"] == "EXPIRED"
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="now")
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="now")
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="now")


def test_what_is_refused(server, cloudwatch):
    still(cloudwatch, "cpu")
    for expression, duration in [("rate(1 hour)", "PT1H"), ("cron(0 2 * *)", "PT1H"), ("cron(0 2 * * *)", "P16D")]:
        with raises(cloudwatch, "ValidationError"):
            cloudwatch.put_alarm_mute_rule(
                Name="bad", Rule={"Schedule": {"Expression": expression, "Duration": duration}}, MuteTargets={"AlarmNames": ["cpu"]}
            )
    with raises(cloudwatch, "ValidationError"):
        mute(cloudwatch, "bad", ["none"], now(server))
    assert cloudwatch.list_alarm_mute_rules()["AlarmMuteRuleSummaries"] == []


def test_what_is_owed_is_sent_when_the_window_ends(server):
    cloudwatch = server.client("cloudwatch")
    topic, queue = topic_and_queue(server)
    still(cloudwatch, "cpu", "disk", AlarmActions=[topic], OKActions=[topic])
    cloudwatch.put_composite_alarm(AlarmName="all", AlarmRule="ALARM(cpu)", AlarmActions=[topic])
    begin = now(server).replace(second=0)
    mute(cloudwatch, "night", ["cpu", "disk", "all"], begin + dt.timedelta(hours=2))
    server.admin("clock", advance_ms=3 * HOUR_MS)
    set_state(cloudwatch, "cpu", "ALARM")
    set_state(cloudwatch, "disk", "ALARM")
    server.admin("clock", advance_ms=HOUR_MS)
    set_state(cloudwatch, "disk", "INSUFFICIENT_DATA")
    server.admin("clock", advance_ms=HOUR_MS)
    assert messages(server, queue) == []
    assert cloudwatch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    server.admin("clock", advance_ms=2 * HOUR_MS)
    heard = []

    def both():
        heard.extend(messages(server, queue))
        return len(heard) >= 2

    until(both)
    told = sorted((one["AlarmName"], one["NewStateValue"], one["ActionExecutedAfterMuteWindow"]) for one in heard)
    assert told == [("all", "ALARM", True), ("cpu", "ALARM", True)]
    actions = cloudwatch.describe_alarm_history(HistoryItemType="Action", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [item["HistorySummary"] for item in actions["AlarmHistoryItems"]] == [f"Successfully executed action {topic}"] * 2


def test_kill_9_keeps_mutes(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        cloudwatch = server.client("cloudwatch")
        topic, queue = topic_and_queue(server)
        still(cloudwatch, "cpu", AlarmActions=[topic])
        mute(cloudwatch, "now", ["cpu"], dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=1))
        set_state(cloudwatch, "cpu", "ALARM")
        for _ in range(2):
            server.kill()
            server.start()
        cloudwatch = server.client("cloudwatch")
        assert messages(server, queue) == []
        cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="now")
        heard = until(lambda: messages(server, queue))
        assert [(one["AlarmArn"], one["ActionExecutedAfterMuteWindow"]) for one in heard] == [(ARN + "cpu", True)]


def test_the_cli(server):
    still(server.client("cloudwatch"), "cpu")
    server.cli(
        "cloudwatch", "put-alarm-mute-rule", "--name", "nights", "--rule", "Schedule={Expression='cron(0 2 * * *)',Duration=PT4H}",
        "--mute-targets", "AlarmNames=cpu",
    )
    found = server.cli("cloudwatch", "list-alarm-mute-rules", "--alarm-name", "cpu")["AlarmMuteRuleSummaries"]
    assert [one["MuteType"] for one in found] == ["RECURRING"]
