"""CloudTrail: every call is a record, and LookupEvents finds it."""

import json
import urllib.error
import urllib.request

import pytest

from server import KEY_ID, SECRET, Server, raises, until


@pytest.fixture
def trail(server):
    return server.client("cloudtrail")


def lookup(trail, **attributes):
    wanted = [{"AttributeKey": key, "AttributeValue": value} for key, value in attributes.items()]
    return trail.lookup_events(LookupAttributes=wanted)["Events"] if wanted else trail.lookup_events()["Events"]


def test_a_call_is_found_within_a_second(logs, trail):
    logs.create_log_group(logGroupName="/audited", tags={"a": "b"})
    (event,) = until(lambda: lookup(trail, EventName="CreateLogGroup"), seconds_max=1)
    assert event["EventSource"] == "logs.amazonaws.com" and event["ReadOnly"] == "false"
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventID"] == event["EventId"]
    assert record["eventSource"] == "logs.amazonaws.com" and record["awsRegion"] == "us-east-1"
    assert record["requestParameters"]["logGroupName"] == "/audited"
    assert record["userIdentity"]["type"] == "Root" and record["userIdentity"]["accountId"] == "000000000000"
    assert record["sourceIPAddress"] == "127.0.0.1" and "Boto3" in record["userAgent"]
    assert record["managementEvent"] is True and record["eventCategory"] == "Management"
    assert lookup(trail, EventId=event["EventId"])[0]["EventName"] == "CreateLogGroup"


def test_a_refused_call_is_a_record_too(logs, trail):
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_log_group(logGroupName="/missing")
    (event,) = until(lambda: lookup(trail, EventName="DeleteLogGroup"), seconds_max=1)
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "ResourceNotFoundException" and record["errorMessage"]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b'{"limit', {}, "SerializationException"),
        (b'{"limit":0}', {}, "InvalidParameterException"),
        (b"no gzip", {"Content-Encoding": "gzip"}, "SerializationException"),
        (b"x" * (1 << 20) + b"x", {}, "RequestEntityTooLarge"),
    ],
)
def test_calls_that_nobody_can_read_are_records_too(server, trail, body, headers, code):
    """Ascribed to who made them, without what proves it."""
    proof = "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0123proof"
    target = {"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}
    headers = {**target, "Authorization": proof, "X-Amz-Security-Token": "0123token", **headers}
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(server.endpoint, data=body, headers=headers), timeout=30)
    (event,) = until(lambda: lookup(trail, EventName="DescribeLogGroups"))
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == code and record["readOnly"] is True and event["ReadOnly"] == "true"
    assert record["userIdentity"]["type"] == "Root" and record["userIdentity"]["accessKeyId"] == "AKIAX"
    assert "0123" not in event["CloudTrailEvent"]


def test_events_come_newest_first_in_pages(logs, trail):
    for number in range(7):
        logs.create_log_group(logGroupName=f"/g{number}")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateLogGroup"}], PaginationConfig={"PageSize": 3}
    )
    names = [json.loads(event["CloudTrailEvent"])["requestParameters"]["logGroupName"] for page in pages for event in page["Events"]]
    assert names == [f"/g{number}" for number in reversed(range(7))]


def test_bad_lookups(server):
    trail = server.client("cloudtrail", parameter_validation=False)
    with raises(trail, "InvalidMaxResultsException"):
        trail.lookup_events(MaxResults=0)
    with raises(trail, "InvalidTimeRangeException"):
        trail.lookup_events(StartTime=2000, EndTime=1000)
    with raises(trail, "InvalidNextTokenException"):
        trail.lookup_events(NextToken="nonsense")
    with raises(trail, "InvalidEventCategoryException"):
        trail.lookup_events(EventCategory="data")
    for key, value in ("Nonsense", "x"), ("EventName", ""), ("EventName", "x" * 2001), ("ReadOnly", "TRUE"):
        with raises(trail, "InvalidLookupAttributesException"):
            lookup(trail, **{key: value})


def test_a_reset_leaves_no_record(server, logs, trail):
    """Not even those of reading calls, which are written a moment later."""
    logs.describe_log_groups()
    server.admin("reset")
    assert lookup(trail) == []


def test_a_wrong_signature_is_a_record_of_nobody():
    environment = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}
    with Server("--auth", "enforced", environment=environment) as server:
        logs = server.client("logs", secret="not the secret of this key")
        with raises(logs, "InvalidSignatureException"):
            logs.create_log_group(logGroupName="/refused")
        (event,) = lookup(server.client("cloudtrail"), AccessKeyId=KEY_ID)[-1:]
        record = json.loads(event["CloudTrailEvent"])
        assert event["EventName"] == "CreateLogGroup" and record["errorCode"] == "InvalidSignatureException"
        assert record["userIdentity"] == {
            "type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL", "accessKeyId": KEY_ID
        }
        assert record["requestParameters"] is None and record["responseElements"] is None
