"""EventBridge over the wire: rules and targets of every kind, dead letters, schedules, alarms' events, metrics, and kill -9 in between."""

import datetime
import http.server
import json
import queue
import threading

import pytest

from server import Server, raises, until

START = datetime.datetime(2026, 3, 2, 10, 0, tzinfo=datetime.timezone.utc)
MINUTE_MS = 60_000
WAIT_SECONDS = 30
ACCOUNT = "000000000000"


class Function:
    """A function behind HTTP: what it was called with."""

    def __init__(self):
        self.got = queue.Queue()
        function = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                function.got.put(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def make_queue(server, name, allowed=True, **attributes):
    """A queue that lets rules send; its URL and ARN."""
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    if allowed:
        statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    return url, arn


def received(server, url, count=1):
    """So many messages of a queue."""
    sqs, messages = server.client("sqs"), []

    def has_come():
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
        messages.extend(got.get("Messages", []))
        return len(messages) >= count

    until(has_come, seconds_max=WAIT_SECONDS)
    assert len(messages) == count, messages
    return messages


def make_rule(events, name, targets, bus="default", pattern=None):
    rule = {"source": ["shop"]} if pattern is None else pattern
    arn = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(rule))["RuleArn"]
    assert events.put_targets(Rule=name, EventBusName=bus, Targets=targets)["FailedEntryCount"] == 0
    return arn


def put(events, detail, bus="default", source="shop"):
    answer = events.put_events(Entries=[{"Source": source, "DetailType": "order", "Detail": json.dumps(detail), "EventBusName": bus}])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


def test_an_event_goes_to_every_kind_of_target():
    with Function() as function, Server(environment={"WATCHKEEP_DELIVERY_FUNCTIONS": f"hello={function.url}"}) as server:
        events = server.client("events")
        url, arn = make_queue(server, "q")
        fifo_url, fifo = make_queue(server, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
        over_topic_url, over_topic = make_queue(server, "over-topic", allowed=False)
        sns = server.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": allow}))
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": over_topic}
        server.client("sqs").set_queue_attributes(QueueUrl=over_topic_url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allow})})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=over_topic, Attributes={"RawMessageDelivery": "true"})
        server.client("logs").create_log_group(logGroupName="/aws/events/shop")
        kinesis = server.client("kinesis")
        kinesis.create_stream(StreamName="s", ShardCount=1)
        bus = events.create_event_bus(Name="orders")["EventBusArn"]
        on_bus_url, on_bus = make_queue(server, "on-bus")
        make_rule(events, "there", [{"Id": "q", "Arn": on_bus}], bus="orders")
        make_rule(events, "one", [
            {"Id": "q", "Arn": arn},
            {"Id": "fifo", "Arn": fifo, "SqsParameters": {"MessageGroupId": "g"}},
            {"Id": "topic", "Arn": topic},
            {"Id": "bus", "Arn": bus},
            {"Id": "function", "Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello"},
        ])
        make_rule(events, "two", [
            {"Id": "logs", "Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/shop"},
            {"Id": "stream", "Arn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"},
            {"Id": "made", "Arn": arn, "InputTransformer": {"InputPathsMap": {"total": "$.detail.total"}, "InputTemplate": '{"sum": <total>}'}},
        ])
        event_id = put(events, {"total": 12.5})
        bodies = {message["Body"] for message in received(server, url, 2)}
        whole = max(bodies, key=len)
        assert json.loads(min(bodies, key=len)) == {"sum": 12.5}
        event = json.loads(whole)
        assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]
        assert event["id"] == event_id and event["detail"] == {"total": 12.5}
        assert received(server, fifo_url)[0]["Attributes"]["MessageGroupId"] == "g"
        assert received(server, over_topic_url)[0]["Body"] == whole
        assert received(server, on_bus_url)[0]["Body"] == whole
        assert function.got.get(timeout=WAIT_SECONDS) == whole
        found = lambda: server.client("logs").filter_log_events(logGroupName="/aws/events/shop")["events"]
        until(found, seconds_max=WAIT_SECONDS)
        assert [one["message"] for one in found()] == [whole]
        shard = kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
        iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = lambda: kinesis.get_records(ShardIterator=iterator)["Records"]
        until(records, seconds_max=WAIT_SECONDS)
        assert [(one["Data"].decode(), one["PartitionKey"]) for one in records()] == [(whole, event_id)]


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(server):
    events = server.client("events")
    dead_url, dead = make_queue(server, "dead")
    closed_url, closed = make_queue(server, "closed", allowed=False)
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": closed}
    server.client("sqs").set_queue_attributes(QueueUrl=closed_url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})})
    cases = {
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:absent": "NO_RESOURCE",
        closed: "NO_PERMISSIONS",
        f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:s": "NO_RESOURCE",
    }
    targets = [{"Id": str(number), "Arn": arn, "DeadLetterConfig": {"Arn": dead}} for number, arn in enumerate(cases)]
    rule = make_rule(events, "r", targets)
    event_id = put(events, {"n": 1})
    codes = {}
    for message in received(server, dead_url, len(cases)):
        assert json.loads(message["Body"])["id"] == event_id
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert attributes["RULE_ARN"] == rule and attributes["RETRY_ATTEMPTS"] == "0"
        codes[attributes["TARGET_ARN"]] = attributes["ERROR_CODE"]
    assert codes == cases


def test_an_alarm_tells_the_default_bus(server):
    events, cloudwatch = server.client("events"), server.client("cloudwatch")
    url, arn = make_queue(server, "q")
    make_rule(events, "alarms", [{"Id": "q", "Arn": arn}], pattern={"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": {"state": {"value": ["ALARM"]}}})
    cloudwatch.put_metric_alarm(AlarmName="cpu", Namespace="N", MetricName="M", Statistic="Average", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    cloudwatch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="by hand")
    event = json.loads(received(server, url)[0]["Body"])
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:cpu"]
    assert event["detail"]["alarmName"] == "cpu" and event["detail"]["state"]["value"] == "ALARM"


def test_the_command_line(server):
    url, arn = make_queue(server, "q")
    server.cli("events", "put-rule", "--name", "r", "--event-pattern", '{"source":["shop"],"detail":{"total":[{"numeric":[">",10]}]}}')
    server.cli("events", "put-targets", "--rule", "r", "--targets", f"Id=q,Arn={arn}")
    entries = [{"Source": "shop", "DetailType": "order", "Detail": json.dumps({"total": total})} for total in (5, 15)]
    assert server.cli("events", "put-events", "--entries", json.dumps(entries))["FailedEntryCount"] == 0
    assert json.loads(received(server, url)[0]["Body"])["detail"] == {"total": 15}
    assert server.cli("events", "list-rules")["Rules"][0]["Name"] == "r"
    assert server.cli("events", "describe-event-bus")["Name"] == "default"
    with raises(server.client("events"), "ResourceNotFoundException", "Rule x does not exist on EventBus default."):
        server.client("events").describe_rule(Name="x")


def test_kill_9_between_put_and_delivery(tmp_path):
    with Server(data_dir=tmp_path) as server:
        events = server.client("events")
        url, arn = make_queue(server, "q")
        make_rule(events, "r", [{"Id": "q", "Arn": arn}])
        ids = {put(events, {"n": number}) for number in range(20)}
        server.kill()
        server.start()
        sqs, got = server.client("sqs"), set()

        def all_have_come():
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                got.add(json.loads(message["Body"])["id"])
            return ids <= got

        until(all_have_come, seconds_max=WAIT_SECONDS)


@pytest.fixture(scope="module")
def timed():
    with Server("--manual-clock", str(int(START.timestamp() * 1000)), "--allow-reset") as server:
        yield server


def test_a_schedule_fires_on_the_clock(timed):
    timed.admin("reset")
    events = timed.client("events")
    url, arn = make_queue(timed, "q")
    rule = events.put_rule(Name="tick", ScheduleExpression="rate(5 minutes)")["RuleArn"]
    events.put_targets(Rule="tick", Targets=[{"Id": "q", "Arn": arn}])
    timed.admin("clock", advance_ms=5 * MINUTE_MS)
    event = json.loads(received(timed, url)[0]["Body"])
    assert event["detail-type"] == "Scheduled Event" and event["resources"] == [rule] and event["detail"] == {}


def test_metrics_are_read_back(timed):
    timed.admin("reset")
    events, cloudwatch = timed.client("events"), timed.client("cloudwatch")
    url, arn = make_queue(timed, "q")
    make_rule(events, "good", [{"Id": "q", "Arn": arn}])
    make_rule(events, "bad", [{"Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:absent"}])
    for number in range(3):
        put(events, {"n": number})
    received(timed, url, 3)
    wanted = [
        ("MatchedEvents", {"RuleName": "good"}, 3),
        ("MatchedEvents", {}, 3),
        ("TriggeredRules", {"RuleName": "good"}, 3),
        ("Invocations", {"RuleName": "good"}, 3),
        ("Invocations", {"RuleName": "bad"}, 3),
        ("FailedInvocations", {"RuleName": "bad"}, 3),
        ("SuccessfulInvocationAttempts", {"RuleName": "good"}, 3),
        ("PutEventsEntriesCount", {}, 3),
    ]
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": {"Namespace": "AWS/Events", "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()]}, "Period": 3600, "Stat": "Sum"}}
        for number, (name, dimensions, _) in enumerate(wanted)
    ]

    def sums():
        timed.admin("clock", advance_ms=MINUTE_MS)
        now = START + datetime.timedelta(days=1)
        results = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=START - datetime.timedelta(hours=1), EndTime=now)["MetricDataResults"]
        return [sum(result["Values"]) for result in sorted(results, key=lambda result: int(result["Id"][1:]))]

    expected = [value for _, _, value in wanted]
    until(lambda: sums() == expected, seconds_max=WAIT_SECONDS)
    names = {metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="AWS/Events")["Metrics"]}
    assert {"IngestionToInvocationStartLatency", "InvocationsCreated", "InvocationAttempts"} <= names


def test_calls_are_told_of_where_the_settings_say_so():
    with Server(environment={"WATCHKEEP_EVENTS_API_CALLS": "on"}) as server:
        events = server.client("events")
        url, arn = make_queue(server, "q")
        make_rule(events, "calls", [{"Id": "q", "Arn": arn}], pattern={"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": ["CreateLogGroup", "DescribeLogGroups"]}})
        server.client("logs").describe_log_groups()
        server.client("logs").create_log_group(logGroupName="g")
        event = json.loads(received(server, url)[0]["Body"])
        assert event["source"] == "aws.logs" and event["detail"]["requestParameters"] == {"logGroupName": "g"}
