"""The embedded metric format: log events that are metrics, too."""

import datetime as dt
import json
import time

GROUP, STREAM = "app", "web-1"


def put(logs, *messages):
    now = int(time.time() * 1000)
    answer = logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=STREAM,
        logEvents=[{"timestamp": now, "message": message} for message in messages],
    )
    assert "rejectedLogEventsInfo" not in answer


def read(cloudwatch, namespace, name, **dimensions):
    now = dt.datetime.now(dt.timezone.utc)
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - dt.timedelta(hours=3),
        EndTime=now + dt.timedelta(minutes=5),
        Period=60 * 60 * 6,
        Statistics=["SampleCount", "Sum", "Maximum"],
    )
    return [(p["SampleCount"], p["Sum"], p["Maximum"], p["Unit"]) for p in answer["Datapoints"]]


def document(now, **members):
    directive = {
        "Namespace": "Shop",
        "Dimensions": [["fn"], ["fn", "v"]],
        "Metrics": [{"Name": "time", "Unit": "Milliseconds"}, {"Name": "n", "StorageResolution": 1}],
    }
    return json.dumps({"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, **members})


def test_events_become_metrics_and_stay_events(server):
    logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    # Metrics have the time of the document, not the event's.
    before = int(time.time() * 1000) - 2 * 3600 * 1000
    good = document(before, fn="f", v="1", time=[100, 200], n=3)
    by_lambda = f"2026-01-15T12:30:45.000Z\t989ffbf8-9ace-4817-a57c-e4dd734019ee\tINFO\t{good}\n"
    put(logs, good, "plain text", by_lambda, document(before, fn="f", time=5, n="x"), '{"_aws":{"CloudWatchMetrics":[]')

    assert read(cloudwatch, "Shop", "time", fn="f") == [(5, 605, 200, "Milliseconds")]
    assert read(cloudwatch, "Shop", "time", fn="f", v="1") == [(4, 600, 200, "Milliseconds")]
    assert read(cloudwatch, "Shop", "n", fn="f", v="1") == [(2, 6, 3, "None")]
    # Broken: one event; skipped: a metric that is no number, and a set whose dimension is not there.
    assert read(cloudwatch, "AWS/Logs", "EMFParsingErrors", LogGroupName=GROUP) == [(1, 1, 1, "Count")]
    assert read(cloudwatch, "AWS/Logs", "EMFValidationErrors", LogGroupName=GROUP) == [(1, 2, 2, "Count")]
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True)["events"]
    assert [event["message"] for event in events][0] == good and len(events) == 5

    # What PutMetricData would refuse is counted, and keeps no event out.
    directive = {"Namespace": "AWS/Own", "Dimensions": [[]], "Metrics": [{"Name": "m"}]}
    put(logs, json.dumps({"_aws": {"Timestamp": before, "CloudWatchMetrics": [directive]}, "m": 1}))
    assert read(cloudwatch, "AWS/Own", "m") == []
    assert sum(total for _, total, _, _ in read(cloudwatch, "AWS/Logs", "EMFValidationErrors", LogGroupName=GROUP)) == 3


def test_metrics_of_events_survive_a_kill(tmp_path):
    from server import Server

    with Server(data_dir=tmp_path / "data") as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
        put(logs, document(int(time.time() * 1000), fn="f", v="1", time=7, n=1))
        server.kill()
        server.start()
        assert read(server.client("cloudwatch"), "Shop", "time", fn="f") == [(1, 7, 7, "Milliseconds")]
