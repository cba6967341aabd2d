"""The Prometheus API: PromQL over what stock clients put, remote write of both versions, and a real Prometheus that writes."""

import datetime as dt
import struct
import time

import pytest
import requests

from prometheus import Prometheus, needs_prometheus
from remote_write import send, write_v1, write_v2
from server import KEY_ID, SECRET, Server, free_port, until

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def get(server, path, method="GET", status=200, **parameters):
    url = f"{server.endpoint}/prometheus/api/v1/{path}"
    if method == "POST":
        answer = requests.post(url, data=parameters, timeout=30)
    else:
        answer = requests.get(url, params=parameters, timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json" and answer.headers["x-amzn-requestid"]
    return answer.json()


def values(server, query, **parameters):
    """An instant query's values by the label `k`."""
    result = get(server, "query", method="POST", query=query, **parameters)["data"]["result"]
    return {row["metric"].get("k"): float(row["value"][1]) for row in result}


def now_ms():
    return int(time.time()) * 1000


def test_metrics_of_cloudwatch_are_queried(server):
    cloudwatch = server.client("cloudwatch")
    data = [{"MetricName": "Latency", "Dimensions": [{"Name": "k", "Value": "a"}], "StorageResolution": 1, "Values": [10.0, 30.0]}]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    assert values(server, 'Latency{namespace="Shop"}') == {"a": 20.0}
    assert values(server, 'Latency{stat="Sum"}') == {"a": 40.0}
    assert values(server, "histogram_count(Latency)") == {"a": 2.0}
    assert values(server, 'Latency{stat="Maximum"} - ignoring(stat) Latency{stat="Minimum"}') == {"a": 20.0}
    assert values(server, '{__name__=~"Lat.*",k!="b"} > 100') == {}
    labels = {"__name__": "Latency", "namespace": "Shop", "k": "a"}
    assert get(server, "series", **{"match[]": "Latency"})["data"] == [labels]
    assert get(server, "labels")["data"] == ["__name__", "k", "namespace", "stat"]
    assert get(server, "label/k/values", method="GET", **{"match[]": 'Latency{namespace="Shop"}'})["data"] == ["a"]


def test_what_grafana_asks_first(server):
    assert get(server, "query", method="POST", query="1+1", time="4")["data"] == {"resultType": "scalar", "result": [4, "2"]}
    assert get(server, "status/buildinfo")["data"]["version"]
    assert get(server, "metadata")["data"] == {}
    assert get(server, "rules")["data"] == {"groups": []}
    error = get(server, "query", status=400, query="sum(")
    assert error == {
        "status": "error",
        "errorType": "bad_data",
        "error": 'invalid parameter "query": 1:5: parse error: unexpected end of input',
    }
    # CloudWatch's own PromQL has no prefix.
    assert requests.get(f"{server.endpoint}/api/v1/query", params={"query": "2"}, timeout=30).json()["status"] == "success"


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_written_is_read(server, version):
    write, proto = {1: (write_v1, None), 2: (write_v2, "io.prometheus.write.v2.Request")}[version]
    end = now_ms()
    rising = [(float(100 + place * 15), end - (20 - place) * 15_000) for place in range(21)]
    written = write(
        ({"__name__": "requests_total", "k": "a", "job": "x"}, rising),
        ({"__name__": "temperature", "k": "b"}, [(21.5, end - 60_000), (float("nan"), end)]),
        ({"__name__": "temperature", "k": "c"}, [(19.0, end - 60_000), (STALE, end)]),
    )
    answer = send(server, written, proto)
    assert (answer.status_code, answer.headers["X-Prometheus-Remote-Write-Samples-Written"]) == (204, "25")
    at = {"time": str(end // 1000)}
    assert values(server, "rate(requests_total[2m])", **at) == pytest.approx({"a": 1.0})
    assert values(server, "temperature", time=str(end // 1000 - 60)) == {"b": 21.5, "c": 19.0}
    assert str(values(server, "temperature", **at)) == "{'b': nan}"
    result = get(server, "query_range", query="requests_total", start=end // 1000 - 30, end=end // 1000, step="15s")["data"]["result"]
    assert result == [{
        "metric": {"__name__": "requests_total", "k": "a", "job": "x"},
        "values": [[end // 1000 - 30, "370"], [end // 1000 - 15, "385"], [end // 1000, "400"]],
    }]
    # The same through CloudWatch.
    dimensions = [{"Name": "k", "Value": "a"}, {"Name": "job", "Value": "x"}]
    maximum = server.client("cloudwatch").get_metric_statistics(
        Namespace="Prometheus", MetricName="requests_total", Dimensions=dimensions, Statistics=["Maximum"], Period=3600,
        StartTime=dt.datetime.fromtimestamp(end / 1000 - 3600), EndTime=dt.datetime.fromtimestamp(end / 1000 + 60),
    )
    assert max(point["Maximum"] for point in maximum["Datapoints"]) == 400.0
    if version == 2:
        told = get(server, "metadata", metric="temperature")["data"]["temperature"]
        assert told == [{"type": "gauge", "help": "How warm it is.", "unit": ""}]


def test_what_cannot_be_written_is_told(server):
    end = now_ms()
    good, old = ({"__name__": "m", "k": "a"}, [(1.0, end)]), ({"__name__": "m", "k": "b"}, [(1.0, end - 15 * 86_400_000)])
    answer = send(server, write_v1(good, old), path="/prometheus/api/v1/write")
    assert answer.status_code == 400 and "1 of 2 samples were refused" in answer.text and "two weeks" in answer.text
    assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
    assert values(server, "m") == {"a": 1.0}
    assert send(server, write_v1(good), "io.prometheus.write.v9.Request").status_code == 415
    body = requests.post(f"{server.endpoint}/api/v1/write", data=b"garbage", timeout=30)
    assert body.status_code == 400 and body.headers["X-Prometheus-Remote-Write-Samples-Written"] == "0"


def test_keys_are_asked_for(tmp_path):
    environment = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}
    with Server("--auth", "enforced", data_dir=tmp_path / "data", environment=environment) as server:
        written = write_v1(({"__name__": "m", "k": "a"}, [(1.0, now_ms())]))
        assert send(server, written).status_code == 401
        assert send(server, written, auth=(KEY_ID, SECRET + "x")).status_code == 401
        assert send(server, written, auth=(KEY_ID, SECRET)).status_code == 204
        url = f"{server.endpoint}/prometheus/api/v1/query"
        refused = requests.get(url, params={"query": "m"}, timeout=30)
        assert refused.status_code == 401 and refused.json()["status"] == "error"
        answer = requests.get(url, params={"query": "m"}, auth=(KEY_ID, SECRET), timeout=30).json()
        assert len(answer["data"]["result"]) == 1


def test_samples_survive_a_kill(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        end = now_ms()
        assert send(server, write_v1(({"__name__": "m", "k": "a"}, [(7.0, end)]))).status_code == 204
        server.kill()
        server.start()
        assert values(server, "m", time=str(end // 1000)) == {"a": 7.0}


@needs_prometheus
def test_a_prometheus_writes_and_agrees(server, tmp_path):
    port = free_port()
    configuration = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: self
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write:
  - url: {server.endpoint}/api/v1/remote_write
    queue_config: {{batch_send_deadline: 1s}}
    metadata_config: {{send_interval: 1s}}
"""
    with Prometheus(tmp_path, configuration, port=port) as prometheus:
        until(lambda: values(server, "count_over_time(up[1m])").get(None, 0) >= 12, seconds_max=60, every=0.5)

        def both(query, **parameters):
            theirs = requests.get(f"{prometheus.endpoint}/api/v1/query", params={"query": query, **parameters}, timeout=30).json()
            ours = get(server, "query", query=query, **parameters)

            def rows(answer):
                return {str(sorted(row["metric"].items())): row["value"][1] for row in answer["data"]["result"]}

            return rows(theirs), rows(ours)

        at = {"time": str(time.time() - 3)}
        exact = [
            "count(go_info)",
            "up",
            "count by (__name__) ({job='self'})",
            "count({__name__=~'prometheus_tsdb.*'})",
            "prometheus_build_info * 2",
            "histogram_quantile(0.9, sum by (le) (prometheus_http_request_duration_seconds_bucket)) >= bool 0",
            "topk(1, up)",
            "label_replace(up, 'host', '$1', 'instance', '(.*):.*')",
            "sum without (instance) (up) and on(job) up",
            "absent(nonesuch{a='b'})",
        ]
        for query in exact:
            theirs, ours = both(query, **at)
            assert theirs == ours and theirs, query
        # Times are kept to the second: rates differ by what that moves them.
        near = ["sum(rate(prometheus_tsdb_head_samples_appended_total[10s]))", "avg_over_time(go_goroutines[8s])"]
        for query in near:
            theirs, ours = both(query, **at)
            assert theirs.keys() == ours.keys() and theirs, query
            assert all(float(ours[key]) == pytest.approx(float(theirs[key]), rel=0.3) for key in theirs), (query, theirs, ours)
        told = until(lambda: get(server, "metadata", metric="go_goroutines")["data"])
        assert told["go_goroutines"][0]["type"] == "gauge"
