"""PromQL and the rest of the query API beside a Prometheus that has the same samples: what both are asked, both answer alike.

Among what is asked is all that Grafana's data source for Prometheus asks for, in the form in which it does.
"""

import math
import subprocess
import time

import pytest
import requests

from prometheus import Prometheus, needs_prometheus, promtool
from remote_write import send, write_v1
from server import Server

pytestmark = needs_prometheus

# A sample every 15 seconds, for an hour that ends a little before now. None is at a whole quarter of a minute, where subqueries
# look: versions of Prometheus differ by what is at the very beginning of a range.
STEP, COUNT = 15, 240
BASE = (int(time.time()) - STEP * COUNT) // STEP * STEP - 60 + 4
AT = BASE + 3000 + 3


def samples():
    """Series as (labels, [(value, seconds)]), grouped by metric: counters that reset, gauges, a histogram, gaps."""
    times = [BASE + place * STEP for place in range(COUNT)]
    for job, instance, code in [(job, i, code) for job in ("api", "web") for i in range(3) for code in ("200", "500")]:
        rise = 3 + 2 * instance + (40 if code == "200" else 0) + (7 if job == "web" else 0)
        # Each counter begins anew at a place of its own.
        reset = 40 + 30 * instance
        values = [rise * (place % reset if job == "api" else place) + place % 3 for place in range(COUNT)]
        yield {"__name__": "http_requests_total", "job": job, "instance": f"i-{instance}", "code": code}, list(zip(values, times))
    for room, warmth in [("kitchen", 21.5), ("cellar", -3.25), ("attic", 0)]:
        values = [warmth + 5 * math.sin(place / 9) for place in range(COUNT)]
        yield {"__name__": "temperature_celsius", "room": room}, list(zip(values, times))
    # Nothing for twelve minutes: longer than a sample is looked back for.
    yield {"__name__": "flaky", "kind": "gap"}, [(place, at) for place, at in enumerate(times) if not 100 < place < 150]
    yield {"__name__": "flaky", "kind": "late"}, [(2.5, at) for at in times[180:]]
    for job in ("api", "web"):
        for le, share in [("0.1", 4), ("0.5", 9), ("1", 11), ("+Inf", 12)]:
            values = [share * place * (2 if job == "web" else 1) for place in range(COUNT)]
            yield {"__name__": "request_seconds_bucket", "job": job, "le": le}, list(zip(values, times))
        yield {"__name__": "request_seconds_count", "job": job}, [(12 * place, at) for place, at in enumerate(times)]
        yield {"__name__": "request_seconds_sum", "job": job}, [(3.5 * place, at) for place, at in enumerate(times)]
    yield {"__name__": "build_info", "job": "api", "version": "1.2.3", "text": 'a "quoted" \\ line'}, [(1, at) for at in times]


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def open_metrics():
    """The samples as OpenMetrics' text."""
    lines = []
    for labels, points in samples():
        inside = ",".join(f'{name}="{quoted(value)}"' for name, value in labels.items() if name != "__name__")
        lines += [f"{labels['__name__']}{{{inside}}} {value!r} {at}" for value, at in points]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A server and a Prometheus with the same samples."""
    folder = tmp_path_factory.mktemp("promql")
    with Server(data_dir=folder / "server") as server, Prometheus(folder, samples=open_metrics()) as prometheus:
        for labels, points in samples():
            written = write_v1((labels, [(float(value), at * 1000) for value, at in points]))
            assert send(server, written).status_code == 204
        yield f"{server.endpoint}/prometheus", prometheus.endpoint


def ask(endpoint, path, method="GET", **parameters):
    where = {"data": parameters} if method == "POST" else {"params": parameters}
    answer = requests.request(method, f"{endpoint}/api/v1/{path}", timeout=60, **where).json()
    assert answer["status"] == "success", (path, parameters, answer)
    return answer["data"]


def agree(one, other):
    """Whether two values are the same to what arithmetic in another order changes."""
    if isinstance(one, str):
        try:
            one, other = float(one), float(other)
        except ValueError:
            return one == other
        if one == other or (math.isnan(one) and math.isnan(other)):
            return True
        # What should be 0 may be a remainder.
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(agree, one, other))
    return one == other


def rows(answer, ordered):
    """What a query found, by labels or, where the order says something, in order."""
    if answer["resultType"] in ("scalar", "string"):
        return answer["result"]
    listed = [[sorted(map(list, row["metric"].items())), row.get("value") or row["values"]] for row in answer["result"]]
    return listed if ordered else sorted(listed, key=lambda row: row[0])


OVER_TIME = ["avg", "min", "max", "sum", "count", "stddev", "stdvar", "last", "present"]
SIMPLE = ["abs", "ceil", "exp", "floor", "ln", "log10", "log2", "round", "sgn", "sin", "sqrt", "cos", "tanh", "atan", "deg", "rad"]
DATES = ["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"]
AGGREGATES = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
OPERATORS = ["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<=", "> bool", "== bool"]
QUERIES = [
    "1 + 2 * 3 ^ 2 ^ 0.5 % 4",
    "-temperature_celsius",
    '"a text"',
    "time()",
    "pi()",
    "http_requests_total",
    'http_requests_total{code!="200",instance=~"i-[01]"}',
    '{__name__=~"request_seconds_.*",job!~"a.*"}',
    "build_info",
    "flaky",
    "flaky offset 10m",
    "http_requests_total offset -2m",
    f"http_requests_total @ {BASE + 900}",
    "http_requests_total @ start()",
    "temperature_celsius[2m]",
    "rate(http_requests_total[5m])",
    "rate(http_requests_total[5m] offset 7m)",
    "irate(http_requests_total[2m])",
    "increase(http_requests_total[31m])",
    "delta(temperature_celsius[10m])",
    "idelta(temperature_celsius[10m])",
    "deriv(temperature_celsius[10m])",
    "predict_linear(temperature_celsius[10m], 3600)",
    "changes(temperature_celsius[10m])",
    "resets(http_requests_total[40m])",
    "quantile_over_time(0.9, temperature_celsius[20m])",
    "absent_over_time(nonesuch[5m])",
    'absent(nonesuch{job="x",code=~"5.."})',
    "rate(flaky[30m])",
    "increase(flaky[3m])",
    "max_over_time(rate(http_requests_total[2m])[20m:1m])",
    "avg_over_time(temperature_celsius[20m:30s] offset 3m)",
    "min_over_time(sum(rate(http_requests_total[1m]))[10m:])",
    "clamp(temperature_celsius, -1, 3)",
    "clamp_min(temperature_celsius, 2)",
    "clamp_max(temperature_celsius, 2)",
    "round(temperature_celsius, 0.25)",
    "scalar(build_info) + 1",
    "scalar(temperature_celsius)",
    "vector(3)",
    "timestamp(flaky)",
    "sort(temperature_celsius)",
    "sort_desc(temperature_celsius)",
    'label_join(build_info, "both", "-", "job", "version", "nothing")',
    'label_replace(build_info, "major", "$1", "version", "([0-9]+).*")',
    'label_replace(build_info, "job", "", "job", ".*")',
    "histogram_quantile(0.5, rate(request_seconds_bucket[5m]))",
    "histogram_quantile(0.99, sum by (le) (rate(request_seconds_bucket[5m])))",
    "histogram_quantile(1.5, request_seconds_bucket)",
    "rate(request_seconds_sum[5m]) / rate(request_seconds_count[5m])",
    "sum by (job, code) (rate(http_requests_total[5m]))",
    "sum without (instance, code) (http_requests_total)",
    "sum by (nothing) (http_requests_total)",
    "topk(2, http_requests_total)",
    'bottomk by (job) (1, http_requests_total{code="500"})',
    "quantile by (job) (0.7, http_requests_total)",
    'count_values("value", ceil(temperature_celsius))',
    'http_requests_total{code="500"} / ignoring(code) http_requests_total{code="200"}',
    'http_requests_total{job="web"} / on(instance, code) http_requests_total{job="api"}',
    "http_requests_total * on(job) group_left(version) build_info",
    "build_info * on(job) group_right(text) http_requests_total",
    'http_requests_total and http_requests_total{code="500"}',
    "http_requests_total unless on(job) build_info",
    "http_requests_total unless on(job) temperature_celsius",
    'temperature_celsius{room="attic"} or flaky or vector(1)',
    "temperature_celsius > 0 and temperature_celsius < 30",
    # Older versions keep the metric's name here.
    "sum by (job, code) (http_requests_total) atan2 sum by (job, code) (http_requests_total offset 1m)",
    "sum(rate(http_requests_total{code=~'5..'}[5m])) / sum(rate(http_requests_total[5m])) * 100",
    "hour(vector(1136239445))",
    *[f"{function}_over_time(flaky[20m])" for function in OVER_TIME],
    *[f"{function}(temperature_celsius)" for function in SIMPLE],
    *[f"{function}()" for function in DATES],
    *[f"{function} by (job) (http_requests_total)" for function in AGGREGATES],
    *[f"http_requests_total {operator} on(instance, job, code) (http_requests_total offset 1m)" for operator in OPERATORS],
    *[f"temperature_celsius {operator} 2" for operator in OPERATORS],
]
# Sorted by what the query says; elsewhere the order says nothing.
ORDERED = ("sort", "topk", "bottomk")
# What has no matrix.
NOT_OF_RANGES = ('"a text"', "temperature_celsius[2m]")
# What is found nowhere.
EMPTY = (
    "scalar(temperature_celsius)",
    "http_requests_total unless on(job) build_info",
    "temperature_celsius == 2",
    "http_requests_total == on(instance, job, code) (http_requests_total offset 1m)",
)


@pytest.mark.parametrize("query", QUERIES)
def test_both_find_the_same(pair, query):
    ordered = query.startswith(ORDERED)
    for at in (AT, AT - 1200):
        ours, theirs = (rows(ask(endpoint, "query", "POST", query=query, time=at), ordered) for endpoint in pair)
        assert theirs or query in EMPTY or at != AT, "the query tests nothing"
        assert agree(ours, theirs), (at, ours, theirs)
    if query in NOT_OF_RANGES:
        return
    span = {"start": AT - 2400, "end": AT + 600, "step": 60}
    ours, theirs = (rows(ask(endpoint, "query_range", "POST", query=query, **span), False) for endpoint in pair)
    assert agree(ours, theirs), (ours, theirs)


WRONG = ["sum(", "rate(http_requests_total)", "nonesuch_function(up)", "up[5m] + 1", "up{a=}", "1 == 1", "", "http_requests_total + on(job) http_requests_total"]


@pytest.mark.parametrize("query", WRONG)
def test_both_refuse_the_same(pair, query):
    def refusal(endpoint):
        answer = requests.post(f"{endpoint}/api/v1/query", data={"query": query, "time": AT}, timeout=60)
        return answer.status_code, answer.json()["status"], answer.json()["errorType"]

    ours, theirs = map(refusal, pair)
    assert ours == theirs


SPAN = {"start": str(BASE - 4), "end": str(BASE - 4 + 3600)}
# What Grafana's data source asks for while a dashboard is set up: (path, method, parameters).
GRAFANA = [
    ("labels", "POST", {**SPAN, "match[]": '{job="api"}'}),
    ("labels", "GET", {**SPAN, "match[]": "temperature_celsius"}),
    ("label/__name__/values", "GET", {**SPAN, "match[]": '{job=~"api|web"}'}),
    ("label/room/values", "GET", {**SPAN, "match[]": "temperature_celsius"}),
    ("label/job/values", "GET", {**SPAN, "match[]": '{__name__=~"http_.*",code="500"}', "limit": "40000"}),
    ("label/nothing/values", "GET", {**SPAN, "match[]": '{job="api"}'}),
    ("series", "POST", {**SPAN, "match[]": 'http_requests_total{code="500"}'}),
    ("series", "GET", {**SPAN, "match[]": '{room!=""}'}),
    ("query_exemplars", "POST", {**SPAN, "query": "rate(http_requests_total[1m])"}),
    ("rules", "GET", {}),
    ("metadata", "GET", {"limit": "1000"}),
    ("query", "POST", {"query": "1+1", "time": str(AT)}),
    ("query_range", "POST", {**SPAN, "query": "sum(rate(http_requests_total[1m0s]))", "step": "15"}),
    ("query_range", "POST", {**SPAN, "query": "temperature_celsius", "step": "15.0", "timeout": "30s"}),
    ("format_query", "POST", {"query": "sum by(job)(rate(http_requests_total{code=~'5..'}[5m]))>1"}),
]


@pytest.mark.parametrize(("path", "method", "parameters"), GRAFANA)
def test_what_grafana_asks_for_is_answered_alike(pair, path, method, parameters):
    def known(data):
        if path == "series":
            return sorted(data, key=str)
        return {"resultType": data["resultType"], "result": rows(data, False)} if path.startswith("query") and "result" in data else data

    ours, theirs = (known(ask(endpoint, path, method, **parameters)) for endpoint in pair)
    if isinstance(theirs, dict) and "result" in theirs:
        assert agree(ours["result"], theirs["result"]) and ours["resultType"] == theirs["resultType"] and theirs["result"]
    else:
        assert ours == theirs


def test_grafana_learns_the_version(pair):
    ours, theirs = (ask(endpoint, "status/buildinfo") for endpoint in pair)
    assert ours.keys() >= theirs.keys() and all(part.isdigit() for part in ours["version"].split("."))


def test_promtool_reads_what_it_reads_of_prometheus(pair):
    query = ["sum by (job) (increase(request_seconds_count[5m]))"]
    for arguments, last in [
        (["instant", f"--time={AT}"], query),
        (["range", f"--start={AT - 600}", f"--end={AT}", "--step=1m"], query),
        (["series", '--match={job="api"}', f"--start={BASE}", f"--end={AT}"], []),
        (["labels", '--match=temperature_celsius', f"--start={BASE}", f"--end={AT}"], ["room"]),
    ]:
        def run(endpoint):
            done = subprocess.run([promtool(), "query", *arguments, endpoint, *last], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return sorted(done.stdout.splitlines())

        ours, theirs = map(run, pair)
        assert ours == theirs and theirs
