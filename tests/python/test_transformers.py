"""Transformers of log events through boto3."""

import json
import time

import pytest

from server import Server, raises, until

CONFIG = [
    {"parseJSON": {}},
    {"copyValue": {"entries": [{"source": "@logGroupName", "target": "group"}]}},
    {"typeConverter": {"entries": [{"key": "status", "type": "integer"}]}},
]


@pytest.fixture
def group(logs):
    logs.create_log_group(logGroupName="/shop/web")
    logs.create_log_stream(logGroupName="/shop/web", logStreamName="s")
    return "/shop/web"


def put(logs, *messages):
    now = int(time.time() * 1000)
    events = [{"timestamp": now + index, "message": message} for index, message in enumerate(messages)]
    logs.put_log_events(logGroupName="/shop/web", logStreamName="s", logEvents=events)


def total(cloudwatch, name, **dimensions):
    """The sum of a metric of the last minutes."""
    now = time.time()
    dimensions = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/Logs", MetricName=name, Dimensions=dimensions, Period=60, Statistics=["Sum"],
        StartTime=now - 600, EndTime=now + 120,
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_transformers_are_put_tested_and_deleted(logs, group):
    with raises(logs, "ResourceNotFoundException"):
        logs.get_transformer(logGroupIdentifier=group)
    logs.put_transformer(logGroupIdentifier=group, transformerConfig=CONFIG)
    found = logs.get_transformer(logGroupIdentifier=group)
    assert found["transformerConfig"] == CONFIG
    assert found["creationTime"] == found["lastModifiedTime"]
    put(logs, '{"status": "200"}', "text")
    events = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in events] == ['{"status": "200"}', "text"]
    assert len(logs.filter_log_events(logGroupName=group, filterPattern="status")["events"]) == 1
    logs.delete_transformer(logGroupIdentifier=group)
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_transformer(logGroupIdentifier=group)
    with raises(logs, "InvalidParameterException", "The first processor of a transformer must be a parser."):
        logs.put_transformer(logGroupIdentifier=group, transformerConfig=CONFIG[1:])


def test_a_transformer_is_tried_out(logs):
    grok = [{"grok": {"match": '%{IP:client.ip} %{WORD:method} %{URIPATHPARAM:path} %{NUMBER:status}'}}, CONFIG[2]]
    messages = ["192.0.2.1 GET /cart?id=7 200", "nothing"]
    records = logs.test_transformer(transformerConfig=grok, logEventMessages=messages)["transformedLogs"]
    assert [record["eventNumber"] for record in records] == [1, 2]
    made = json.loads(records[0]["transformedEventMessage"])
    assert made == {"client": {"ip": "192.0.2.1"}, "method": "GET", "path": "/cart?id=7", "status": 200}
    assert json.loads(records[1]["transformedEventMessage"]) == {"@transformationError": "grok: the text does not match"}


def test_transformers_of_the_account_are_counted():
    with Server() as server:
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        logs.create_log_group(logGroupName="/shop/web")
        logs.create_log_stream(logGroupName="/shop/web", logStreamName="s")
        logs.put_account_policy(
            policyName="p", policyType="TRANSFORMER_POLICY", policyDocument=json.dumps(CONFIG[:1]),
            selectionCriteria='LogGroupNamePrefix = "/shop/"',
        )
        put(logs, '{"a": 1}', "{}", "text")
        level = {"PolicyLevel": "AccountPolicy"}
        until(lambda: total(cloudwatch, "TransformedLogEvents", **level) == 2, seconds_max=90)
        assert total(cloudwatch, "TransformedBytes", **level) == len('{"a":1}{}')
        assert total(cloudwatch, "TransformationErrors", **level) == 1
