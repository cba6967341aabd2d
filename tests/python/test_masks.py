"""Data protection: what is masked is shown by no way out. All ways are listed here; an operation that is new has to be put into the list."""

import gzip
import json
import pathlib
import re
import subprocess
import urllib.request

from server import BINARY, Server, until

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
GROUP = "/shop/web"
GROUP_ARN = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"
ROLE = "arn:aws:iam::000000000000:role/logs"
SECRET = "jane.doe@example.com"
MASK = "*" * len(SECRET)
EVENT = {"user": SECRET, "level": "ERROR", "bytes": 7}
EMBEDDED = {
    "_aws": {
        "Timestamp": START_MS,
        "CloudWatchMetrics": [{"Namespace": "Shop", "Dimensions": [["user"]], "Metrics": [{"Name": "orders"}]}],
    },
    "user": SECRET,
    "orders": 1,
}

# What each operation of CloudWatch Logs that reads has to do with the texts of events.
SHOWS_EVENTS = {
    "FilterLogEvents", "GetLogEvents", "GetLogObject", "GetLogRecord", "GetQueryResults", "ListAnomalies", "StartLiveTail",
}
SHOWS_NO_EVENTS = {
    # What groups, streams and their fields are called; names of fields are never masked.
    "DescribeLogGroups", "DescribeLogStreams", "ListLogGroups", "GetLogGroupFields", "GetLogFields", "ListLogGroupsForQuery",
    "ListAggregateLogGroupSummaries", "ListSourcesForS3TableIntegration",
    "DescribeFieldIndexes", "DescribeImportTasks", "DescribeImportTaskBatches",
    # What users have set up.
    "DescribeAccountPolicies", "DescribeConfigurationTemplates", "DescribeDeliveries", "DescribeDeliveryDestinations",
    "DescribeDeliverySources", "DescribeDestinations", "DescribeExportTasks", "DescribeIndexPolicies",
    "DescribeLookupTables", "DescribeMetricFilters", "DescribeQueries", "DescribeQueryDefinitions",
    "DescribeResourcePolicies", "DescribeSubscriptionFilters", "GetDataProtectionPolicy", "GetDelivery",
    "GetDeliveryDestination", "GetDeliveryDestinationPolicy", "GetDeliverySource", "GetLogAnomalyDetector",
    "GetLookupTable", "GetScheduledQuery", "GetScheduledQueryHistory", "GetTransformer", "ListLogAnomalyDetectors",
    "ListScheduledQueries", "ListSyslogConfigurations", "ListTagsForResource", "ListTagsLogGroup", "StartQuery",
}


def routed():
    """The operations of CloudWatch Logs that read, from the program's own table."""
    page = subprocess.run([BINARY, "reference", "coverage"], capture_output=True, text=True, check=True).stdout
    section = page.split("\n## logs\n")[1].split("\n## ")[0]
    return set(re.findall(r"- \[x\] ((?:Get|List|Describe|Filter|Start)\w+)", section))


def test_every_operation_that_reads_is_in_the_list():
    assert routed() == SHOWS_EVENTS | SHOWS_NO_EVENTS


class World:
    """A server with a protected group and all that takes its events, and a record of every answer."""

    def __init__(self, server):
        self.server = server
        self.answers = []
        self.logs = self.client("logs", inject_host_prefix=False)
        self.cloudwatch, self.kinesis, self.s3 = (self.client(name) for name in ("cloudwatch", "kinesis", "s3"))

    def client(self, service, **config):
        client = self.server.client(service, **config)
        client.meta.events.register("before-parse.*.*", lambda response_dict, **_: self.answers.append(response_dict["body"]))
        return client

    def now(self):
        return self.server.admin("clock", advance_ms=0)["now_ms"]

    def put(self, *messages):
        texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
        events = [{"timestamp": self.now(), "message": text} for text in texts]
        self.logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)

    def ask(self, query, language="CWLI"):
        chosen = {} if language == "SQL" else {"logGroupName": GROUP}
        now = self.now() // 1000
        query_id = self.logs.start_query(
            queryLanguage=language, queryString=query, startTime=now - 7200, endTime=now + 60, **chosen
        )["queryId"]

        def complete():
            answer = self.logs.get_query_results(queryId=query_id)
            return answer if answer["status"] not in ("Scheduled", "Running") else None

        answer = until(complete)
        assert answer["status"] == "Complete", answer
        return [{field["field"]: field["value"] for field in row} for row in answer["results"]]

    def advance_until(self, condition):
        def moved():
            self.server.admin("clock", advance_ms=20_000)
            return condition()

        return until(moved)


def set_up(world):
    logs, cloudwatch = world.logs, world.cloudwatch
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    identifier = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"
    statements = [
        {"DataIdentifier": [identifier], "Operation": {"Audit": {"FindingsDestination": {"CloudWatchLogs": {"LogGroup": "findings"}}}}},
        {"DataIdentifier": [identifier], "Operation": {"Deidentify": {"MaskConfig": {}}}},
    ]
    logs.create_log_group(logGroupName="findings")
    policy = {"Name": "p", "Version": "2021-06-01", "Statement": statements}
    logs.put_data_protection_policy(logGroupIdentifier=GROUP, policyDocument=json.dumps(policy))
    logs.put_transformer(
        logGroupIdentifier=GROUP,
        transformerConfig=[{"parseJSON": {}}, {"copyValue": {"entries": [{"source": "user", "target": "customer"}]}}],
    )
    logs.put_index_policy(logGroupIdentifier=GROUP, policyDocument=json.dumps({"Fields": ["user"]}))
    logs.put_metric_filter(
        logGroupName=GROUP,
        filterName="f",
        filterPattern="{ $.user = * }",
        metricTransformations=[
            {"metricNamespace": "Shop", "metricName": "errors", "metricValue": "1", "dimensions": {"user": "$.user"}}
        ],
    )
    world.kinesis.create_stream(StreamName="s", ShardCount=1)
    for name, transformed in (("plain", False), ("transformed", True)):
        logs.put_subscription_filter(
            logGroupName=GROUP,
            filterName=name,
            filterPattern="",
            destinationArn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
            roleArn=ROLE,
            applyOnTransformedLogs=transformed,
        )
    rule = {
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
        "LogGroupNames": [GROUP],
        "LogFormat": "JSON",
        "Contribution": {"Keys": ["$.user"], "Filters": []},
        "AggregateOn": "Count",
    }
    cloudwatch.put_insight_rule(RuleName="users", RuleState="ENABLED", RuleDefinition=json.dumps(rule))
    world.s3.create_bucket(Bucket="archive")
    allow = {"Effect": "Allow", "Principal": {"Service": ["logs.us-east-1.amazonaws.com", "logs.amazonaws.com"]}}
    statements = [
        allow | {"Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::archive"},
        allow | {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::archive/*"},
    ]
    world.s3.put_bucket_policy(Bucket="archive", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    logs.create_scheduled_query(
        name="errors",
        queryLanguage="CWLI",
        queryString="fields @message | filter @message like 'payment'",
        logGroupIdentifiers=[GROUP],
        scheduleExpression="cron(0/5 * * * ? *)",
        startTimeOffset=3600,
        executionRoleArn=ROLE,
        destinationConfiguration={"s3Configuration": {"destinationIdentifier": "s3://archive/queries/", "roleArn": ROLE}},
    )


def objects(world, prefix):
    """The objects below a prefix as texts."""
    found = world.s3.list_objects_v2(Bucket="archive", Prefix=prefix).get("Contents", [])
    bodies = [world.s3.get_object(Bucket="archive", Key=each["Key"])["Body"].read() for each in found]
    return [(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode() for body in bodies]


def records(world):
    """What came through the data stream, as texts."""
    shard = world.kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    iterator = world.kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    return [gzip.decompress(record["Data"]).decode() for record in world.kinesis.get_records(ShardIterator=iterator)["Records"]]


def usual(world):
    return [f"request {n} took {n * 7 % 11} ms" for n in range(20)]


def test_no_way_out_shows_what_is_masked(tmp_path):
    with Server("--manual-clock", str(START_MS), data_dir=tmp_path) as server:
        world = World(server)
        logs, cloudwatch = world.logs, world.cloudwatch
        set_up(world)
        for _ in range(15):
            world.put(*usual(world))
            server.admin("clock", advance_ms=MINUTE_MS)
        detector = logs.create_log_anomaly_detector(logGroupArnList=[GROUP_ARN], detectorName="d", evaluationFrequency="ONE_MIN")
        detector = detector["anomalyDetectorArn"]
        world.advance_until(
            lambda: logs.get_log_anomaly_detector(anomalyDetectorArn=detector)["anomalyDetectorStatus"] == "ANALYZING"
        )
        tail = logs.start_live_tail(logGroupIdentifiers=[GROUP_ARN])["responseStream"]
        updates = iter(tail)
        next(updates)
        line = f"ERROR payment of {SECRET} refused"
        world.put(line, EVENT, EMBEDDED, *usual(world))
        masked_line, masked_event = line.replace(SECRET, MASK), json.dumps(EVENT).replace(SECRET, MASK)

        # Live tail.
        shown = []
        while len(shown) < 3 + len(usual(world)):
            # An update a second.
            server.admin("clock", advance_ms=1_000)
            shown += [event["message"] for event in next(updates)["sessionUpdate"]["sessionResults"]]
        tail.close()
        assert masked_line in shown and SECRET not in str(shown)
        # Events.
        read = [event["message"] for event in logs.get_log_events(logGroupName=GROUP, logStreamName="s", limit=100)["events"]]
        assert masked_line in read and masked_event in read
        found = logs.filter_log_events(logGroupName=GROUP, filterPattern="payment")["events"]
        assert [event["message"] for event in found] == [masked_line]
        # Queries, in each language, and their records.
        [row] = world.ask("fields @message, @ptr | filter @message like 'payment'")
        assert row["@message"] == masked_line
        assert logs.get_log_record(logRecordPointer=row["@ptr"])["logRecord"]["@message"] == masked_line
        [row] = world.ask("filter ispresent(customer) and level = 'ERROR' | fields user, customer")
        assert (row["user"], row["customer"]) == (MASK, MASK)
        assert world.ask("fields @message | where like(@message, '%payment%')", "PPL")[0]["@message"] == masked_line
        [row] = world.ask(f"SELECT `@message` FROM `{GROUP}` WHERE `@message` LIKE '%payment%'", "SQL")
        assert row["@message"] == masked_line
        # Large objects.
        record = {"timeUnixNano": str(world.now() * 1_000_000), "body": {"stringValue": f"{SECRET} ordered " * 60_000}}
        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
        headers = {"content-type": "application/json", "x-aws-log-group": GROUP, "x-aws-log-stream": "large"}
        logs.create_log_stream(logGroupName=GROUP, logStreamName="large")
        urllib.request.urlopen(urllib.request.Request(f"{server.endpoint}/v1/logs", data=body, headers=headers)).read()
        [event] = logs.get_log_events(logGroupName=GROUP, logStreamName="large")["events"]
        event = json.loads(event["message"])
        pieces = logs.get_log_object(logObjectPointer=event["@ptr.$['body']"])["fieldStream"]
        piece = b"".join(piece["fields"]["data"] for piece in pieces).decode()
        assert event["body"] + piece == f"{MASK} ordered " * 60_000
        patterns = world.ask("pattern @message")
        assert any("payment" in row["@pattern"] for row in patterns)
        # Anomalies.

        def samples():
            anomalies = logs.list_anomalies(anomalyDetectorArn=detector)["anomalies"]
            return [sample["message"] for anomaly in anomalies for sample in anomaly["logSamples"]]

        world.advance_until(lambda: masked_line in samples())
        # Metric filters and the embedded metric format.
        for name in ("errors", "orders"):
            metrics = until(lambda name=name: cloudwatch.list_metrics(Namespace="Shop", MetricName=name)["Metrics"])
            assert {d["Value"] for metric in metrics for d in metric["Dimensions"]} == {MASK}, name
        # Contributor Insights.
        report = cloudwatch.get_insight_rule_report(
            RuleName="users", StartTime=START_MS // 1000 - 60, EndTime=world.now() // 1000 + 60, Period=60
        )
        assert [contributor["Keys"] for contributor in report["Contributors"]] == [[MASK]]
        # Subscriptions, of messages and of transformed ones.
        sent = until(lambda: (texts := records(world)) and sum("refused" in text for text in texts) >= 1 and texts)
        assert any(masked_line in text for text in sent)
        until(lambda: any("customer" in text for text in records(world)))
        # Exports, and what scheduled queries deliver.
        export = {"logGroupName": GROUP, "fromTime": 0, "to": world.now() + 1, "destination": "archive"}
        task = logs.create_export_task(**export)["taskId"]
        world.advance_until(
            lambda: logs.describe_export_tasks(taskId=task)["exportTasks"][0]["status"]["code"] == "COMPLETED"
        )
        assert any(masked_line in text for text in objects(world, "exportedlogs"))
        world.advance_until(lambda: any(MASK in text for text in objects(world, "queries")))
        # What was found.
        reports = logs.get_log_events(logGroupName="findings", logStreamName=GROUP, startFromHead=True)["events"]
        assert len(reports) == 5

        # Nothing else that the server has said, and nothing that it has kept or delivered, has it.
        answered = [answer for answer in world.answers if isinstance(answer, bytes)]
        assert len(answered) > 50
        assert not any(SECRET.encode() in answer for answer in answered)
        delivered = [*records(world), *objects(world, "")]
        assert len(delivered) > 3 and not any(SECRET in text for text in delivered)
        server.stop()
        files = [path for path in pathlib.Path(tmp_path).rglob("*") if path.is_file()]
        assert files and not any(SECRET.encode() in path.read_bytes() for path in files)
        assert SECRET not in "".join(server.output)
        server.start()
