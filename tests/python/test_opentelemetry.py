"""OpenTelemetry's own SDK and exporters, over HTTP and gRPC, and plain HTTP for what they never send."""

import base64
import datetime as dt
import gzip
import json
import time
import urllib.error
import urllib.request

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from server import KEY_ID, SECRET, Server, raises

RESOURCE = Resource({"service.name": "shop"})
DELTA = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


def over_http(server, **options):
    return HttpExporter(endpoint=f"{server.endpoint}/v1/metrics", **options)


def over_grpc(server, **options):
    import grpc

    if options.pop("compression", None):
        options["compression"] = grpc.Compression.Gzip
    return GrpcExporter(endpoint=server.endpoint.removeprefix("http://"), insecure=True, **options)


EXPORTERS = [pytest.param(over_http, id="http"), pytest.param(over_grpc, id="grpc")]


def statistics(cloudwatch, name, dimensions, statistics=("SampleCount", "Sum", "Minimum", "Maximum"), percentiles=(), namespace="OpenTelemetry"):
    """The statistics of the last quarter of an hour together."""
    now = dt.datetime.now(dt.timezone.utc)
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - dt.timedelta(minutes=15),
        EndTime=now + dt.timedelta(minutes=15),
        Period=1800,
        **({"ExtendedStatistics": list(percentiles)} if percentiles else {"Statistics": list(statistics)}),
    )
    found = answer["Datapoints"]
    assert len(found) <= 2, found
    if not found:
        return None
    if percentiles:
        return [found[0]["ExtendedStatistics"][name] for name in percentiles]
    return [found[0][name] for name in statistics], found[0]["Unit"]


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_the_sdks_metrics(server, exporter, compressed, temporality):
    options = {"compression": Compression.Gzip} if compressed else {}
    kinds = DELTA if temporality == "delta" else {}
    reader = InMemoryMetricReader(preferred_temporality=kinds)
    provider = MeterProvider(
        [reader],
        RESOURCE,
        views=[View(instrument_name="payload", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = provider.get_meter("tests")
    counter = meter.create_counter("requests", unit="{request}")
    meter.create_observable_gauge("temperature", [lambda _: [Observation(21.5)]], unit="Cel")
    waiting = meter.create_up_down_counter("waiting")
    duration = meter.create_histogram("duration", unit="ms", explicit_bucket_boundaries_advisory=[10, 20, 50, 100])
    payload = meter.create_histogram("payload", unit="By")
    sender = exporter(server, **options)

    def send():
        assert sender.export(reader.get_metrics_data()) is MetricExportResult.SUCCESS

    counter.add(5, {"method": "GET"})
    waiting.add(3)
    for value in (12, 14, 16, 90):
        duration.record(value)
        payload.record(value * 1000)
    send()
    counter.add(2, {"method": "GET"})
    waiting.add(-1)
    duration.record(18)
    send()
    sender.shutdown()
    provider.shutdown()

    cloudwatch = server.client("cloudwatch")
    shop = {"service.name": "shop"}
    assert statistics(cloudwatch, "requests", {"method": "GET", **shop}) == ([2, 7, 2, 5], "Count")
    assert statistics(cloudwatch, "temperature", shop) == ([2, 43, 21.5, 21.5], "None")
    assert statistics(cloudwatch, "waiting", shop) == ([2, 5, 2, 3], "None")
    (count, total, low, high), unit = statistics(cloudwatch, "duration", shop)
    assert (count, unit) == (5, "Milliseconds")
    assert total == pytest.approx(150)
    assert (low, high) == (12, 90)
    (count, total, low, high), unit = statistics(cloudwatch, "payload", shop)
    assert (count, unit) == (4, "Bytes") and total == pytest.approx(132_000)
    (p50, p99) = statistics(cloudwatch, "payload", shop, percentiles=["p50", "p99"])
    assert 14_000 * 0.99 <= p50 <= 16_000 * 1.01 and p99 == pytest.approx(90_000, rel=0.01)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_namespace_by_header(server, exporter):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], RESOURCE)
    provider.get_meter("tests").create_counter("orders").add(1)
    sender = exporter(server, headers={"x-aws-metric-namespace": "Shop"})
    assert sender.export(reader.get_metrics_data()) is MetricExportResult.SUCCESS
    sender.shutdown()
    provider.shutdown()
    metrics = server.client("cloudwatch").list_metrics(Namespace="Shop")["Metrics"]
    assert [(metric["MetricName"], metric["Dimensions"]) for metric in metrics] == [
        ("orders", [{"Name": "service.name", "Value": "shop"}])
    ]


def post(server, body, content_type="application/json", **headers):
    request = urllib.request.Request(
        f"{server.endpoint}/v1/metrics", data=body, headers={"content-type": content_type, **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def gauge(name, value, attributes=()):
    point = {
        "timeUnixNano": str(time.time_ns()),
        "asDouble": value,
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in attributes],
    }
    metric = {"name": name, "gauge": {"dataPoints": [point]}}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def test_json_and_partial_success(server):
    request = gauge("pressure", 3.5)
    refused = gauge("pressure", 1, [("key", "\N{SNOWMAN}")])["resourceMetrics"]
    request["resourceMetrics"] += refused
    status, answer = post(server, gzip.compress(json.dumps(request).encode()), **{"content-encoding": "gzip"})
    assert status == 200
    assert answer["partialSuccess"]["rejectedDataPoints"] == "1"
    assert "non-ASCII" in answer["partialSuccess"]["errorMessage"]
    assert statistics(server.client("cloudwatch"), "pressure", {}) == ([1, 3.5, 3.5, 3.5], "None")

    status, answer = post(server, json.dumps(gauge("x", 1)).encode(), **{"x-aws-metric-namespace": "AWS/Own"})
    assert status == 200 and answer["partialSuccess"]["rejectedDataPoints"] == "1"
    assert post(server, b"{") [0] == 400
    assert post(server, b"{}", content_type="text/plain")[0] == 415
    assert post(server, b"\n", content_type="application/json")[0] == 400


def test_who_may_send(tmp_path):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    environment = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}
    with Server("--auth", "enforced", environment=environment) as server:
        body = json.dumps(gauge("pressure", 3.5)).encode()
        status, answer = post(server, body)
        assert (status, answer["code"]) == (401, 16)

        def basic(secret):
            return {"authorization": "Basic " + base64.b64encode(f"{KEY_ID}:{secret}".encode()).decode()}

        assert post(server, body, **basic(SECRET)) == (200, {})
        assert post(server, body, **basic("wrong"))[0] == 401
        request = AWSRequest("POST", f"{server.endpoint}/v1/metrics", {"content-type": "application/json"}, body)
        SigV4Auth(Credentials(KEY_ID, SECRET), "monitoring", "us-east-1").add_auth(request)
        assert post(server, body, **dict(request.headers)) == (200, {})

        reader = InMemoryMetricReader()
        provider = MeterProvider([reader], RESOURCE)
        provider.get_meter("tests").create_counter("orders").add(1)
        data = reader.get_metrics_data()
        for secret, result in [("wrong", MetricExportResult.FAILURE), (SECRET, MetricExportResult.SUCCESS)]:
            sender = over_grpc(server, headers=basic(secret))
            assert sender.export(data) is result
            sender.shutdown()
        provider.shutdown()
        assert statistics(server.client("cloudwatch"), "pressure", {}) == ([2, 7, 3.5, 3.5], "None")
        assert statistics(server.client("cloudwatch"), "orders", {"service.name": "shop"})[0][1] == 1


def logs_over_http(server, **options):
    return HttpLogExporter(endpoint=f"{server.endpoint}/v1/logs", **options)


def logs_over_grpc(server, headers=None):
    headers = tuple((headers or {}).items())
    return GrpcLogExporter(endpoint=server.endpoint.removeprefix("http://"), insecure=True, headers=headers)


def test_large_records_are_cut_and_their_objects_survive_a_kill(tmp_path):
    with Server(data_dir=tmp_path) as server:
        provider = LoggerProvider(RESOURCE)
        provider.add_log_record_processor(SimpleLogRecordProcessor(logs_over_http(server)))
        text = "".join(f"{number:07}" for number in range(300_000))
        provider.get_logger("tests").emit(LogRecord(timestamp=time.time_ns(), body={"text": text, "left": 3}))
        server.kill()
        server.start()
        logs = server.client("logs", inject_host_prefix=False)
        [event] = logs.get_log_events(logGroupName="/opentelemetry/shop", logStreamName="default")["events"]
        assert 1_000_000 < len(event["message"]) <= 1 << 20
        body = json.loads(event["message"])["body"]
        pointer = json.loads(event["message"])["@ptr.$['body']['text']"]
        pieces = logs.get_log_object(logObjectPointer=pointer)["fieldStream"]
        assert body["text"] + b"".join(piece["fields"]["data"] for piece in pieces).decode() == text
        assert body["left"] == 3
        with raises(logs, "InvalidParameterException"):
            logs.get_log_object(logObjectPointer="nonsense")


@pytest.mark.parametrize("exporter", [pytest.param(logs_over_http, id="http"), pytest.param(logs_over_grpc, id="grpc")])
@pytest.mark.parametrize("named", [True, False])
def test_the_sdks_logs(server, exporter, named):
    logs = server.client("logs")
    group, stream = ("/otel/shop", "s") if named else ("/opentelemetry/shop", "default")
    if named:
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    headers = {"x-aws-log-group": group, "x-aws-log-stream": stream} if named else {}
    provider = LoggerProvider(RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter(server, headers=headers)))
    moment = time.time_ns()
    provider.get_logger("tests", "1.0").emit(
        LogRecord(
            timestamp=moment,
            severity_text="WARN",
            severity_number=SeverityNumber.WARN,
            body={"text": "stock low", "left": 3},
            attributes={"item": "tea", "sizes": [1, 2]},
        )
    )
    provider.shutdown()
    [event] = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert event["timestamp"] == moment // 1_000_000
    message = json.loads(event["message"])
    assert message["resource"]["attributes"] == {"service.name": "shop"}
    assert message["scope"] == {"name": "tests", "version": "1.0"}
    assert (message["timeUnixNano"], message["severityNumber"], message["severityText"]) == (moment, 13, "WARN")
    assert message["body"] == {"text": "stock low", "left": 3}
    assert message["attributes"] == {"item": "tea", "sizes": [1, 2]}


def test_logs_by_plain_http(server):
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/http")
    logs.create_log_stream(logGroupName="/http", logStreamName="s")
    now = int(time.time() * 1000)

    def send(path, body, status=200, **headers):
        request = urllib.request.Request(server.endpoint + path, data=body.encode(), headers={"content-type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert (answer.status, answer.read()) == (status, b"{}")
        except urllib.error.HTTPError as error:
            assert error.code == status, error.read()

    names = {"x-aws-log-group": "/http", "x-aws-log-stream": "s"}
    send("/ingest/json?logGroup=/http&logStream=s", json.dumps([{"timestamp": now - 4, "a": 1}, "skipped"]))
    send("/ingest/bulk", f'{{"timestamp":{now - 3}}}\n"text"\n', **names)
    send("/services/collector/event", f'{{"event":"Hello","time":{(now - 2) / 1000}}}{{"event":{{"b":2}},"time":{(now - 1) / 1000}}}', **names)
    send("/ingest/json?logGroup=/none&logStream=s", "{}", status=400)
    send("/ingest/json", "{", status=400, **names)
    events = logs.get_log_events(logGroupName="/http", logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in events] == [
        json.dumps({"timestamp": now - 4, "a": 1}),
        f'{{"timestamp":{now - 3}}}',
        "Hello",
        '{"b":2}',
        "text",
    ]
