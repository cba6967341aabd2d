"""Metric streams, out of a real server into a receiver of Firehose's HTTP requests."""

import base64
import datetime as dt
import gzip
import http.server
import json
import threading
import time

import pytest
from botocore.exceptions import ClientError

from server import Server

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
FIREHOSE = "arn:aws:firehose:us-east-1:000000000000:deliverystream/metrics"
ROLE = "arn:aws:iam::000000000000:role/stream"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what Firehose sends; answers 500 while it is down."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.records, self.headers, self.down = [], [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/firehose"

    def lines(self):
        """The metrics received, but for the streams' and the server's own."""
        text = b"".join(self.records).decode()
        return [line for line in map(json.loads, text.splitlines()) if not line["namespace"].startswith("AWS/")]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(gzip.decompress(self.rfile.read(int(self.headers["content-length"]))))
        if self.server.down:
            return self.send_error(500)
        self.server.headers.append(dict(self.headers))
        self.server.records += [base64.b64decode(record["data"]) for record in body["records"]]
        answer = json.dumps({"requestId": body["requestId"], "timestamp": body["timestamp"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.shutdown()


def serve(receiver, data_dir):
    environment = {
        "WATCHKEEP_DELIVERY_STREAMS": f"metrics={receiver.url}",
        "WATCHKEEP_DELIVERY_ACCESS_KEYS": "metrics=s3cret",
    }
    clock = str(int(START.timestamp() * 1000))
    return Server("--manual-clock", clock, data_dir=data_dir, environment=environment)


def put(server, minute, value, **more):
    at = START + dt.timedelta(minutes=minute)
    datum = {"MetricName": "Load", "Timestamp": at, "Value": value, "Dimensions": [{"Name": "Host", "Value": "h1"}]}
    server.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[datum | more])


def pass_until(server, done):
    """Passes minutes until something holds."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "nothing came"
        server.admin("clock", advance_ms=20_000)
        time.sleep(0.05)


def put_stream(server, output_format, **more):
    server.client("cloudwatch").put_metric_stream(
        Name="all", FirehoseArn=FIREHOSE, RoleArn=ROLE, OutputFormat=output_format, **more
    )


def test_json_lines_arrive_and_survive_an_outage_and_a_crash(receiver, tmp_path):
    with serve(receiver, tmp_path / "data") as server:
        statistics = [
            {"IncludeMetrics": [{"Namespace": "Shop", "MetricName": "Load"}], "AdditionalStatistics": ["p50"]}
        ]
        put_stream(server, "json", StatisticsConfigurations=statistics)
        put(server, 0, 2.0, Unit="Count")
        put(server, 0, 4.0, Unit="Count")
        pass_until(server, receiver.lines)
        [line] = receiver.lines()
        assert line == {
            "metric_stream_name": "all",
            "account_id": "000000000000",
            "region": "us-east-1",
            "namespace": "Shop",
            "metric_name": "Load",
            "dimensions": {"Host": "h1"},
            "timestamp": int(START.timestamp() * 1000),
            "value": {"max": 4.0, "min": 2.0, "sum": 6.0, "count": 2.0, "p50": 2.0},
            "unit": "Count",
        }
        headers = {name.lower(): value for name, value in receiver.headers[0].items()}
        assert headers["x-amz-firehose-source-arn"] == FIREHOSE
        assert headers["x-amz-firehose-access-key"] == "s3cret"
        receiver.down = True
        put(server, 1, 5.0)
        server.kill()
        receiver.down = False
        server.start()
        put(server, 2, 7.0)
        pass_until(server, lambda: {5.0, 7.0} <= {line["value"]["sum"] for line in receiver.lines()})


def test_opentelemetry_arrives(receiver, tmp_path):
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    def requests():
        for record in receiver.records:
            length, shift, place = 0, 0, 0
            while True:
                byte = record[place]
                length, shift, place = length | (byte & 127) << shift, shift + 7, place + 1
                if byte < 128:
                    break
            assert place + length == len(record)
            yield ExportMetricsServiceRequest.FromString(record[place:])

    def loads():
        for request in requests():
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == "amazonaws.com/Shop/Load":
                            yield resource, metric

    with serve(receiver, tmp_path / "data") as server:
        put_stream(server, "opentelemetry1.0", IncludeFilters=[{"Namespace": "Shop"}])
        put(server, 0, 2.0, Unit="Milliseconds")
        put(server, 0, 4.0, Unit="Milliseconds")
        pass_until(server, lambda: list(loads()))
        [(resource, metric)] = loads()
        attributes = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
        assert attributes == {
            "cloud.provider": "aws",
            "cloud.account.id": "000000000000",
            "cloud.region": "us-east-1",
            "aws.exporter.arn": "arn:aws:cloudwatch:us-east-1:000000000000:metric-stream/all",
        }
        [point] = metric.summary.data_points
        assert (metric.unit, point.count, point.sum) == ("ms", 2, 6.0)
        assert [(value.quantile, value.value) for value in point.quantile_values] == [(0.0, 2.0), (1.0, 4.0)]
        assert point.time_unix_nano - point.start_time_unix_nano == 60 * 10**9
        values = {attribute.key: attribute.value for attribute in point.attributes}
        assert values["Namespace"].string_value == "Shop"
        dimensions = {pair.key: pair.value.string_value for pair in values["Dimensions"].kvlist_value.values}
        assert dimensions == {"Host": "h1"}


def test_a_stream_has_a_life(receiver, tmp_path):
    with serve(receiver, tmp_path / "data") as server:
        cloudwatch = server.client("cloudwatch")
        put_stream(server, "json", Tags=[{"Key": "team", "Value": "shop"}])
        stream = cloudwatch.get_metric_stream(Name="all")
        assert (stream["State"], stream["OutputFormat"]) == ("running", "json")
        tags = cloudwatch.list_tags_for_resource(ResourceARN=stream["Arn"])["Tags"]
        assert tags == [{"Key": "team", "Value": "shop"}]
        cloudwatch.stop_metric_streams(Names=["all"])
        assert [entry["State"] for entry in cloudwatch.list_metric_streams()["Entries"]] == ["stopped"]
        cloudwatch.start_metric_streams(Names=["all"])
        cloudwatch.delete_metric_stream(Name="all")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            cloudwatch.get_metric_stream(Name="all")
        with pytest.raises(ClientError, match="does not exist"):
            cloudwatch.put_metric_stream(
                Name="other", FirehoseArn=f"{FIREHOSE}-other", RoleArn=ROLE, OutputFormat="json"
            )


def test_a_bucket_gets_objects_by_the_hour(s3, tmp_path):
    endpoint, client = s3
    environment = {
        "WATCHKEEP_DELIVERY_STREAMS": "metrics=s3://segments/archive/metrics",
        "WATCHKEEP_DELIVERY_BUCKET_ENDPOINT": endpoint,
        "WATCHKEEP_DELIVERY_BUCKET_ACCESS_KEY_ID": "bucketkey",
        "WATCHKEEP_DELIVERY_BUCKET_SECRET_ACCESS_KEY": "bucketsecret",
    }
    clock = str(int(START.timestamp() * 1000))

    def lines():
        keys = [found["Key"] for found in client.list_objects_v2(Bucket="segments").get("Contents", [])]
        assert all(key.startswith("archive/metrics/2026/01/01/00/metrics-1-2026-01-01-00-") for key in keys), keys
        text = b"".join(client.get_object(Bucket="segments", Key=key)["Body"].read() for key in keys).decode()
        return [line for line in map(json.loads, text.splitlines()) if not line["namespace"].startswith("AWS/")]

    with Server("--manual-clock", clock, data_dir=tmp_path / "data", environment=environment) as server:
        put_stream(server, "json")
        put(server, 0, 2.0)
        pass_until(server, lines)
        put(server, 1, 3.0)
        pass_until(server, lambda: len(lines()) == 2)
        assert sorted(line["value"]["sum"] for line in lines()) == [2.0, 3.0]
