"""Data protection of log groups: what is sensitive is masked as it comes in."""

import contextlib
import gzip
import http.server
import json
import threading
import time

import pytest

from server import Server, raises, until

GROUP = "/shop/web"
STREAM = {"logGroupName": GROUP, "logStreamName": "s"}
SECRET, MASKED = "order of jane@example.com from 10.1.2.3", "order of **************** from ********"


def policy(*identifiers, destination=None, custom=()):
    managed = [f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in identifiers]
    names = managed + [name for name, _ in custom]
    document = {
        "Name": "shop",
        "Version": "2021-06-01",
        "Statement": [
            {"Sid": "audit", "DataIdentifier": names, "Operation": {"Audit": {"FindingsDestination": destination or {}}}},
            {"Sid": "mask", "DataIdentifier": names, "Operation": {"Deidentify": {"MaskConfig": {}}}},
        ],
    }
    if custom:
        document["Configuration"] = {"CustomDataIdentifier": [{"Name": name, "Regex": regex} for name, regex in custom]}
    return json.dumps(document)


def put(logs, *messages):
    now = int(time.time() * 1000)
    logs.put_log_events(**STREAM, logEvents=[{"timestamp": now + n, "message": message} for n, message in enumerate(messages)])


def read(logs, **arguments):
    return [event["message"] for event in logs.get_log_events(**STREAM, startFromHead=True, **arguments)["events"]]


def make(logs):
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(**STREAM)


@pytest.fixture
def group(logs):
    make(logs)
    yield GROUP
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_account_policy(policyName="all", policyType="DATA_PROTECTION_POLICY")


def test_what_comes_in_is_masked_on_every_way_out(logs, group):
    put(logs, SECRET)
    answer = logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=policy("EmailAddress", "IpAddress"))
    assert answer["logGroupIdentifier"] == group
    put(logs, SECRET, "nothing to hide")
    assert read(logs) == [SECRET, MASKED, "nothing to hide"]
    assert read(logs, unmask=True) == [SECRET, SECRET, "nothing to hide"]

    def filtered(pattern, **arguments):
        events = logs.filter_log_events(logGroupName=group, filterPattern=pattern, **arguments)["events"]
        return [event["message"] for event in events]

    assert filtered("jane") == [SECRET]
    assert filtered("jane", unmask=True) == [SECRET, SECRET]
    assert filtered('"of ****"') == [MASKED]
    shown = logs.get_data_protection_policy(logGroupIdentifier=group)
    assert json.loads(shown["policyDocument"])["Name"] == "shop"
    assert logs.describe_log_groups()["logGroups"][0]["dataProtectionStatus"] == "ACTIVATED"
    logs.delete_data_protection_policy(logGroupIdentifier=group)
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier=group)
    put(logs, SECRET)
    assert read(logs) == [SECRET, MASKED, "nothing to hide", SECRET]


def test_escapes_of_json_hide_nothing(logs, group):
    logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=policy("EmailAddress", "IpAddress"))
    event = {"m": "from\n10.1.2.3\tby <jane@example.com>", "n": 7}
    # Go writes < as an escape, others @.
    text = json.dumps(event).replace("<", "\\u003c").replace("@", "\\u0040")
    nested = json.dumps({"log": text + "\n"})
    put(logs, text, nested)
    shown = read(logs)
    assert not any(secret in message for message in shown for secret in ("10.1.2.3", "jane", "example"))
    assert json.loads(shown[0])["n"] == 7 and json.loads(shown[1])["log"].endswith("\n")
    assert read(logs, unmask=True) == [text, nested]


def test_an_account_policy_holds_for_all_groups(logs, group):
    custom = [("Badge", r"B-\d{4}")]
    logs.put_account_policy(policyName="all", policyType="DATA_PROTECTION_POLICY", policyDocument=policy("EmailAddress", custom=custom))
    assert logs.describe_log_groups()["logGroups"][0]["inheritedProperties"] == ["ACCOUNT_DATA_PROTECTION"]
    logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=policy("IpAddress"))
    put(logs, SECRET + " with B-1234")
    assert read(logs) == [MASKED + " with ******"]
    logs.delete_account_policy(policyName="all", policyType="DATA_PROTECTION_POLICY")
    put(logs, SECRET)
    assert read(logs)[1] == "order of jane@example.com from ********"


def test_documents_that_are_no_policy_are_refused(logs, group):
    for document in ("{}", "no", policy("Nothing"), policy("EmailAddress", destination={"CloudWatchLogs": {"LogGroup": "nowhere"}}), policy(custom=[("EmailAddress", "a")])):
        with raises(logs, "InvalidParameterException"):
            logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=document)
        with raises(logs, "InvalidParameterException"):
            logs.put_account_policy(policyName="all", policyType="DATA_PROTECTION_POLICY", policyDocument=document)
    with raises(logs, "ResourceNotFoundException"):
        logs.put_data_protection_policy(logGroupIdentifier="nowhere", policyDocument=policy("EmailAddress"))


@contextlib.contextmanager
def endpoint():
    """An HTTP endpoint that takes Firehose's requests; its URL, and the bodies."""
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            request = json.loads(body)
            bodies.append(request)
            answer = json.dumps({"requestId": request["requestId"], "timestamp": int(time.time() * 1000)}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}/", bodies
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def test_findings_are_reported_and_survive_a_crash(tmp_path):
    data_dir = tmp_path / "data"
    with endpoint() as (url, bodies):
        environment = {"WATCHKEEP_DELIVERY_STREAMS": f"findings={url}"}
        with Server(data_dir=data_dir, environment=environment) as server:
            logs = server.client("logs")
            make(logs)
            logs.create_log_group(logGroupName="findings")
            destination = {"CloudWatchLogs": {"LogGroup": "findings"}, "Firehose": {"DeliveryStream": "findings"}}
            logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=policy("EmailAddress", destination=destination))
            put(logs, SECRET, "nothing")
            until(lambda: bodies)
            server.kill()
            server.start()
            logs = server.client("logs")
            assert read(logs) == ["order of **************** from 10.1.2.3", "nothing"]
            assert read(logs, unmask=True) == [SECRET, "nothing"]
            reports = logs.get_log_events(logGroupName="findings", logStreamName=GROUP)["events"]
            report = json.loads(reports[0]["message"])
            assert len(reports) == 1
            assert report["resourceArn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*"
            assert report["dataIdentifiers"] == [{"name": "EmailAddress", "count": 1, "detections": [{"start": 10, "end": 25}]}]
            assert not any(b"jane@example" in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


def test_events_with_findings_are_counted():
    now = int(time.time())
    with Server("--manual-clock", str(now * 1000)) as server:
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        make(logs)
        logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=policy("EmailAddress"))
        event = [{"timestamp": now * 1000 + n, "message": message} for n, message in enumerate([SECRET, SECRET, "nothing"])]
        logs.put_log_events(**STREAM, logEvents=event)
        server.admin("clock", advance_ms=120_000)
        dimensions = [{"Name": "DataProtectionOperation", "Value": "Audit"}, {"Name": "LogGroupName", "Value": GROUP}]

        def counted():
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/Logs", MetricName="LogEventsWithFindings", Dimensions=dimensions, Period=3600,
                StartTime=now - 7200, EndTime=now + 7200, Statistics=["Sum"],
            )["Datapoints"]
            return [point["Sum"] for point in points]

        until(lambda: counted() == [2.0])
