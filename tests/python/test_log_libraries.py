"""Libraries that people log with, as their own documentation shows them, in programs that know Watchkeep by AWS_ENDPOINT_URL alone."""

import datetime as dt
import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from server import KEY_ID, REGION, SECRET, until

GROUP = "/shop/web"


@pytest.fixture
def run(server, tmp_path):
    """Runs a program in Python; what it printed."""

    def run(program, *arguments, **environment):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **environment,
        }
        program = ["-c", textwrap.dedent(program)] if "\n" in program else ["-m", program]
        done = subprocess.run(
            [sys.executable, *program, *arguments], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def stream(logs):
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="w1")


def put(logs, *messages):
    now = int(time.time() * 1000)
    events = [{"timestamp": now + index, "message": message} for index, message in enumerate(messages)]
    answer = logs.put_log_events(logGroupName=GROUP, logStreamName="w1", logEvents=events)
    assert "rejectedLogEventsInfo" not in answer


def metric(server, namespace, name, statistic="Sum", **dimensions):
    now = dt.datetime.now(dt.timezone.utc)
    points = server.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - dt.timedelta(hours=1),
        EndTime=now + dt.timedelta(minutes=5),
        Period=86400,
        Statistics=[statistic],
    )["Datapoints"]
    return [(point[statistic], point["Unit"]) for point in points]


def test_watchtower(run, logs):
    run(
        """
        import logging, watchtower
        handler = watchtower.CloudWatchLogHandler(
            log_group_name="/shop/web", log_stream_name="w1", log_group_retention_days=7,
            send_interval=1, max_batch_count=50)
        logger = logging.getLogger("shop")
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        for number in range(200):
            logger.info("order %d", number)
        logger.info({"level": "ERROR", "ms": 30})
        logger.info("x" * 300_000)
        logging.shutdown()
        """
    )
    [group] = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert group["retentionInDays"] == 7
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    messages = [event["message"] for page in pages for event in page["events"]]
    assert messages[:200] == [f"order {number}" for number in range(200)]
    assert json.loads(messages[200]) == {"level": "ERROR", "ms": 30}
    # The handler cuts a message at its own limit.
    assert len(messages) == 202 and set(messages[201]) == {"x"}


def test_awslogs(run, server, logs, stream):
    put(logs, "one", '{"level":"ERROR","ms":30}', "three")
    # The command of the package, as its entry point calls it.
    command = "import sys; from awslogs.bin import main; sys.exit(main())\n"
    endpoint = ["--aws-endpoint-url", server.endpoint, "--aws-region", REGION]
    assert run(command, "groups", *endpoint).split() == [GROUP]
    assert run(command, "streams", GROUP, *endpoint).split() == ["w1"]
    lines = run(command, "get", GROUP, "ALL", "-s", "1h", "--no-color", *endpoint).splitlines()
    # Columns are padded.
    expected = [f"{GROUP} w1 one", f'{GROUP} w1 {{"level":"ERROR","ms":30}}', f"{GROUP} w1 three"]
    assert [" ".join(line.split()) for line in lines] == expected
    found = run(command, "get", GROUP, "w.*", "-s", "1h", "--no-color", "-GS", "-f", "{ $.ms > 20 }", "-q", "ms", *endpoint)
    assert found.split() == ["30"]


def test_embedded_metrics(run, server, logs, stream):
    """Outside of Lambda, `AWS_EMF_ENVIRONMENT=local` writes documents to the standard output, for a collector of logs."""
    output = run(
        """
        from aws_embedded_metrics import metric_scope
        @metric_scope
        def handle(number, metrics):
            metrics.set_namespace("Shop")
            metrics.set_dimensions({"Service": "cart"})
            metrics.put_metric("Latency", number, "Milliseconds")
            metrics.set_property("RequestId", f"r-{number}")
        for number in range(1, 5):
            handle(number)
        """,
        AWS_EMF_ENVIRONMENT="local",
    )
    put(logs, *output.splitlines())
    assert metric(server, "Shop", "Latency", Service="cart") == [(10.0, "Milliseconds")]
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern='{ $.RequestId = "r-3" }')["events"]
    assert [json.loads(event["message"])["Latency"] for event in found] == [3]


def test_powertools(run, server, logs, stream):
    output = run(
        """
        from aws_lambda_powertools import Logger, Metrics
        from aws_lambda_powertools.metrics import MetricUnit
        class Context:
            function_name = "cart"; memory_limit_in_mb = 128; aws_request_id = "r-1"
            invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:cart"
        logger, metrics = Logger(), Metrics(namespace="Shop")
        @logger.inject_lambda_context
        @metrics.log_metrics(capture_cold_start_metric=True)
        def handler(event, context):
            metrics.add_dimension(name="stage", value="test")
            metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
            metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=4)
            metrics.add_metadata(key="order", value="o-7")
            logger.info("sold", extra={"cents": 1250})
            logger.error("no stock")
        handler({}, Context())
        """,
        POWERTOOLS_SERVICE_NAME="cart",
    )
    put(logs, *output.splitlines())
    assert metric(server, "Shop", "Orders", service="cart", stage="test") == [(5.0, "Count")]
    assert metric(server, "Shop", "ColdStart", service="cart", function_name="cart") == [(1.0, "Count")]
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern='{ $.level = "ERROR" && $.function_request_id = "r-1" }')
    assert [json.loads(event["message"])["message"] for event in found["events"]] == ["no stock"]
    # Discovered fields of its records are there for queries.
    assert query(logs, "filter message = 'sold' | display cents, service") == [{"cents": "1250", "service": "cart"}]


def query(logs, text):
    now = int(time.time())
    started = logs.start_query(logGroupName=GROUP, startTime=now - 600, endTime=now + 60, queryString=text)
    results = until(lambda: (found := logs.get_query_results(queryId=started["queryId"]))["status"] == "Complete" and found)
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in results["results"]]


def test_awswrangler(run, logs, stream):
    put(logs, '{"level":"INFO","ms":10}', '{"level":"ERROR","ms":30}', '{"level":"ERROR","ms":50}')
    output = run(
        """
        import datetime, json, awswrangler as wr
        now = datetime.datetime.now(datetime.timezone.utc)
        times = {"start_time": now - datetime.timedelta(hours=1), "end_time": now + datetime.timedelta(minutes=1)}
        frame = wr.cloudwatch.read_logs(
            log_group_names=["/shop/web"], query="fields level, ms | sort ms desc | limit 2", **times)
        rows = wr.cloudwatch.run_query(log_group_names=["/shop/web"], query="stats sum(ms) as s by level | sort level", **times)
        events = wr.cloudwatch.filter_log_events(log_group_name="/shop/web", filter_pattern="ERROR", log_stream_names=["w1"])
        streams = wr.cloudwatch.describe_log_streams(log_group_name="/shop/web")
        print(json.dumps({
            "frame": [[str(level), float(ms)] for level, ms in zip(frame.level, frame.ms)],
            "rows": [{cell["field"]: cell["value"] for cell in row} for row in rows],
            "events": list(events.message), "streams": list(streams.logStreamName)}))
        """
    )
    found = json.loads(output.splitlines()[-1])
    assert found["frame"] == [["ERROR", 50.0], ["ERROR", 30.0]]
    assert found["rows"] == [{"level": "ERROR", "s": "80"}, {"level": "INFO", "s": "10"}]
    assert found["events"] == ['{"level":"ERROR","ms":30}', '{"level":"ERROR","ms":50}']
    assert found["streams"] == ["w1"]
