"""CloudWatch Logs through boto3."""

import time

import pytest

from server import raises


def now_ms():
    return int(time.time() * 1000)


@pytest.fixture
def stream(logs):
    logs.create_log_group(logGroupName="/app/web", tags={"team": "shop"})
    logs.create_log_stream(logGroupName="/app/web", logStreamName="one")
    return {"logGroupName": "/app/web", "logStreamName": "one"}


def put(logs, stream, *messages, at=None):
    at = at or now_ms()
    events = [{"timestamp": at + i, "message": message} for i, message in enumerate(messages)]
    return logs.put_log_events(**stream, logEvents=events)


def test_groups_and_streams(logs, stream):
    logs.create_log_group(logGroupName="/app/worker")
    groups = logs.describe_log_groups(logGroupNamePrefix="/app/")["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/app/web", "/app/worker"]
    assert groups[0]["arn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/app/web:*"
    assert groups[0]["logGroupArn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/app/web"
    assert abs(groups[0]["creationTime"] - now_ms()) < 60_000
    assert "retentionInDays" not in groups[0]
    listed = logs.list_log_groups(logGroupNamePattern="worker")["logGroups"]
    assert [group["logGroupName"] for group in listed] == ["/app/worker"]

    logs.put_retention_policy(logGroupName="/app/web", retentionInDays=14)
    assert logs.describe_log_groups(logGroupNamePrefix="/app/web")["logGroups"][0]["retentionInDays"] == 14
    logs.delete_retention_policy(logGroupName="/app/web")
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix="/app/web")["logGroups"][0]
    with raises(logs, "InvalidParameterException"):
        logs.put_retention_policy(logGroupName="/app/web", retentionInDays=15)

    with raises(logs, "ResourceAlreadyExistsException", "The specified log group already exists"):
        logs.create_log_group(logGroupName="/app/web")
    with raises(logs, "ResourceAlreadyExistsException", "The specified log stream already exists"):
        logs.create_log_stream(**stream)
    with raises(logs, "ResourceNotFoundException"):
        logs.create_log_stream(logGroupName="/nowhere", logStreamName="one")

    streams = logs.describe_log_streams(logGroupName="/app/web")["logStreams"]
    assert streams[0]["arn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/app/web:log-stream:one"
    logs.delete_log_stream(**stream)
    assert logs.describe_log_streams(logGroupName="/app/web")["logStreams"] == []
    logs.delete_log_group(logGroupName="/app/web")
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_log_group(logGroupName="/app/web")


def test_tags(logs, stream):
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/app/web"
    logs.tag_resource(resourceArn=arn, tags={"stage": "test"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "shop", "stage": "test"}
    assert logs.list_tags_log_group(logGroupName="/app/web")["tags"] == {"team": "shop", "stage": "test"}
    logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}


def test_events_come_back_in_order_with_tokens(logs, stream):
    start = now_ms() - 60_000
    for batch in range(4):
        put(logs, stream, *[f"line {batch}.{i}" for i in range(5)], at=start + batch * 1000)
    first = logs.get_log_events(**stream, startFromHead=True, limit=8)
    assert [event["message"] for event in first["events"]][:6] == ["line 0.0", "line 0.1", "line 0.2", "line 0.3", "line 0.4", "line 1.0"]
    second = logs.get_log_events(**stream, nextToken=first["nextForwardToken"], limit=100)
    assert len(second["events"]) == 12
    at_end = logs.get_log_events(**stream, nextToken=second["nextForwardToken"])
    assert at_end["events"] == [] and at_end["nextForwardToken"] == second["nextForwardToken"]
    put(logs, stream, "late")
    after = logs.get_log_events(**stream, nextToken=second["nextForwardToken"])
    assert [event["message"] for event in after["events"]] == ["late"]
    back = logs.get_log_events(**stream, nextToken=second["nextBackwardToken"])
    assert len(back["events"]) == 8
    newest = logs.get_log_events(**stream, limit=1)
    assert [event["message"] for event in newest["events"]] == ["late"]
    assert abs(newest["events"][0]["ingestionTime"] - now_ms()) < 60_000


def test_filter(logs, stream):
    logs.create_log_stream(logGroupName="/app/web", logStreamName="two")
    at = now_ms() - 10_000
    put(logs, stream, "ERROR disk full", "all is well", "Error timeout", at=at)
    put(logs, {**stream, "logStreamName": "two"}, "ERROR timeout on disk", "WARN slow", at=at)
    cases = {
        "": 5,
        "ERROR": 2,
        "ERROR timeout": 1,
        "?timeout ?slow": 3,
        "ERROR -full": 1,
        '"all is"': 1,
        "%[Tt]imeout%": 2,
    }
    for pattern, count in cases.items():
        found = logs.filter_log_events(logGroupName="/app/web", filterPattern=pattern)["events"]
        assert len(found) == count, pattern
    found = logs.filter_log_events(logGroupName="/app/web", filterPattern="ERROR", logStreamNames=["two"])["events"]
    assert [(event["logStreamName"], event["message"]) for event in found] == [("two", "ERROR timeout on disk")]
    assert found[0]["eventId"].isdigit() and len(found[0]["eventId"]) == 56

    paginator = logs.get_paginator("filter_log_events")
    pages = list(paginator.paginate(logGroupName="/app/web", PaginationConfig={"PageSize": 2}))
    messages = [event["message"] for page in pages for event in page["events"]]
    assert len(messages) == 5 and len(set(messages)) == 5


def test_groups_are_named_by_the_arns_that_describe_gives(logs, stream):
    (group,) = logs.describe_log_groups()["logGroups"]
    assert group["arn"] == group["logGroupArn"] + ":*"
    for arn in (group["arn"], group["logGroupArn"]):
        named = {"logGroupIdentifier": arn}
        assert logs.get_log_events(**named, logStreamName=stream["logStreamName"])["events"] == []
        assert logs.filter_log_events(**named)["events"] == []
        assert len(logs.describe_log_streams(**named)["logStreams"]) == 1
        assert len(logs.describe_log_groups(logGroupIdentifiers=[arn])["logGroups"]) == 1
    with raises(logs, "InvalidParameterException"):
        logs.filter_log_events(logGroupIdentifier="*")


def test_the_largest_batch_is_taken(logs, stream):
    """A mebibyte less the event's overhead, of the character that JSON spells longest."""
    event = {"timestamp": int(time.time() * 1000), "message": "\x01" * (1_048_576 - 26)}
    logs.put_log_events(**stream, logEvents=[event])
    (found,) = logs.get_log_events(**stream)["events"]
    assert found["message"] == event["message"]
    event["message"] += "x"
    with raises(logs, "InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576"):
        logs.put_log_events(**stream, logEvents=[event])


def test_what_is_too_old_or_too_new_is_told(logs, stream):
    now = now_ms()
    answer = logs.put_log_events(**stream, logEvents=[{"timestamp": now - 15 * 86_400_000, "message": "old"}])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "now"}, {"timestamp": now + 3 * 3_600_000, "message": "new"}])
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert [event["message"] for event in logs.get_log_events(**stream, startFromHead=True)["events"]] == ["now"]
    with raises(logs, "InvalidParameterException"):
        logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}])


def test_any_text_comes_back_byte_for_byte(logs, stream):
    messages = ["tab\tand \"quotes\"", "line\nbreak", "ünïcödé ✓ 🚀", "\\u0041 \\n", '{"a": [1, 2, {"b": null}]}', " leading and trailing "]
    put(logs, stream, *messages)
    assert [event["message"] for event in logs.get_log_events(**stream, startFromHead=True)["events"]] == messages


def test_a_group_made_anew_is_empty(logs, stream):
    put(logs, stream, "before")
    logs.delete_log_group(logGroupName="/app/web")
    logs.create_log_group(logGroupName="/app/web")
    logs.create_log_stream(**stream)
    assert logs.get_log_events(**stream, startFromHead=True)["events"] == []
    assert logs.filter_log_events(logGroupName="/app/web")["events"] == []
