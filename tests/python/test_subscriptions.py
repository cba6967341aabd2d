"""Subscriptions of log groups, out of a real server into streams, functions, a delivery stream's endpoint and a search domain."""

import base64
import datetime as dt
import gzip
import http.server
import json
import threading
import time

import pytest

from server import Server, raises, until
from test_streams import Receiver as FirehoseReceiver

ROLE = "arn:aws:iam::000000000000:role/logs"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
FIREHOSE = "arn:aws:firehose:us-east-1:000000000000:deliverystream/logs"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
SEARCH = "arn:aws:lambda:us-east-1:000000000000:function:search"


class Domain(http.server.ThreadingHTTPServer):
    """Takes `_bulk` as OpenSearch does, and looks at every line. Documents lie under index and id."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), DomainHandler)
        self.documents, self.taken, self.busy, self.down, self.wrong = {}, 0, set(), False, []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def bulk(self, body):
        items = []
        if not body.endswith(b"\n"):
            self.wrong.append("the body does not end with a line break")
        lines = body.decode().split("\n")[:-1]
        if len(lines) % 2:
            self.wrong.append("an odd number of lines")
        for action, document in zip(lines[::2], lines[1::2]):
            action, document = json.loads(action), json.loads(document)
            self.check(action, document)
            id_ = action["index"]["_id"]
            with self.lock:
                if document["@message"] in self.busy:
                    self.busy.discard(document["@message"])
                    items.append({"index": {"status": 429, "error": {"type": "es_rejected_execution_exception"}}})
                    continue
                self.taken += 1
                self.documents[action["index"]["_index"], id_] = document
            items.append({"index": {"_id": id_, "status": 201}})
        return {"took": 1, "errors": any(item["index"]["status"] >= 300 for item in items), "items": items}

    def check(self, action, document):
        day = dt.datetime.fromisoformat(document["@timestamp"]).strftime("%Y.%m.%d")
        if list(action) != ["index"] or set(action["index"]) != {"_index", "_id"}:
            self.wrong.append(action)
        if action["index"]["_index"] != f"cwl-{day}" or action["index"]["_id"] != document["@id"]:
            self.wrong.append((action, document))
        if not {"@id", "@timestamp", "@message", "@owner", "@log_group", "@log_stream"} <= set(document):
            self.wrong.append(document)
        if not document["@timestamp"].endswith("Z") or document["@owner"] != "000000000000":
            self.wrong.append(document)

    def messages(self):
        with self.lock:
            return [document["@message"] for document in self.documents.values()]


class DomainHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"version": {"number": "2.11.0"}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/_bulk" or self.headers["content-type"] != "application/x-ndjson":
            self.server.wrong.append((self.path, dict(self.headers)))
        self.answer(self.server.bulk(body) if not self.server.down else {})

    def answer(self, document):
        if self.server.down:
            return self.send_error(503)
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Function(http.server.ThreadingHTTPServer):
    """A function behind HTTP that keeps what it is invoked with."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FunctionHandler)
        self.messages = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class FunctionHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        payload = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.messages.append(message(base64.b64decode(payload["awslogs"]["data"])))
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"null")

    def log_message(self, *_):
        pass


def message(data):
    return json.loads(gzip.decompress(data))


def data_messages(messages):
    return [one for one in messages if one["messageType"] == "DATA_MESSAGE"]


def events(messages):
    return [event["message"] for one in data_messages(messages) for event in one["logEvents"]]


def records(server, stream="s"):
    """All messages in a data stream of one shard."""
    kinesis = server.client("kinesis")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = []
    while True:
        page = kinesis.get_records(ShardIterator=iterator)
        found += [message(record["Data"]) for record in page["Records"]]
        if page["MillisBehindLatest"] == 0:
            return found
        iterator = page["NextShardIterator"]


def now_ms():
    return int(time.time() * 1000)


def put(logs, *messages, group="g", stream="s"):
    logs.put_log_events(
        logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": now_ms(), "message": text} for text in messages]
    )


@pytest.fixture
def domain():
    domain = Domain()
    yield domain
    domain.shutdown()


@pytest.fixture
def function():
    function = Function()
    yield function
    function.shutdown()


@pytest.fixture
def firehose():
    receiver = FirehoseReceiver()
    yield receiver
    receiver.shutdown()


def serve(domain, data_dir=None, **environment):
    return Server(data_dir=data_dir, environment={"WATCHKEEP_DELIVERY_OPEN_SEARCH": f"search={domain.url}", **environment})


def group(logs, name="g", stream="s"):
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=stream)


def test_events_reach_streams_functions_and_delivery_streams(domain, function, firehose):
    environment = {"WATCHKEEP_DELIVERY_FUNCTIONS": f"f={function.url}", "WATCHKEEP_DELIVERY_STREAMS": f"logs={firehose.url}"}
    with serve(domain, **environment) as server:
        logs = server.client("logs")
        server.client("kinesis").create_stream(StreamName="s", ShardCount=1)
        group(logs)
        group(logs, "h")
        put(logs, "ERROR before")
        logs.put_subscription_filter(logGroupName="g", filterName="k", filterPattern="ERROR", destinationArn=STREAM, roleArn=ROLE)
        logs.put_subscription_filter(logGroupName="g", filterName="f", filterPattern="[level, ...]", destinationArn=FUNCTION)
        logs.put_subscription_filter(logGroupName="h", filterName="d", filterPattern="", destinationArn=FIREHOSE, roleArn=ROLE)
        with raises(logs, "LimitExceededException", "Resource limit exceeded."):
            logs.put_subscription_filter(logGroupName="g", filterName="x", filterPattern="", destinationArn=STREAM, roleArn=ROLE)
        put(logs, "ERROR one", "INFO two", "ERROR three")
        put(logs, "four", group="h")
        until(lambda: len(events(records(server))) == 2)
        control, data = records(server)
        assert control["messageType"] == "CONTROL_MESSAGE"
        assert events([data]) == ["ERROR one", "ERROR three"]
        assert (data["owner"], data["logGroup"], data["logStream"], data["subscriptionFilters"]) == ("000000000000", "g", "s", ["k"])
        found = logs.filter_log_events(logGroupName="g", filterPattern="ERROR")["events"]
        assert {event["id"] for event in data["logEvents"]} < {event["eventId"] for event in found}
        until(lambda: len(events(function.messages)) == 3)
        fields = [event["extractedFields"]["level"] for one in data_messages(function.messages) for event in one["logEvents"]]
        assert fields == ["ERROR", "INFO", "ERROR"]
        until(lambda: events(map(message, firehose.records)) == ["four"])


def test_events_are_indexed_in_a_search_domain(domain):
    with serve(domain) as server:
        logs = server.client("logs")
        group(logs)
        logs.put_subscription_filter(logGroupName="g", filterName="s", filterPattern="", destinationArn=SEARCH)
        domain.busy = {"line 7"}
        put(logs, *(f"line {number}" for number in range(20)), 'took {"ms": 12, "user": "eve"}')
        until(lambda: len(domain.messages()) == 21, seconds_max=30)
        assert domain.wrong == []
        assert domain.taken > 21, "the others of the message came twice, and are there once"
        (document,) = [one for one in domain.documents.values() if "ms" in one]
        assert (document["ms"], document["user"], document["@log_group"], document["@log_stream"]) == (12, "eve", "g", "s")


def test_a_domain_that_is_down_gets_everything_later_and_ingestion_does_not_wait(domain):
    with serve(domain) as server:
        logs = server.client("logs")
        group(logs)
        logs.put_subscription_filter(logGroupName="g", filterName="s", filterPattern="", destinationArn=SEARCH)
        domain.down = True
        began = time.monotonic()
        for batch in range(50):
            put(logs, *(f"{batch}:{line} {'x' * 200}" for line in range(200)))
        assert time.monotonic() - began < 60
        domain.down = False
        until(lambda: len(domain.messages()) == 10_000, seconds_max=120, every=0.5)
        assert domain.wrong == []


def test_a_kill_between_ingestion_and_delivery_loses_nothing(domain, tmp_path):
    server = serve(domain, data_dir=tmp_path)
    expected, number = set(), 0
    with server:
        logs = server.client("logs")
        group(logs)
        logs.put_subscription_filter(logGroupName="g", filterName="s", filterPattern="-skip", destinationArn=SEARCH)
    for round_ in range(3):
        server.start()
        logs = server.client("logs")
        # The first events are delivered, the last ones are not.
        domain.down = round_ == 1
        for _ in range(30):
            texts = [f"event {number + one}" for one in range(20)]
            put(logs, *texts, "skip this")
            expected.update(texts)
            number += 20
        server.kill()
    domain.down = False
    with server:
        until(lambda: expected <= set(domain.messages()), seconds_max=60, every=0.2)
        assert set(domain.messages()) == expected
        assert domain.wrong == []
        # And it goes on.
        put(server.client("logs"), "last")
        until(lambda: "last" in domain.messages())


def test_an_accounts_policy(domain):
    with serve(domain) as server:
        logs = server.client("logs")
        server.client("kinesis").create_stream(StreamName="s", ShardCount=1)
        for name in ("g", "h", "not"):
            group(logs, name)
        document = {"DestinationArn": STREAM, "RoleArn": ROLE, "FilterPattern": "", "Distribution": "Random"}
        logs.put_account_policy(
            policyName="all",
            policyDocument=json.dumps(document),
            policyType="SUBSCRIPTION_FILTER_POLICY",
            selectionCriteria='LogGroupName NOT IN ["not"]',
        )
        for name in ("g", "h", "not"):
            put(logs, f"of {name}", group=name)
        until(lambda: len(events(records(server))) == 2)
        assert sorted(events(records(server))) == ["of g", "of h"]
        assert {one["policyLevel"] for one in data_messages(records(server))} == {"ACCOUNT_LEVEL_POLICY"}


def test_destinations(server, logs):
    server.client("kinesis").create_stream(StreamName="s", ShardCount=1)
    group(logs)
    made = logs.put_destination(destinationName="d", targetArn=STREAM, roleArn=ROLE)["destination"]
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "logs:PutSubscriptionFilter", "Resource": made["arn"]}]}
    logs.put_destination_policy(destinationName="d", accessPolicy=json.dumps(policy))
    (listed,) = logs.describe_destinations(DestinationNamePrefix="d")["destinations"]
    assert json.loads(listed["accessPolicy"]) == policy
    logs.put_subscription_filter(logGroupName="g", filterName="d", filterPattern="", destinationArn=made["arn"])
    put(logs, "through")
    until(lambda: events(records(server)) == ["through"])
    logs.delete_destination(destinationName="d")
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_destination(destinationName="d")
    missing = STREAM.replace("/s", "/t")
    with raises(logs, "InvalidParameterException"):
        logs.put_subscription_filter(logGroupName="g", filterName="x", filterPattern="", destinationArn=missing, roleArn=ROLE)
