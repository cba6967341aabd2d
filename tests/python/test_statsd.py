"""StatsD's packets by UDP, as any StatsD client sends them."""

import datetime as dt
import socket

from server import Server, free_port, until


def test_packets_become_metrics(tmp_path):
    port = free_port()
    environment = {
        "WATCHKEEP_AGENT_LOG_FILES": str(tmp_path / "*.log"),
        "WATCHKEEP_AGENT_STATSD_LISTEN": f"127.0.0.1:{port}",
        "WATCHKEEP_AGENT_STATSD_INTERVAL": "1",
        "WATCHKEEP_AGENT_STATSD_AGGREGATION": "0",
    }
    with Server("--xray-listen", f"127.0.0.1:{free_port()}", command="up", data_dir=tmp_path / "data", environment=environment) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            lines = ["api.hits:1|c", "api.hits:1|c|@0.1", "api.hits:2|c|#env:prod", "lat:320|ms:80|ms|@0.5", "users:bob|s:amy|s", "x:1|z"]
            client.sendto("\n".join(lines).encode(), ("127.0.0.1", port))
        cloudwatch = server.client("cloudwatch")

        def found():
            metrics = cloudwatch.list_metrics(Namespace="CWAgent", Dimensions=[{"Name": "metric_type"}])["Metrics"]
            shown = {}
            for metric in metrics:
                dimensions = {d["Name"]: d["Value"] for d in metric["Dimensions"]}
                shown[metric["MetricName"], dimensions["metric_type"], dimensions.get("env")] = metric["Dimensions"]
            return shown if len(shown) == 4 else None

        metrics = until(found)
        assert set(metrics) == {("api_hits", "counter", None), ("api_hits", "counter", "prod"), ("lat", "timing", None), ("users", "set", None)}
        now = dt.datetime.now(dt.timezone.utc)

        def read(name, kind, env=None):
            answer = cloudwatch.get_metric_statistics(
                Namespace="CWAgent",
                MetricName=name,
                Dimensions=metrics[name, kind, env],
                StartTime=now - dt.timedelta(minutes=15),
                EndTime=now + dt.timedelta(minutes=15),
                Period=1800,
                Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
            )
            (point,) = answer["Datapoints"]
            return [point[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum")]

        assert read("api_hits", "counter") == [1, 11, 11, 11]
        assert read("api_hits", "counter", "prod") == [1, 2, 2, 2]
        assert read("lat", "timing") == [3, 480, 80, 320]
        assert read("users", "set") == [1, 2, 2, 2]
