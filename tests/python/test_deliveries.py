"""Deliveries of vended logs, through boto3: what can be set up, and what event buses log of themselves, to a group and a bucket."""

import gzip
import json
import time

from server import Server, raises, until

BUS = "arn:aws:events:us-east-1:000000000000:event-bus/none"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"


def test_what_makes_no_logs_is_no_source(logs):
    with raises(logs, "ValidationException", "Resource type is not supported as a delivery source."):
        logs.put_delivery_source(name="queue", resourceArn=QUEUE, logType="ACCESS_LOGS")
    templates = logs.describe_configuration_templates()["configurationTemplates"]
    assert {(one["service"], one["resourceType"]) for one in templates} == {("events", "event-bus")}
    assert {one["logType"] for one in templates} == {"ERROR_LOGS", "INFO_LOGS", "TRACE_LOGS"}
    with raises(logs, "ResourceNotFoundException"):
        logs.put_delivery_source(name="bus", resourceArn=BUS, logType="INFO_LOGS")


def test_destinations_and_their_policies(logs):
    put = logs.put_delivery_destination(
        name="archive", outputFormat="w3c", deliveryDestinationConfiguration={"destinationResourceArn": "arn:aws:s3:::archive/logs"}, tags={"team": "shop"}
    )["deliveryDestination"]
    assert (put["deliveryDestinationType"], put["outputFormat"]) == ("S3", "w3c")
    assert put["arn"] == "arn:aws:logs:us-east-1:000000000000:delivery-destination:archive"
    assert logs.get_delivery_destination(name="archive")["deliveryDestination"] == put
    assert logs.list_tags_for_resource(resourceArn=put["arn"])["tags"] == {"team": "shop"}
    assert logs.describe_delivery_destinations()["deliveryDestinations"] == [put]
    statement = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "logs:CreateDelivery", "Resource": put["arn"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_delivery_destination_policy(deliveryDestinationName="archive", deliveryDestinationPolicy=policy)
    assert logs.get_delivery_destination_policy(deliveryDestinationName="archive")["policy"]["deliveryDestinationPolicy"] == policy
    logs.delete_delivery_destination_policy(deliveryDestinationName="archive")
    with raises(logs, "ResourceNotFoundException", "The delivery source none does not exist."):
        logs.create_delivery(deliverySourceName="none", deliveryDestinationArn=put["arn"])
    logs.delete_delivery_destination(name="archive")
    with raises(logs, "ResourceNotFoundException", "The delivery destination archive does not exist."):
        logs.get_delivery_destination(name="archive")


def test_an_event_bus_logs_what_becomes_of_its_events(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        logs = server.client("logs")
        events, sqs, s3 = server.client("events"), server.client("sqs"), server.client("s3")
        bus = events.create_event_bus(Name="shop", LogConfig={"Level": "TRACE", "IncludeDetail": "FULL"})["EventBusArn"]
        queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="all", EventBusName="shop", EventPattern='{"source":["till"]}')
        events.put_targets(Rule="all", EventBusName="shop", Targets=[{"Id": "q", "Arn": queue_arn}])
        logs.create_log_group(logGroupName="/vended/shop")
        group = "arn:aws:logs:us-east-1:000000000000:log-group:/vended/shop"
        s3.create_bucket(Bucket="bus-logs")
        for name, log_type, resource in [("info", "INFO_LOGS", group), ("trace", "TRACE_LOGS", "arn:aws:s3:::bus-logs")]:
            logs.put_delivery_source(name=name, resourceArn=bus, logType=log_type)
            to = logs.put_delivery_destination(name=name, outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": resource})
            if name == "trace":
                # Whoever owns the bucket says who may write into it.
                statement = {
                    "Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bus-logs/*",
                }
                s3.put_bucket_policy(Bucket="bus-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
            logs.create_delivery(deliverySourceName=name, deliveryDestinationArn=to["deliveryDestination"]["arn"])
        entry = {"EventBusName": "shop", "Source": "till", "DetailType": "OrderPlaced", "Detail": '{"order":41}'}
        event_id = events.put_events(Entries=[entry, {**entry, "Source": "other"}])["Entries"][0]["EventId"]

        def told():
            found = logs.filter_log_events(logGroupName="/vended/shop")["events"]
            return [json.loads(event["message"]) for event in found]

        wanted = ["EVENT_INGEST_SUCCESS", "RULE_MATCH", "INVOCATION_START", "INVOCATION_SUCCESS"]
        until(lambda: [one["message_type"] for one in told() if one["event_id"] == event_id] == wanted)
        assert [one["message_type"] for one in told() if one["event_id"] != event_id] == ["EVENT_INGEST_SUCCESS", "NO_STANDARD_RULES_MATCHED"]
        taken = next(one for one in told() if one["message_type"] == "EVENT_INGEST_SUCCESS" and one["event_id"] == event_id)
        assert (taken["resource_arn"], taken["details"]["event_detail"]) == (bus, '{"order":41}')
        matched = next(one for one in told() if one["message_type"] == "RULE_MATCH")
        delivered = next(one for one in told() if one["message_type"] == "INVOCATION_SUCCESS")
        assert matched["details"]["target_arns"] == [queue_arn]
        assert matched["details"]["invocation_ids"] == [delivered["invocation_id"]] and delivered["details"]["total_attempts"] == 1
        # A restart does not wait until the five minutes of a file are over.
        server.kill()
        server.start()
        s3 = server.client("s3")

        def filed():
            objects = s3.list_objects_v2(Bucket="bus-logs").get("Contents", [])
            files = [s3.get_object(Bucket="bus-logs", Key=one["Key"])["Body"].read() for one in objects if one["Key"].endswith(".gz")]
            return [json.loads(line) for file in files for line in gzip.decompress(file).splitlines()]

        steps = {"EVENT_RECEIPT", "RULE_MATCH_START", "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_SUCCESS"}
        until(lambda: {one["message_type"] for one in filed() if one["event_id"] == event_id} == steps, seconds_max=60, every=0.5)
        assert all(one["log_level"] == "TRACE" and one["message_timestamp_ms"] <= time.time() * 1000 for one in filed())
