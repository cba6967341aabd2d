"""Queues and topics under KMS keys."""

import datetime as dt
import json

import pytest

from server import Server, raises

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
NOW = int(START.timestamp() * 1000)
SECRET_TEXT = "what-nobody-else-shall-read"


def is_on_disk(data_dir, text):
    return any(text.encode() in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


def bodies(sqs, queue):
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1)
    return sorted(message["Body"] for message in received.get("Messages", []))


def clients(server):
    return (server.client(name) for name in ("sqs", "kms"))


def passes(server, seconds):
    server.admin("clock", advance_ms=seconds * 1000)


@pytest.mark.parametrize("fifo", [False, True])
def test_messages_of_a_disabled_key_survive_kill_9_and_come_back(tmp_path, fifo):
    data_dir = tmp_path / "data"
    name = "q.fifo" if fifo else "q"
    more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    with Server("--manual-clock", str(NOW), data_dir=data_dir) as server:
        sqs, kms = clients(server)
        key = kms.create_key()["KeyMetadata"]
        attributes = {"KmsMasterKeyId": key["KeyId"], "KmsDataKeyReusePeriodSeconds": "60", **more}
        queue = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        assert (told["KmsMasterKeyId"], told["SqsManagedSseEnabled"]) == (key["KeyId"], "false")

        def send(body, **arguments):
            group = {"MessageGroupId": "g"} if fifo else {}
            sqs.send_message(QueueUrl=f"{server.endpoint}/000000000000/{name}", MessageBody=body, **group, **arguments)

        value = {"DataType": "String", "StringValue": SECRET_TEXT + "-attribute"}
        for number in range(5):
            send(f"{SECRET_TEXT}-{number}", MessageAttributes={"a": value})
        assert not is_on_disk(data_dir, SECRET_TEXT)
        kms.disable_key(KeyId=key["KeyId"])
        passes(server, 61)
        for _ in range(2):
            with raises(sqs, "KMS.DisabledException"):
                send("more")
            with raises(sqs, "KMS.DisabledException"):
                bodies(sqs, queue)
            counted = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
            assert counted["Attributes"]["ApproximateNumberOfMessages"] == "5"
            # Rows leave memory for segments meanwhile.
            passes(server, 120)
            server.kill()
            server.start()
            sqs, kms = clients(server)
            queue = f"{server.endpoint}/000000000000/{name}"
        kms.enable_key(KeyId=key["KeyId"])
        passes(server, 61)
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
        assert sorted(message["Body"] for message in received) == [f"{SECRET_TEXT}-{number}" for number in range(5)]
        assert received[0]["MessageAttributes"]["a"]["StringValue"] == SECRET_TEXT + "-attribute"
        assert not is_on_disk(data_dir, SECRET_TEXT)
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        passes(server, 61)
        with raises(sqs, "KMS.InvalidStateException"):
            send("more")
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": "alias/no-such"})
        with raises(sqs, "KMS.NotFoundException"):
            send("more")


def test_queues_without_a_key_of_ones_own(tmp_path):
    data_dir = tmp_path / "data"
    with Server(data_dir=data_dir) as server:
        sqs, kms = clients(server)
        plain = sqs.create_queue(QueueName="plain")["QueueUrl"]
        sse = sqs.create_queue(QueueName="sse", Attributes={"SqsManagedSseEnabled": "true"})["QueueUrl"]
        managed = sqs.create_queue(QueueName="managed", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})["QueueUrl"]
        for queue, text in ((plain, "of-plain-0123"), (sse, "of-sse-0123"), (managed, "of-managed-0123")):
            sqs.send_message(QueueUrl=queue, MessageBody=text)
        assert [is_on_disk(data_dir, text) for text in ("of-plain-0123", "of-sse-0123", "of-managed-0123")] == [True, False, False]
        described = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
        assert described["KeyManager"] == "AWS"
        with raises(kms, "AccessDeniedException"):
            kms.disable_key(KeyId=described["KeyId"])
        server.kill()
        server.start()
        sqs, _ = clients(server)
        for name, text in (("plain", "of-plain-0123"), ("sse", "of-sse-0123"), ("managed", "of-managed-0123")):
            assert bodies(sqs, f"{server.endpoint}/000000000000/{name}") == [text]


def test_a_topic_under_a_disabled_key_holds_its_messages(tmp_path):
    data_dir = tmp_path / "data"
    with Server("--manual-clock", str(NOW), data_dir=data_dir) as server:
        sqs, kms, sns = *clients(server), server.client("sns")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/topics", TargetKeyId=key)
        topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": "alias/topics"})["TopicArn"]
        queue = sqs.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": key, "KmsDataKeyReusePeriodSeconds": "60"})["QueueUrl"]
        attributes = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q", Attributes=attributes)
        sns.publish(TopicArn=topic, Message=SECRET_TEXT)
        received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=0)
        for _ in range(100):
            if received.get("Messages"):
                break
            passes(server, 1)
            received = sqs.receive_message(QueueUrl=queue)
        assert received["Messages"][0]["Body"] == SECRET_TEXT
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["Messages"][0]["ReceiptHandle"])
        assert not is_on_disk(data_dir, SECRET_TEXT)
        kms.disable_key(KeyId=key)
        passes(server, 61)
        with raises(sns, "KMSDisabled"):
            sns.publish(TopicArn=topic, Message="more")
        assert json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Id"] == "__default_policy_ID"
