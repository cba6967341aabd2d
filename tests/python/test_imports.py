"""Imports of event data stores into log groups, through boto3 and the AWS CLI."""

import concurrent.futures
import gzip
import json

from server import Server, raises, until

ROLE = "arn:aws:iam::000000000000:role/importer"
DAY_MS = 24 * 3600 * 1000


def collect(server, **extra):
    """A store that collects what is done to log groups; its ARN."""
    fields = [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "eventName", "Equals": ["CreateLogGroup", "DescribeLogGroups"]}]
    created = server.client("cloudtrail").create_event_data_store(
        Name="groups", TerminationProtectionEnabled=False, AdvancedEventSelectors=[{"FieldSelectors": fields}], **extra
    )
    return created["EventDataStoreArn"]


def status(logs, task):
    return logs.describe_import_tasks(importId=task)["imports"][0]["importStatus"]


def imported(logs, arn):
    """The records in the store's log group, with their times, oldest first."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"aws/cloudtrail/{arn.rsplit('/', 1)[1]}")
    return [(event["timestamp"], json.loads(event["message"])) for page in pages for event in page["events"]]


def test_the_cli_imports_a_store(server, logs):
    arn = collect(server)
    for number in range(3):
        logs.create_log_group(logGroupName=f"/{number}")
    task = server.cli("logs", "create-import-task", "--import-source-arn", arn, "--import-role-arn", ROLE)
    group = f"aws/cloudtrail/{arn.rsplit('/', 1)[1]}"
    assert task["importDestinationArn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    until(lambda: status(logs, task["importId"]) == "COMPLETED")
    found = imported(logs, arn)
    assert [record["requestParameters"]["logGroupName"] for _, record in found] == ["/0", "/1", "/2"]
    (described,) = server.cli("logs", "describe-import-tasks", "--import-status", "COMPLETED")["imports"]
    assert described["importSourceArn"] == arn and described["importStatistics"]["bytesImported"] > 1000
    batches = server.cli("logs", "describe-import-task-batches", "--import-id", task["importId"])
    assert {batch["status"] for batch in batches["importBatches"]} == {"COMPLETED"} and batches["importSourceArn"] == arn
    refused = server.cli("logs", "cancel-import-task", "--import-id", task["importId"], check=False)
    assert "InvalidOperationException" in refused.stderr
    with raises(logs, "InvalidParameterException"):
        logs.put_log_events(logGroupName=group, logStreamName=task["importId"], logEvents=[{"timestamp": 0, "message": "x"}])


def test_what_is_refused(server):
    logs = server.client("logs", parameter_validation=False)
    arn = collect(server)
    request = {"importSourceArn": arn, "importRoleArn": ROLE}
    for change, code in [
        ({"importSourceArn": "x"}, "ValidationException"),
        ({"importRoleArn": ""}, "InvalidParameterException"),
        ({"importSourceArn": f"{arn[:-12]}000000000000"}, "ResourceNotFoundException"),
        ({"importFilter": {"startEventTime": 1}}, "ValidationException"),
    ]:
        with raises(logs, code):
            logs.create_import_task(**{**request, **change})
    server.client("cloudtrail").delete_event_data_store(EventDataStore=arn)
    with raises(logs, "InvalidOperationException"):
        logs.create_import_task(**request)
    for call in logs.cancel_import_task, logs.describe_import_tasks, logs.describe_import_task_batches:
        with raises(logs, "ResourceNotFoundException"):
            call(importId="none")
    with raises(logs, "InvalidParameterException"):
        logs.describe_import_tasks(limit=51)


def test_a_store_under_a_key_goes_into_a_group_under_the_key(server, logs):
    keys = server.client("kms")
    key = keys.create_key()["KeyMetadata"]["Arn"]
    arn = collect(server, KmsKeyId=key)
    logs.create_log_group(logGroupName="/sealed")
    keys.disable_key(KeyId=key)
    with raises(logs, "InvalidParameterException"):
        logs.create_import_task(importSourceArn=arn, importRoleArn=ROLE)
    keys.enable_key(KeyId=key)
    task = logs.create_import_task(importSourceArn=arn, importRoleArn=ROLE)["importId"]
    until(lambda: status(logs, task) == "COMPLETED")
    assert [record["requestParameters"]["logGroupName"] for _, record in imported(logs, arn)] == ["/sealed"]
    (group,) = logs.describe_log_groups(logGroupNamePrefix="aws/cloudtrail/")["logGroups"]
    assert group["kmsKeyId"] == key


def test_imported_events_are_masked_and_sent_on_but_make_no_metrics(server):
    logs, kinesis = server.client("logs", user_agent_extra="mail/alice@example.com"), server.client("kinesis")
    arn = collect(server)
    group = f"aws/cloudtrail/{arn.rsplit('/', 1)[1]}"
    logs.create_log_group(logGroupName="/shop")
    request = {"importSourceArn": arn, "importRoleArn": ROLE}
    first = logs.create_import_task(**request)["importId"]
    until(lambda: status(logs, first) == "COMPLETED")
    operations = [{"Audit": {"FindingsDestination": {}}}, {"Deidentify": {"MaskConfig": {}}}]
    identifiers = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
    statements = [{"Sid": str(number), "DataIdentifier": identifiers, "Operation": operation} for number, operation in enumerate(operations)]
    policy = {"Name": "p", "Version": "2021-06-01", "Statement": statements}
    logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=json.dumps(policy))
    kinesis.create_stream(StreamName="s", ShardCount=1)
    stream = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
    logs.put_subscription_filter(logGroupName=group, filterName="k", filterPattern="", destinationArn=stream, roleArn=ROLE)
    counted = {"metricName": "calls", "metricNamespace": "Lake", "metricValue": "1"}
    logs.put_metric_filter(logGroupName=group, filterName="m", filterPattern="", metricTransformations=[counted])
    second = logs.create_import_task(**request)["importId"]
    until(lambda: status(logs, second) == "COMPLETED")
    read = lambda import_id: logs.filter_log_events(logGroupName=group, logStreamNames=[import_id])["events"][0]
    assert "alice@example.com" in read(first)["message"] and "alice" not in read(second)["message"]
    assert logs.describe_import_tasks(importId=second)["imports"][0]["importStatistics"]["bytesImported"] == len(read(first)["message"])
    shard = kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]

    def sent():
        batches = [json.loads(gzip.decompress(record["Data"])) for record in kinesis.get_records(ShardIterator=iterator)["Records"]]
        return [event for batch in batches if batch["messageType"] == "DATA_MESSAGE" for event in batch["logEvents"]]

    (event,) = until(sent)
    assert event["message"] == read(second)["message"] and event["timestamp"] == read(second)["timestamp"]
    assert server.client("cloudwatch").list_metrics(Namespace="Lake")["Metrics"] == []


def test_old_events_keep_their_time(tmp_path):
    with Server("--manual-clock", "1768478400000", data_dir=tmp_path / "data") as server:
        logs = server.client("logs")
        arn = collect(server)
        logs.create_log_group(logGroupName="/old")
        server.admin("clock", advance_ms=100 * DAY_MS)
        logs.create_log_group(logGroupName="/new")
        task = logs.create_import_task(importSourceArn=arn, importRoleArn=ROLE)["importId"]
        until(lambda: status(logs, task) == "COMPLETED")
        assert [time for time, _ in imported(logs, arn)] == [1768478400000, 1768478400000 + 100 * DAY_MS]
        batches = logs.describe_import_task_batches(importId=task)
        assert len(batches["importBatches"]) == 10 and batches["importBatches"][0]["batchId"] == f"{task}-2026-01-15"
        assert batches["nextToken"]


def test_a_killed_server_imports_no_event_twice(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        logs = server.client("logs", max_pool_connections=8)
        arn = collect(server)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: logs.describe_log_groups(limit=1), range(6_000)))
        task = logs.create_import_task(importSourceArn=arn, importRoleArn=ROLE)["importId"]
        server.kill()
        for _ in range(3):
            server.start()
            server.kill()
        server.start()
        logs = server.client("logs")
        until(lambda: status(logs, task) == "COMPLETED", seconds_max=60)
        found = imported(logs, arn)
        assert len({record["eventID"] for _, record in found}) == len(found) == 6_000
        bytes_imported = logs.describe_import_tasks(importId=task)["imports"][0]["importStatistics"]["bytesImported"]
        assert bytes_imported == sum(len(json.dumps(record, separators=(",", ":"))) for _, record in found)
