"""Contributor Insights through boto3, in each of the three protocols: log events in, reports out."""

import datetime as dt
import json
import time

from server import Server, raises

RULE = {
    "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
    "LogGroupNames": ["/shop/*"],
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.ip"], "ValueOf": "$.bytes", "Filters": [{"Match": "$.method", "In": ["PUT"]}]},
    "AggregateOn": "Sum",
}


def put_events(logs, *messages, group="/shop/web"):
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message if isinstance(message, str) else json.dumps(message)} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def create(logs, group="/shop/web"):
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")


def report(cloudwatch, name="bytes", **more):
    now = dt.datetime.now(dt.timezone.utc)
    return cloudwatch.get_insight_rule_report(
        RuleName=name, StartTime=now - dt.timedelta(minutes=10), EndTime=now + dt.timedelta(minutes=1), Period=3600, **more
    )


def test_events_become_a_report(logs, cloudwatch):
    create(logs)
    cloudwatch.put_insight_rule(RuleName="bytes", RuleState="ENABLED", RuleDefinition=json.dumps(RULE))
    put = {"method": "PUT", "bytes": 10}
    put_events(logs, put | {"ip": "10.0.0.1"}, put | {"ip": "10.0.0.2"}, put | {"ip": "10.0.0.1"}, put, "no JSON")
    put_events(logs, {"ip": "10.0.0.3", "method": "GET", "bytes": 1000})
    found = report(cloudwatch, Metrics=["UniqueContributors", "Sum"], MaxContributorCount=1)
    assert found["KeyLabels"] == ["$.ip"]
    assert found["AggregationStatistic"] == "Sum"
    assert (found["AggregateValue"], found["ApproximateUniqueCount"]) == (30, 2)
    [largest] = found["Contributors"]
    assert (largest["Keys"], largest["ApproximateAggregateValue"]) == (["10.0.0.1"], 20)
    assert sum(point["ApproximateValue"] for point in largest["Datapoints"]) == 20
    assert sum(point["Sum"] for point in found["MetricDatapoints"]) == 30
    assert "Maximum" not in found["MetricDatapoints"][0]

    now = dt.datetime.now(dt.timezone.utc)
    math = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "e1", "Period": 60, "Expression": "INSIGHT_RULE_METRIC('bytes', 'SampleCount')"}],
        StartTime=now - dt.timedelta(minutes=10),
        EndTime=now + dt.timedelta(minutes=2),
    )
    assert sum(math["MetricDataResults"][0]["Values"]) == 3


def test_rules_are_described_switched_tagged_and_deleted(logs, cloudwatch):
    create(logs)
    text = json.dumps(RULE, indent=2)
    tags = [{"Key": "team", "Value": "shop"}]
    cloudwatch.put_insight_rule(RuleName="by ip", RuleState="DISABLED", RuleDefinition=text, Tags=tags)
    [rule] = cloudwatch.describe_insight_rules()["InsightRules"]
    assert (rule["Name"], rule["State"], rule["Schema"]) == ("by ip", "DISABLED", "CloudWatchLogRule/1")
    assert rule["Definition"] == text
    arn = "arn:aws:cloudwatch:us-east-1:000000000000:insight-rule/by ip"
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags
    event = {"ip": "10.0.0.1", "method": "PUT", "bytes": 1}
    put_events(logs, event)
    assert cloudwatch.enable_insight_rules(RuleNames=["by ip"])["Failures"] == []
    put_events(logs, event)
    [failure] = cloudwatch.disable_insight_rules(RuleNames=["by ip", "none"])["Failures"]
    assert (failure["FailureResource"], failure["ExceptionType"]) == ("none", "ResourceNotFoundException")
    put_events(logs, event)
    assert report(cloudwatch, "by ip")["AggregateValue"] == 1
    assert cloudwatch.delete_insight_rules(RuleNames=["by ip"])["Failures"] == []
    with raises(cloudwatch, "ResourceNotFoundException"):
        report(cloudwatch, "by ip")
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.put_insight_rule(RuleName="bad", RuleState="ENABLED", RuleDefinition='{"Schema":1}')


def test_what_was_counted_survives_a_kill(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        create(logs)
        cloudwatch.put_insight_rule(RuleName="bytes", RuleState="ENABLED", RuleDefinition=json.dumps(RULE))
        for index in range(20):
            put_events(logs, {"ip": f"10.0.0.{index % 4}", "method": "PUT", "bytes": index})
        server.kill()
        server.start()
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        found = report(cloudwatch)
        assert (found["AggregateValue"], found["ApproximateUniqueCount"]) == (190, 4)
        put_events(logs, {"ip": "10.0.0.9", "method": "PUT", "bytes": 1})
        assert report(cloudwatch)["AggregateValue"] == 191


def test_the_cli_puts_rules_over_fields(server, logs):
    create(logs, "/vpc/flowlogs")
    rule = {**RULE, "LogGroupNames": ["/vpc/flowlogs*"], "LogFormat": "CLF", "Fields": {"4": "source"}, "AggregateOn": "Count"}
    rule["Contribution"] = {"Keys": ["source"], "Filters": [{"Match": "6", "EqualTo": 443}]}
    server.cli("cloudwatch", "put-insight-rule", "--rule-name", "flows", "--rule-state", "ENABLED", "--rule-definition", json.dumps(rule))
    put_events(logs, "2 1 eni-1 10.0.0.1 10.0.0.2 443", "2 1 eni-1 10.0.0.3 10.0.0.2 22", "2 1 eni-1 10.0.0.1 10.0.0.2 443", group="/vpc/flowlogs")
    found = server.cli(
        "cloudwatch", "get-insight-rule-report", "--rule-name", "flows", "--period", "300",
        "--start-time", int(time.time()) - 600, "--end-time", int(time.time()) + 60,
    )
    assert [(one["Keys"], one["ApproximateAggregateValue"]) for one in found["Contributors"]] == [(["10.0.0.1"], 2.0)]
