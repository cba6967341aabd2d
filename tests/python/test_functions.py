"""LAMBDA in metric math: a custom data source behind HTTP, called as Lambda calls a function."""

import contextlib
import datetime as dt
import http.server
import json
import threading

from server import Server, raises

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


@contextlib.contextmanager
def function(answer):
    """An HTTP server that answers each POST by what `answer` makes of its JSON; its URL, and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(event)
            body = json.dumps(answer(event)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}/2015-03-31/functions/function/invocations", asked
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def test_a_function_is_a_data_source():
    def answer(event):
        request = event["GetMetricDataRequest"]
        if not request["Arguments"]:
            return {"Error": {"Code": "Validation", "Value": "which query?"}}
        if request["Arguments"] == ["secret"]:
            return {"Error": {"Code": "Forbidden", "Value": "not for you"}}
        times = range(request["StartTime"], request["EndTime"], request["Period"])
        return {"MetricDataResults": [{"Label": str(request["Arguments"]), "Timestamps": list(times), "Values": [1.5 for _ in times]}]}

    with function(answer) as (url, asked):
        environment = {"WATCHKEEP_DELIVERY_FUNCTIONS": f"prometheus={url},gone=http://127.0.0.1:9"}
        with Server("--manual-clock", str(int((START + dt.timedelta(hours=1)).timestamp() * 1000)), environment=environment) as server:
            cloudwatch = server.client("cloudwatch")

            def get(*expressions):
                queries = [{"Id": f"e{number}", "Expression": text, "Period": 300} for number, text in enumerate(expressions)]
                return cloudwatch.get_metric_data(
                    MetricDataQueries=queries, StartTime=START, EndTime=START + dt.timedelta(minutes=15), ScanBy="TimestampAscending"
                )["MetricDataResults"]

            direct, doubled = get("LAMBDA('prometheus:live', 'up{job=\"a\"}', 2.5, true)", "SUM(e0) * 2")
            assert (direct["Label"], direct["Values"], direct["StatusCode"]) == ("['up{job=\"a\"}', 2.5, True]", [1.5] * 3, "Complete")
            assert doubled["Values"] == [3.0] * 3
            start = int(START.timestamp())
            request = {"StartTime": start, "EndTime": start + 900, "Period": 300, "Arguments": ['up{job="a"}', 2.5, True]}
            assert asked == [{"EventType": "GetMetricData", "GetMetricDataRequest": request}]
            [forbidden] = get("LAMBDA('prometheus', 'secret')")
            assert (forbidden["StatusCode"], forbidden["Values"]) == ("Forbidden", [])
            assert forbidden["Messages"] == [{"Code": "Forbidden", "Value": "not for you"}]
            [gone] = get("LAMBDA('gone', 'x')")
            assert gone["StatusCode"] == "InternalError"
            with raises(cloudwatch, "ValidationError", "which query?"):
                get("LAMBDA('prometheus')")
            with raises(cloudwatch, "ValidationError"):
                get("LAMBDA('absent', 'x')")
