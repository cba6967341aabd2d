"""Kinesis Data Streams through stock clients: boto3 in JSON, a client in CBOR, the AWS CLI, and a server that is killed."""

import base64
import datetime as dt
import struct
import threading
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from server import KEY_ID, REGION, SECRET, Server, raises, until

SHARD = "shardId-000000000000"


@pytest.fixture
def kinesis(server):
    return server.client("kinesis")


def read(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    """All records of a shard up to its end."""
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
    records = []
    while iterator:
        page = kinesis.get_records(ShardIterator=iterator, Limit=100)
        records += page["Records"]
        if not page["Records"] and page["MillisBehindLatest"] == 0:
            break
        iterator = page.get("NextShardIterator")
    return records


def test_records_come_back_in_order_by_partition_key(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=3)
    kinesis.get_waiter("stream_exists").wait(StreamName="s")
    records = [{"Data": f"{number}".encode(), "PartitionKey": f"k{number % 7}"} for number in range(500)]
    answer = kinesis.put_records(StreamName="s", Records=records)
    assert answer["FailedRecordCount"] == 0
    shards = [shard["ShardId"] for shard in kinesis.list_shards(StreamName="s")["Shards"]]
    found = {shard: read(kinesis, "s", shard) for shard in shards}
    assert sum(map(len, found.values())) == 500
    for shard, of_shard in found.items():
        numbers = [int(record["SequenceNumber"]) for record in of_shard]
        assert numbers == sorted(set(numbers))
        assert {entry["ShardId"] for entry, sent in zip(answer["Records"], records) if sent["PartitionKey"] in {r["PartitionKey"] for r in of_shard}} <= {shard}
        by_key = {}
        for record in of_shard:
            by_key.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
        assert all(values == sorted(values) for values in by_key.values())
    middle = found[shards[0]][3]
    at = read(kinesis, "s", shards[0], "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=middle["SequenceNumber"])
    assert at == found[shards[0]][4:]
    since = read(kinesis, "s", shards[0], "AT_TIMESTAMP", Timestamp=middle["ApproximateArrivalTimestamp"])
    assert since[-1] == found[shards[0]][-1]


def test_readers_follow_a_split(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.put_record(StreamName="s", Data=b"before", PartitionKey="k")
    kinesis.split_shard(StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    kinesis.put_record(StreamName="s", Data=b"low", PartitionKey="k", ExplicitHashKey="0")
    kinesis.put_record(StreamName="s", Data=b"high", PartitionKey="k", ExplicitHashKey=str(2**128 - 1))
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = kinesis.get_records(ShardIterator=iterator)
    assert [record["Data"] for record in page["Records"]] == [b"before"] and "NextShardIterator" not in page
    children = [child["ShardId"] for child in page["ChildShards"]]
    assert [[record["Data"] for record in read(kinesis, "s", child)] for child in children] == [[b"low"], [b"high"]]
    summary = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["StreamStatus"]) == (2, "ACTIVE")


def test_a_consumer_is_sent_records_as_they_come(kinesis):
    kinesis.create_stream(StreamName="fan-out", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="fan-out")["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]
    kinesis.put_record(StreamName="fan-out", PartitionKey="k", Data=b"0")
    stream = kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=SHARD, StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
    found, events = [], []
    for event in stream:
        events.append(event["SubscribeToShardEvent"])
        found += [record["Data"] for record in events[-1]["Records"]]
        if len(found) == 1:
            with raises(kinesis, "ResourceInUseException"):
                kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=SHARD, StartingPosition={"Type": "LATEST"})
            # While the subscription is open; what is put last closes the shard.
            kinesis.put_record(StreamName="fan-out", PartitionKey="k", Data=b"1")
            kinesis.split_shard(StreamName="fan-out", ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    assert found == [b"0", b"1"]
    assert all("ContinuationSequenceNumber" in event for event in events[:-1])
    assert "ContinuationSequenceNumber" not in events[-1] and len(events[-1]["ChildShards"]) == 2


def test_errors_are_those_of_kinesis(kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=1)
    with raises(kinesis, "ResourceInUseException"):
        kinesis.create_stream(StreamName="s", ShardCount=1)
    with raises(kinesis, "ResourceNotFoundException"):
        kinesis.put_record(StreamName="t", Data=b"", PartitionKey="k")
    with raises(kinesis, "InvalidArgumentException"):
        kinesis.get_records(ShardIterator="AAAA")
    with raises(kinesis, "ValidationException"):
        kinesis.put_record(StreamName="a b", Data=b"", PartitionKey="k")
    kinesis.delete_stream(StreamName="s")
    assert kinesis.list_streams()["StreamNames"] == []


def test_streams_under_a_key(server, kinesis):
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=key)
    assert kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="k")["EncryptionType"] == "KMS"
    assert [record["EncryptionType"] for record in read(kinesis, "s", SHARD)] == ["KMS"]
    described = kinesis.describe_stream(StreamName="s")["StreamDescription"]
    assert described["EncryptionType"] == "KMS" and described["KeyId"].endswith(key)


def test_the_cli(server):
    server.cli("kinesis", "create-stream", "--stream-name", "s", "--shard-count", "1")
    data = base64.b64encode(b"hello").decode()
    put = server.cli("kinesis", "put-record", "--stream-name", "s", "--partition-key", "k", "--data", data)
    assert put["ShardId"] == SHARD
    listed = server.cli("kinesis", "list-streams")
    assert listed["StreamNames"] == ["s"]


def cbor(value):
    """A little CBOR: what a request needs."""

    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        return bytes([major << 5 | 27]) + struct.pack(">Q", number)

    match value:
        case dt.datetime():
            return b"\xc1" + head(0, int(value.timestamp() * 1000))
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return head(0, value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            return head(5, len(value)) + b"".join(cbor(name) + cbor(one) for name, one in value.items())


def uncbor(data):
    """The value of a CBOR document; moments as numbers."""

    def item(at):
        major, info = data[at] >> 5, data[at] & 31
        at += 1
        if data[at - 1] == 0xFB:
            return struct.unpack(">d", data[at : at + 8])[0], at + 8
        if info == 31:
            number = None
        elif info < 24:
            number = info
        else:
            size = 1 << (info - 24)
            number, at = int.from_bytes(data[at : at + size]), at + size
        if major in (2, 3):
            raw = data[at : at + number]
            return (raw if major == 2 else raw.decode()), at + number
        if major == 4:
            values = []
            for _ in range(number):
                value, at = item(at)
                values.append(value)
            return values, at
        if major == 5:
            values = {}
            while number is None or len(values) < number:
                if number is None and data[at] == 0xFF:
                    at += 1
                    break
                name, at = item(at)
                values[name], at = item(at)
            return values, at
        if major == 6:
            return item(at)
        if major == 7:
            return {20: False, 21: True}.get(info), at
        return number, at

    return item(0)[0]


def call_cbor(server, operation, **members):
    """A call as the SDK for Java makes it."""
    headers = {"content-type": "application/x-amz-cbor-1.1", "x-amz-target": f"Kinesis_20131202.{operation}"}
    request = AWSRequest("POST", server.endpoint + "/", headers=headers, data=cbor(members))
    SigV4Auth(Credentials(KEY_ID, SECRET), "kinesis", REGION).add_auth(request)
    prepared = request.prepare()
    sent = urllib.request.Request(prepared.url, data=prepared.body, headers=dict(prepared.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            status, type_, body = answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        status, type_, body = error.code, error.headers["content-type"], error.read()
    assert type_ == "application/x-amz-cbor-1.1"
    return status, uncbor(body) if body else None


def test_clients_that_speak_cbor(server):
    assert call_cbor(server, "CreateStream", StreamName="s", ShardCount=1) == (200, None)
    status, put = call_cbor(server, "PutRecord", StreamName="s", PartitionKey="k", Data=b"\x00\xff")
    assert (status, put["ShardId"]) == (200, SHARD)
    before = dt.datetime.now(dt.timezone.utc) - dt.timedelta(minutes=1)
    _, given = call_cbor(
        server, "GetShardIterator", StreamName="s", ShardId=SHARD, ShardIteratorType="AT_TIMESTAMP", Timestamp=before
    )
    _, page = call_cbor(server, "GetRecords", ShardIterator=given["ShardIterator"])
    (record,) = page["Records"]
    assert record["Data"] == b"\x00\xff"
    # In milliseconds, as a whole number.
    assert isinstance(record["ApproximateArrivalTimestamp"], int)
    assert abs(record["ApproximateArrivalTimestamp"] / 1000 - before.timestamp()) < 600
    status, error = call_cbor(server, "DescribeStream", StreamName="t")
    assert (status, error["__type"]) == (400, "ResourceNotFoundException")


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path):
    server = Server(data_dir=tmp_path)
    with server:
        server.client("kinesis").create_stream(StreamName="s", ShardCount=4)
    acknowledged, sent = [], 0
    for _ in range(3):
        server.start()
        ended = threading.Event()

        def write(first, told):
            client = server.client("kinesis")
            number = first
            while not ended.is_set():
                records = [{"Data": f"{first}:{number + one}".encode(), "PartitionKey": f"{number + one}"} for one in range(20)]
                try:
                    client.put_records(StreamName="s", Records=records)
                except (BotoCoreError, ClientError, OSError):
                    return
                told += [record["Data"] for record in records]
                number += 20

        told = [[] for _ in range(3)]
        writers = [threading.Thread(target=write, args=((sent + one) * 1_000_000, told[one])) for one in range(3)]
        [writer.start() for writer in writers]
        until(lambda: all(told) and sum(map(len, told)) > 200, seconds_max=60)
        server.kill()
        ended.set()
        [writer.join() for writer in writers]
        acknowledged += sum(told, [])
        sent += 3
    with server:
        kinesis = server.client("kinesis")
        shards = [shard["ShardId"] for shard in kinesis.list_shards(StreamName="s")["Shards"]]
        found = []
        for shard in shards:
            records = read(kinesis, "s", shard)
            numbers = [int(record["SequenceNumber"]) for record in records]
            assert numbers == sorted(set(numbers))
            found += [record["Data"] for record in records]
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
