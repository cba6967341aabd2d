"""The AWS CLI, as a person at a prompt uses it."""

import base64
import json
import time

# The exit status of a call that the service refused: of version 1, and of version 2.
SERVICE_ERROR = (255, 254)


def test_metrics(server):
    server.cli("cloudwatch", "put-metric-data", "--namespace", "Shop", "--metric-name", "Orders", "--value", 3, "--unit", "Count")
    metrics = server.cli("cloudwatch", "list-metrics", "--namespace", "Shop")["Metrics"]
    assert metrics == [{"Namespace": "Shop", "MetricName": "Orders", "Dimensions": []}]
    start, end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600)), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    queries = '[{"Id":"orders","MetricStat":{"Metric":{"Namespace":"Shop","MetricName":"Orders"},"Period":60,"Stat":"Sum"}}]'
    widget = json.dumps({"metrics": [["Shop", "Orders"]], "width": 300, "height": 200})
    image = server.cli("cloudwatch", "get-metric-widget-image", "--metric-widget", widget)
    assert base64.b64decode(image["MetricWidgetImage"])[:4] == b"\x89PNG"
    data = server.cli("cloudwatch", "get-metric-data", "--metric-data-queries", queries, "--start-time", start, "--end-time", end)
    assert data["MetricDataResults"][0]["Values"] == [3.0] and data["MetricDataResults"][0]["Label"] == "Orders"
    statistics = server.cli(
        "cloudwatch", "get-metric-statistics", "--namespace", "Shop", "--metric-name", "Orders", "--statistics", "Sum",
        "--period", 60, "--start-time", start, "--end-time", end,
    )
    assert [point["Sum"] for point in statistics["Datapoints"]] == [3.0]


def test_logs(server):
    server.cli("logs", "create-log-group", "--log-group-name", "/cli")
    server.cli("logs", "create-log-stream", "--log-group-name", "/cli", "--log-stream-name", "s")
    now = int(time.time() * 1000)
    server.cli("logs", "put-log-events", "--log-group-name", "/cli", "--log-stream-name", "s", "--log-events", f"timestamp={now},message=hello")
    events = server.cli("logs", "filter-log-events", "--log-group-name", "/cli", "--filter-pattern", "hello")["events"]
    assert [event["message"] for event in events] == ["hello"]
    assert server.cli("logs", "get-log-events", "--log-group-name", "/cli", "--log-stream-name", "s")["events"][0]["message"] == "hello"


def test_an_error_reads_as_aws_says_it(server):
    failed = server.cli("logs", "delete-log-group", "--log-group-name", "/nope", check=False)
    assert failed.returncode in SERVICE_ERROR
    assert "An error occurred (ResourceNotFoundException) when calling the DeleteLogGroup operation: The specified log group does not exist." in failed.stderr


def test_an_operation_that_is_not_there_says_so(server):
    failed = server.cli("logs", "list-integrations", check=False)
    assert failed.returncode in SERVICE_ERROR and "UnknownOperationException" in failed.stderr, failed.stderr


def test_trails(server):
    server.cli("logs", "create-log-group", "--log-group-name", "/seen")
    events = server.cli("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=CreateLogGroup")["Events"]
    assert len(events) == 1 and "aws-cli" in events[0]["CloudTrailEvent"]
