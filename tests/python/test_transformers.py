"""Transformers of log events through boto3."""

import gzip
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


def test_filters_and_subscriptions_look_at_what_transformers_make(server, logs, group):
    stream = "arn:aws:kinesis:us-east-1:000000000000:stream/t"
    kinesis, cloudwatch = server.client("kinesis"), server.client("cloudwatch")
    kinesis.create_stream(StreamName="t", ShardCount=1)
    until(lambda: kinesis.describe_stream_summary(StreamName="t")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    add = {"addKeys": {"entries": [{"key": "team", "value": "shop"}]}}
    logs.put_transformer(logGroupIdentifier=group, transformerConfig=[{"parseJSON": {}}, add])
    for name, on_transformed in (("made", True), ("asItCame", False)):
        logs.put_metric_filter(
            logGroupName=group, filterName=name, filterPattern="{ $.team = shop }", applyOnTransformedLogs=on_transformed,
            metricTransformations=[{"metricName": name, "metricNamespace": "T", "metricValue": "$.n"}],
        )
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern="-none", applyOnTransformedLogs=on_transformed,
            destinationArn=stream, roleArn="arn:aws:iam::000000000000:role/logs",
        )
        described = logs.describe_subscription_filters(logGroupName=group, filterNamePrefix=name)["subscriptionFilters"]
        assert described[0]["applyOnTransformedLogs"] == on_transformed
    put(logs, '{"n":3}', '{"n":4,"team":"shop"}', "no JSON")

    def delivered():
        shard = kinesis.list_shards(StreamName="t")["Shards"][0]["ShardId"]
        iterator = kinesis.get_shard_iterator(StreamName="t", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator)["Records"]
        messages = [json.loads(gzip.decompress(record["Data"])) for record in records]
        found = {"made": [], "asItCame": []}
        for message in messages:
            if message["messageType"] == "DATA_MESSAGE":
                found[message["subscriptionFilters"][0]] += [event["message"] for event in message["logEvents"]]
        return found

    until(lambda: all(len(texts) == 3 for texts in delivered().values()))
    found = delivered()
    assert found["asItCame"] == ['{"n":3}', '{"n":4,"team":"shop"}', "no JSON"]
    made = [text if text == "no JSON" else json.loads(text) for text in found["made"]]
    assert made == [{"n": 3, "team": "shop"}, {"n": 4, "team": "shop"}, "no JSON"], "what has no transformed form is there as it came"

    def sum_of(name):
        now = time.time()
        points = cloudwatch.get_metric_statistics(
            Namespace="T", MetricName=name, Period=60, Statistics=["Sum"], StartTime=now - 600, EndTime=now + 120
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert (sum_of("made"), sum_of("asItCame")) == (7, 4)
