"""Exports of logs to buckets, through boto3."""

import gzip
import json
import time

from server import Server, raises, until

POLICY = [
    {
        "Effect": "Allow",
        "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
        "Action": "s3:GetBucketAcl",
        "Resource": "arn:aws:s3:::archive",
        "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}, "ArnLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:000000000000:log-group:*"}},
    },
    {
        "Effect": "Allow",
        "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::archive/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": "000000000000"}},
    },
]


def status(logs, task):
    return logs.describe_export_tasks(taskId=task)["exportTasks"][0]["status"]["code"]


def fill(logs, count=25_000):
    """A group with two streams; its start."""
    logs.create_log_group(logGroupName="/shop/app")
    now = int(time.time() * 1000)
    for stream in ("web/1", "web/2"):
        logs.create_log_stream(logGroupName="/shop/app", logStreamName=stream)
        for first in range(0, count, 5_000):
            events = [{"timestamp": now + number, "message": f"{stream} line {number}"} for number in range(first, first + 5_000)]
            logs.put_log_events(logGroupName="/shop/app", logStreamName=stream, logEvents=events)
    return now


def lines(s3, prefix):
    found = {}
    for each in s3.list_objects_v2(Bucket="archive", Prefix=prefix)["Contents"]:
        content = s3.get_object(Bucket="archive", Key=each["Key"])["Body"].read()
        stream = each["Key"].split("/")[-2]
        found.setdefault(stream, []).extend(gzip.decompress(content).decode().splitlines())
    return found


def test_an_export(server, logs):
    s3 = server.client("s3")
    now = fill(logs)
    request = {"logGroupName": "/shop/app", "fromTime": now, "to": now + 20_000, "destination": "archive", "destinationPrefix": "logs"}
    with raises(logs, "InvalidParameterException", "The given bucket does not exist. Please select another bucket."):
        logs.create_export_task(**request)
    s3.create_bucket(Bucket="archive")
    denied = "call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation."
    with raises(logs, "InvalidParameterException", f"GetBucketAcl {denied}"):
        logs.create_export_task(**request)
    s3.put_bucket_policy(Bucket="archive", Policy=json.dumps({"Version": "2012-10-17", "Statement": POLICY[:1]}))
    with raises(logs, "InvalidParameterException", f"PutObject {denied}"):
        logs.create_export_task(**request)
    s3.put_bucket_policy(Bucket="archive", Policy=json.dumps({"Version": "2012-10-17", "Statement": POLICY}))
    task = logs.create_export_task(**request, taskName="first")["taskId"]
    until(lambda: status(logs, task) == "COMPLETED", seconds_max=60)
    assert s3.get_object(Bucket="archive", Key="logs/aws-logs-write-test")["Body"].read() == b"Permission Check Successful"
    found = lines(s3, f"logs/{task}/")
    assert sorted(found) == ["web-1", "web-2"]
    for stream, name in (("web-1", "web/1"), ("web-2", "web/2")):
        assert [line.split(" ", 1)[1] for line in found[stream]] == [f"{name} line {number}" for number in range(20_001)]
    with raises(logs, "InvalidOperationException"):
        logs.cancel_export_task(taskId=task)
    with raises(logs, "ResourceNotFoundException"):
        logs.cancel_export_task(taskId="none")
    described = logs.describe_export_tasks(statusCode="COMPLETED")["exportTasks"][0]
    assert (described["taskName"], described["destination"], described["destinationPrefix"]) == ("first", "archive", "logs")
    assert described["executionInfo"]["completionTime"] >= described["executionInfo"]["creationTime"]


def test_streams_whose_names_are_longer_than_keys_may_be(server, logs):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="archive")
    s3.put_bucket_policy(Bucket="archive", Policy=json.dumps({"Version": "2012-10-17", "Statement": POLICY}))
    logs.create_log_group(logGroupName="/shop/app")
    now = int(time.time() * 1000)
    for number in range(2):
        stream = "\N{droplet}" * 511 + str(number)
        logs.create_log_stream(logGroupName="/shop/app", logStreamName=stream)
        logs.put_log_events(logGroupName="/shop/app", logStreamName=stream, logEvents=[{"timestamp": now, "message": f"line {number}"}])
    request = {"logGroupName": "/shop/app", "fromTime": now, "to": now + 1, "destination": "archive"}
    task = logs.create_export_task(**request)["taskId"]
    until(lambda: status(logs, task) == "COMPLETED")
    ((folder, found),) = lines(s3, f"exportedlogs/{task}/").items()
    assert sorted(line.split(" ", 1)[1] for line in found) == ["line 0", "line 1"] and set(folder) == {"\N{droplet}"}
    with raises(logs, "InvalidParameterException", "A destinationPrefix has at most 512 bytes."):
        logs.create_export_task(**request, destinationPrefix="p" * 513)


def test_a_killed_server_goes_on_exporting(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        logs, s3 = server.client("logs"), server.client("s3")
        now = fill(logs)
        s3.create_bucket(Bucket="archive")
        s3.put_bucket_policy(Bucket="archive", Policy=json.dumps({"Version": "2012-10-17", "Statement": POLICY}))
        task = logs.create_export_task(logGroupName="/shop/app", fromTime=now, to=now + 100_000, destination="archive")["taskId"]
        server.kill()
        server.start()
        logs, s3 = server.client("logs"), server.client("s3")
        until(lambda: status(logs, task) == "COMPLETED", seconds_max=60)
        found = lines(s3, f"exportedlogs/{task}/")
        assert {stream: len(all_lines) for stream, all_lines in found.items()} == {"web-1": 25_000, "web-2": 25_000}
