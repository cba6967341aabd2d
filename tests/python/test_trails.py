"""CloudTrail: every call is a record, and LookupEvents finds it."""

import json

import pytest

from server import raises, until


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
