"""Deliveries of vended logs, through boto3: what can be set up on any server."""

import json

from server import raises

BUS = "arn:aws:events:us-east-1:000000000000:event-bus/none"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"


def test_what_makes_no_logs_is_no_source(logs):
    with raises(logs, "ValidationException", "Resource type is not supported as a delivery source."):
        logs.put_delivery_source(name="queue", resourceArn=QUEUE, logType="ACCESS_LOGS")
    templates = logs.describe_configuration_templates()["configurationTemplates"]
    # A bus is a source exactly where the templates say so; this one is not there.
    is_source = any(template["resourceType"] == "event-bus" for template in templates)
    code = "ResourceNotFoundException" if is_source else "ValidationException"
    try:
        logs.put_delivery_source(name="bus", resourceArn=BUS, logType="INFO_LOGS")
        raise AssertionError("a bus that is not there is a source")
    except logs.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code


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
