"""Metric filters: metrics out of log events, exactly once, whatever happens to the process."""

import datetime as dt
import json
import time

import pytest

from server import Server, raises, until

GROUP, STREAM = "shop", "web-1"


def now_ms():
    return int(time.time() * 1000)


def put(logs, *messages, at=None):
    at = at or now_ms()
    events = [{"timestamp": at, "message": m if isinstance(m, str) else json.dumps(m)} for m in messages]
    logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=events)


def create(logs):
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)


def filter_of(name, pattern, value="1", **more):
    transformation = {"metricName": name, "metricNamespace": "Shop", "metricValue": value, **more}
    return {"logGroupName": GROUP, "filterName": name, "filterPattern": pattern, "metricTransformations": [transformation]}


def read(cloudwatch, name, **dimensions):
    now = dt.datetime.now(dt.timezone.utc)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Shop",
        MetricName=name,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - dt.timedelta(hours=3),
        EndTime=now + dt.timedelta(minutes=5),
        Period=60 * 60 * 6,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
    )
    return [(p["SampleCount"], p["Sum"], p["Minimum"], p["Maximum"], p["Unit"]) for p in answer["Datapoints"]]


def test_filters_make_metrics_of_what_comes_in(server):
    logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
    create(logs)
    put(logs, "ERROR before the filter was there")
    logs.put_metric_filter(**filter_of("errors", "?ERROR ?FATAL", unit="Count"))
    logs.put_metric_filter(
        **filter_of("latency", '{ $.latency = * && $.api != "health*" }', "$.latency", dimensions={"Api": "$.api"}, unit="Milliseconds")
    )
    logs.put_metric_filter(**filter_of("bytes", "[ip, user, ..., status = 2*, size]", "$size"))
    put(
        logs,
        "ERROR one",
        {"api": "a", "latency": 50},
        {"api": "a", "latency": 70},
        {"api": "b", "latency": 5, "level": "FATAL"},
        {"api": "healthz", "latency": 1},
        '10.0.0.1 ann [15/Jan/2026] "GET /x" 200 512',
        '10.0.0.1 ann [15/Jan/2026] "GET /y" 404 7',
    )
    assert read(cloudwatch, "errors") == [(2, 2, 1, 1, "Count")]
    assert read(cloudwatch, "latency", Api="a") == [(2, 120, 50, 70, "Milliseconds")]
    assert read(cloudwatch, "latency", Api="b") == [(1, 5, 5, 5, "Milliseconds")]
    assert read(cloudwatch, "latency", Api="healthz") == []
    assert read(cloudwatch, "bytes") == [(1, 512, 512, 512, "None")]

    described = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    assert [found["filterName"] for found in described] == ["bytes", "errors", "latency"]
    assert described[2]["metricTransformations"][0]["dimensions"] == {"Api": "$.api"}
    by_metric = logs.describe_metric_filters(metricName="errors", metricNamespace="Shop")["metricFilters"]
    assert [found["filterName"] for found in by_metric] == ["errors"]
    assert logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["metricFilterCount"] == 3

    logs.delete_metric_filter(logGroupName=GROUP, filterName="errors")
    put(logs, "ERROR two")
    assert read(cloudwatch, "errors") == [(2, 2, 1, 1, "Count")]
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_metric_filter(logGroupName=GROUP, filterName="errors")
    with raises(logs, "InvalidParameterException", "The specified filter pattern does not support dimensions"):
        logs.put_metric_filter(**filter_of("x", "ERROR", dimensions={"A": "$.a"}))
    with raises(logs, "InvalidParameterException"):
        logs.put_metric_filter(**filter_of("x", "{ $.a = 1 }", dimensions={"A": "$.a"}, defaultValue=0))
    with raises(logs, "InvalidParameterException", "If a filter pattern starts with '{' it must end with '}'"):
        logs.put_metric_filter(**filter_of("x", "{ $.a = 1"))


def test_patterns_are_tried(logs, server):
    messages = ['127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534', '{"eventType":"UpdateTrail"}']
    tried = logs.test_metric_filter(filterPattern="[..., size]", logEventMessages=messages)["matches"]
    assert tried[0]["extractedValues"]["$size"] == "1534" and tried[0]["extractedValues"]["$5"] == "GET /index.html HTTP/1.0"
    tried = server.cli(
        "logs", "test-metric-filter", "--filter-pattern", '{ $.eventType = "Update*" }', "--log-event-messages", json.dumps(messages)
    )
    assert tried["matches"] == [{"eventNumber": 1, "eventMessage": messages[1], "extractedValues": {"$.eventType": "UpdateTrail"}}]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_every_event_counts_once_across_restarts(tmp_path, how):
    with Server(data_dir=tmp_path) as server:
        logs = server.client("logs")
        create(logs)
        logs.put_metric_filter(**filter_of("errors", "ERROR"))
        for round in range(3):
            for number in range(20):
                put(server.client("logs"), f"ERROR {round} {number}", "INFO")
            getattr(server, how)()
            server.start()
        put(server.client("logs"), "ERROR at last")
        assert [count for count, *_ in read(server.client("cloudwatch"), "errors")] == [61]
        found = server.client("logs").filter_log_events(logGroupName=GROUP, filterPattern="ERROR")["events"]
        assert len(found) == 61


def test_a_minute_without_matches_has_the_default_value(tmp_path):
    at = int(dt.datetime(2026, 1, 15, 12, 0, 30, tzinfo=dt.timezone.utc).timestamp() * 1000)
    with Server("--manual-clock", str(at), data_dir=tmp_path) as server:
        logs = server.client("logs")
        create(logs)
        logs.put_metric_filter(**filter_of("errors", "ERROR", defaultValue=0))
        put(logs, "INFO", at=at)
        server.admin("clock", advance_ms=60_000)
        put(logs, "ERROR", at=at + 60_000)
        server.admin("clock", advance_ms=60_000)
        put(logs, "INFO", at=at + 120_000)
        server.admin("clock", advance_ms=600_000)

        def points():
            answer = server.client("cloudwatch").get_metric_statistics(
                Namespace="Shop",
                MetricName="errors",
                StartTime=dt.datetime(2026, 1, 15, 12),
                EndTime=dt.datetime(2026, 1, 15, 13),
                Period=60,
                Statistics=["Sum", "SampleCount"],
            )
            return [(p["Timestamp"].minute, p["Sum"], p["SampleCount"]) for p in sorted(answer["Datapoints"], key=lambda p: p["Timestamp"])]

        assert points() == [(0, 0, 1), (1, 1, 1), (2, 0, 1)]


def test_an_account_policy_turns_embedded_metrics_off(server):
    logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
    create(logs)
    logs.put_account_policy(
        policyName="no-metrics", policyType="METRIC_EXTRACTION_POLICY", policyDocument="{}", selectionCriteria=f'LogGroupName IN ["{GROUP}"]'
    )
    directive = {"Namespace": "Shop", "Dimensions": [[]], "Metrics": [{"Name": "n"}]}
    put(logs, {"_aws": {"Timestamp": now_ms(), "CloudWatchMetrics": [directive]}, "n": 1}, "INFO")
    assert read(cloudwatch, "n") == []

    def disabled():
        now = dt.datetime.now(dt.timezone.utc)
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Logs",
            MetricName="EMFDisabledErrors",
            Dimensions=[{"Name": "LogGroupName", "Value": GROUP}],
            StartTime=now - dt.timedelta(hours=1),
            EndTime=now + dt.timedelta(minutes=5),
            Period=3600 * 6,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in answer["Datapoints"]]

    assert until(disabled) == [1]
    logs.delete_account_policy(policyName="no-metrics", policyType="METRIC_EXTRACTION_POLICY")
    put(logs, {"_aws": {"Timestamp": now_ms(), "CloudWatchMetrics": [directive]}, "n": 2})
    assert read(cloudwatch, "n") == [(1, 2, 2, 2, "None")]


def test_patterns_of_json_and_of_lines_find_events(server):
    logs = server.client("logs")
    create(logs)
    put(logs, {"level": "ERROR", "code": 503}, {"level": "INFO", "code": 200}, '10.0.0.1 - ann [t] "GET /a" 404 12')
    found = lambda pattern: len(logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)["events"])
    assert found("{ $.level = ERROR && $.code >= 500 }") == 1
    assert found("{ $.code = * }") == 2
    assert found("[ip, ..., status = 4*, size > 10]") == 1
    with raises(logs, "InvalidParameterException"):
        found("{ $.level ~ ERROR }")
