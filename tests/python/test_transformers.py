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


def test_logs_of_services_become_events_of_ocsf(logs):
    def tried(source, version, *messages, **more):
        config = [{"parseToOCSF": {"eventSource": source, "ocsfVersion": version, **more}}]
        records = logs.test_transformer(transformerConfig=config, logEventMessages=messages)["transformedLogs"]
        return [json.loads(record["transformedEventMessage"]) for record in records]

    call = {
        "eventVersion": "1.11", "eventTime": "2024-05-01T10:00:00Z", "eventSource": "sqs.amazonaws.com",
        "eventName": "SendMessage", "awsRegion": "eu-central-1", "sourceIPAddress": "192.0.2.7",
        "eventID": "e-1", "userIdentity": {"type": "IAMUser", "userName": "ann"},
    }
    [activity, login, failed] = tried(
        "CloudTrail", "V1.5", json.dumps(call), json.dumps(call | {"eventName": "ConsoleLogin"}), "{}", mappingVersion="1.5.0"
    )
    assert (activity["class_uid"], activity["type_uid"], activity["activity_name"]) == (6003, 600399, "SendMessage")
    assert activity["metadata"]["version"] == "1.5.0" and activity["time"] == 1714557600000
    assert {"name": "actor.user.name", "type": "User Name", "type_id": 4, "value": "ann"} in activity["observables"]
    assert (login["class_name"], login["activity_name"]) == ("Authentication", "Logon")
    assert failed == {"@transformationError": "parseToOCSF: the record has no 'eventName'"}
    flow = "2 123456789010 eni-1 192.0.2.9 10.0.0.12 49761 443 6 20 4249 1418530010 1418530070 REJECT OK"
    [network] = tried("VPCFlow", "V1.1", flow)
    assert (network["type_name"], network["traffic"]) == ("Network Activity: Refuse", {"packets": 20, "bytes": 4249})
    assert network["metadata"]["version"] == "1.1.0"
    with raises(logs, "InvalidParameterException", "The processor parseToOCSF is invalid: mappingVersion is not supported for ocsfVersion V1.1"):
        tried("VPCFlow", "V1.1", flow, mappingVersion="1.5.0")


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
