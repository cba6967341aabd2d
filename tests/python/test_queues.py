"""SQS through stock clients: today's boto3 (JSON), a client of the older model (Query), plain forms, and a server that is killed."""

import hashlib
import json
import pathlib
import re
import signal
import socket
import threading
import time
import urllib.parse
import urllib.request

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from server import KEY_ID, REGION, SECRET, Server, raises, until

OVERLAY = pathlib.Path(__file__).parents[2] / "models/query/sqs.json"


def older_client(server):
    """boto3 with the model as it was when SQS's SDKs spoke Query: today's, and what of it is no longer told."""
    session = boto3.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name=REGION)
    loader = session._session.get_component("data_loader")
    original = loader.load_service_model

    def load(name, type_name, api_version=None):
        model = original(name, type_name, api_version)
        if name != "sqs" or type_name != "service-2":
            return model
        model = merged(json.loads(json.dumps(model)), json.loads(OVERLAY.read_text()))
        for shape in model["shapes"].values():
            for member in shape.get("members", {}).values():
                if "queryName" in member:
                    member["locationName"] = member.pop("queryName")
        del model["metadata"]["awsQueryCompatible"], model["metadata"]["jsonVersion"]
        model["metadata"].update(protocol="query", protocols=["query"])
        return model

    loader.load_service_model = load
    return session.client("sqs", endpoint_url=server.endpoint)


def merged(model, more):
    for name, value in more.items():
        model[name] = merged(model.get(name, {}), value) if isinstance(value, dict) else value
    return model


@pytest.fixture(params=["json", "query"])
def sqs(request, server):
    return server.client("sqs") if request.param == "json" else older_client(server)


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName="q")["QueueUrl"]


def test_a_message_goes_through(server, sqs, queue):
    assert queue == f"{server.endpoint}/000000000000/q"
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == queue
    assert sqs.list_queues(QueueNamePrefix="q")["QueueUrls"] == [queue]
    body = "héllo <&>\n\t\U0001f600"
    attributes = {
        "s": {"DataType": "String.x", "StringValue": "ä"},
        "n": {"DataType": "Number", "StringValue": "1.5"},
        "b": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    # botocore itself checks the digests of bodies and attributes that it gets.
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(
        QueueUrl=queue, MessageBody=body, MessageAttributes=attributes, MessageSystemAttributes=trace
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert len(sent["MD5OfMessageAttributes"]) == len(sent["MD5OfMessageSystemAttributes"]) == 32
    (message,) = sqs.receive_message(
        QueueUrl=queue, AttributeNames=["All"], MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    assert message["Body"] == body and message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert abs(int(message["Attributes"]["SentTimestamp"]) - time.time() * 1000) < 60_000
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_batches(sqs, queue):
    entries = [{"Id": f"e{number}", "MessageBody": f"m{number}"} for number in range(10)]
    entries[3]["MessageAttributes"] = {"k": {"DataType": "String", "StringValue": "v"}}
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == [f"e{number}" for number in range(10)]
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == [f"m{number}" for number in range(10)]
    handles = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]
    changes = [{**handle, "VisibilityTimeout": 60} for handle in handles]
    assert len(sqs.change_message_visibility_batch(QueueUrl=queue, Entries=changes)["Successful"]) == 10
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=[*handles[:9], {"Id": "x", "ReceiptHandle": "nonsense"}])
    assert len(deleted["Successful"]) == 9
    (failed,) = deleted["Failed"]
    assert failed["Id"] == "x" and failed["Code"] == "ReceiptHandleIsInvalid" and failed["SenderFault"]
    with raises(sqs, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"):
        sqs.send_message_batch(QueueUrl=queue, Entries=[entries[0], entries[0]])
    with raises(sqs, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(11)])
    with raises(sqs, "AWS.SimpleQueueService.EmptyBatchRequest"):
        sqs.send_message_batch(QueueUrl=queue, Entries=[])


def test_errors_have_their_codes(sqs, queue):
    with raises(sqs, "AWS.SimpleQueueService.NonExistentQueue"):
        sqs.send_message(QueueUrl=queue + "x", MessageBody="x")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nowhere")
    with raises(sqs, "QueueAlreadyExists"):
        sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "7"})
    with raises(sqs, "InvalidAttributeName"):
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Nonsense"])
    with raises(sqs, "InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "x"})
    with raises(sqs, "InvalidParameterValue"):
        sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=11)
    with raises(sqs, "ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle="nonsense")
    with raises(sqs, "MissingParameter"):
        sqs.send_message(QueueUrl=queue, MessageBody="")
    with raises(sqs, "InvalidMessageContents"):
        sqs.send_message(QueueUrl=queue, MessageBody="\x01")
    sqs.purge_queue(QueueUrl=queue)
    with raises(sqs, "AWS.SimpleQueueService.PurgeQueueInProgress"):
        sqs.purge_queue(QueueUrl=queue)


def test_a_message_of_a_mebibyte(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="\\" * 1_048_576)
    with raises(sqs, "InvalidParameterValue"):
        sqs.send_message(QueueUrl=queue, MessageBody="x" * 1_048_577)
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]) == 1_048_576


def test_attributes_tags_and_permissions(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5", "MessageRetentionPeriod": "60"})
    told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert told["VisibilityTimeout"] == "5" and told["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:q"
    assert told["MaximumMessageSize"] == "1048576" and told["ApproximateNumberOfMessages"] == "0"
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue)
    sqs.tag_queue(QueueUrl=queue, Tags={"a": "1", "b": "2"})
    sqs.untag_queue(QueueUrl=queue, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"b": "2"}
    sqs.add_permission(QueueUrl=queue, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert json.loads(policy)["Statement"][0]["Action"] == "SQS:SendMessage"
    sqs.remove_permission(QueueUrl=queue, Label="l")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])
    tagged = sqs.create_queue(QueueName="tagged", tags={"k": "v"})["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=tagged)["Tags"] == {"k": "v"}


def test_fifo(sqs):
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    numbers = []
    for body in ("1", "2", "2", "3"):
        sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)
        numbers.append(sent["SequenceNumber"])
    assert numbers[1] == numbers[2] and sorted(numbers) == numbers
    (first,) = sqs.receive_message(QueueUrl=url, AttributeNames=["SequenceNumber"])["Messages"]
    assert first["Body"] == "1" and first["Attributes"]["SequenceNumber"] == numbers[0]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    rest = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in rest] == ["2", "3"]


def test_dead_letters_and_the_way_back(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName="source", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "poison"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    count = lambda of: sqs.get_queue_attributes(QueueUrl=of, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert count(dead) == {"ApproximateNumberOfMessages": "1"}
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    assert sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    done = lambda: sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "COMPLETED"
    until(done)
    assert count(url) == {"ApproximateNumberOfMessages": "1"}


def test_a_long_poll_ends_with_the_message(sqs, queue):
    begun = time.monotonic()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)))
    waiting.start()
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    waiting.join(15)
    assert answers[0]["Messages"][0]["Body"] == "x" and time.monotonic() - begun < 15


def test_a_client_that_hangs_up_takes_no_message_with_it(server):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    host, port = server.endpoint.removeprefix("http://").split(":")
    form = urllib.parse.urlencode({"Action": "ReceiveMessage", "Version": "2012-11-05", "WaitTimeSeconds": "20"})
    head = f"POST /000000000000/q HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    for _ in range(5):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"{head}content-length: {len(form)}\r\n\r\n{form}".encode())
            client.settimeout(15)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b"", "the server has seen it go, long before its poll would end"
    for body in ("1", "2", "3"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ["1", "2", "3"]


def post(url, **form):
    data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/x-www-form-urlencoded"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def test_plain_forms_to_the_queues_own_url(server):
    made = post(server.endpoint + "/", Action="CreateQueue", Version="2012-11-05", QueueName="q", **{
        "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "40"
    })
    url = re.search("<CreateQueueResult><QueueUrl>(.*)</QueueUrl></CreateQueueResult>", made).group(1)
    assert 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"' in made
    sent = post(url, Action="SendMessage", Version="2012-11-05", MessageBody="hello", **{
        "MessageAttribute.1.Name": "a", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "v"
    })
    assert "<MD5OfMessageBody>5d41402abc4b2a76b9719d911017c592</MD5OfMessageBody>" in sent
    received = post(url, Action="ReceiveMessage", Version="2012-11-05", **{"MessageAttributeName.1": "All", "AttributeName.1": "All"})
    assert "<Body>hello</Body>" in received and "<Attribute><Name>SentTimestamp</Name><Value>" in received
    assert "<MessageAttribute><Name>a</Name><Value>" in received
    handle = re.search("<ReceiptHandle>(.*)</ReceiptHandle>", received).group(1)
    assert "<DeleteMessageResponse" in post(url, Action="DeleteMessage", Version="2012-11-05", ReceiptHandle=handle)
    query = urllib.parse.urlencode({"Action": "GetQueueAttributes", "Version": "2012-11-05", "AttributeName.1": "VisibilityTimeout"})
    with urllib.request.urlopen(f"{url}?{query}", timeout=30) as answer:
        assert "<Name>VisibilityTimeout</Name><Value>40</Value>" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(url + "x", Action="SendMessage", Version="2012-11-05", MessageBody="x")
    assert refused.value.code == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in refused.value.read().decode()


def test_message_bodies_are_not_in_the_audit_records(server):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="secret")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="confidential")
    events = server.client("cloudtrail").lookup_events()["Events"]
    assert "CreateQueue" in [event["EventName"] for event in events]
    assert "confidential" not in json.dumps(events, default=str)


class Consumer(threading.Thread):
    """What a stock consumer does: long poll, work, delete."""

    def __init__(self, sqs, url, received, stop):
        super().__init__()
        self.sqs, self.url, self.received, self.stop_event = sqs, url, received, stop

    def run(self):
        while not self.stop_event.is_set():
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.received.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def test_consumers_share_a_queue(server):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="work")["QueueUrl"]
    received, stop = [], threading.Event()
    consumers = [Consumer(server.client("sqs"), url, received, stop) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for first in range(0, 200, 10):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(first, first + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    until(lambda: len(received) >= 200)
    stop.set()
    for consumer in consumers:
        consumer.join(30)
    assert sorted(received, key=int) == [str(number) for number in range(200)], "each once"


@pytest.mark.parametrize("fifo", [False, True])
def test_nothing_acknowledged_is_lost_by_kill(tmp_path, fifo):
    name, attributes = ("q.fifo", {"FifoQueue": "true"}) if fifo else ("q", {})
    sent, deleted, unsure = set(), set(), set()
    server = Server(data_dir=tmp_path, environment={"WATCHKEEP_DATA_SEAL_AFTER": "1", "WATCHKEEP_DATA_DISK_FREE_MIN": "0"})
    server.start()
    url = server.client("sqs").create_queue(QueueName=name, Attributes={**attributes, "VisibilityTimeout": "600"})["QueueUrl"]
    try:
        for turn in range(4):
            stop = threading.Event()
            producer = threading.Thread(target=produce, args=(server, url, fifo, f"{turn}", sent, stop))
            consumer = threading.Thread(target=consume, args=(server, url, deleted, unsure, stop))
            producer.start(), consumer.start()
            goal = len(sent) + 60
            until(lambda: len(sent) >= goal, seconds_max=60)
            server.process.send_signal(signal.SIGKILL)
            stop.set()
            producer.join(30), consumer.join(30)
            server.kill()
            server.start()
            url = server.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        sqs = server.client("sqs")
        left = set()
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "600"})
        # What was in flight in the end becomes visible when its time is over: a new queue life makes it so for a standard queue,
        # a FIFO queue remembers. So all is counted, too.
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                left.add(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        hidden = int(told["ApproximateNumberOfMessagesNotVisible"]) + int(told["ApproximateNumberOfMessages"])
        assert not left & deleted, "what was deleted came back"
        missing = sent - deleted - left - unsure
        assert len(missing) <= hidden, f"{len(missing)} messages are missing, and {hidden} hidden"
    finally:
        server.kill()


def produce(server, url, fifo, turn, sent, stop):
    sqs, number = server.client("sqs"), 0
    while not stop.is_set():
        bodies = [f"{turn}-{number + offset}" for offset in range(5)]
        number += 5
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        if fifo:
            entries = [{**entry, "MessageGroupId": entry["Id"], "MessageDeduplicationId": entry["MessageBody"]} for entry in entries]
        try:
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError, OSError):
            return
        sent.update(bodies)


def consume(server, url, deleted, unsure, stop):
    sqs = server.client("sqs")
    while not stop.is_set():
        try:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5).get("Messages", []):
                unsure.add(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                deleted.add(message["Body"])
                unsure.discard(message["Body"])
        except (BotoCoreError, ClientError, OSError):
            return


def test_a_noisy_group_lets_others_pass(server):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="fair")["QueueUrl"]
    for start in range(0, 40, 10):
        entries = [{"Id": f"m{number}", "MessageBody": f"noisy {number}", "MessageGroupId": "noisy"} for number in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.send_message(QueueUrl=url, MessageBody="quiet", MessageGroupId="quiet")
    sqs.send_message(QueueUrl=url, MessageBody="of no group")

    def receive():
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60)["Messages"]
        return [message["Body"] for message in messages]

    assert receive() == [f"noisy {number}" for number in range(10)]
    # Ten of the noisy group are with somebody now.
    assert receive()[:2] == ["quiet", "of no group"]
    sqs.delete_queue(QueueUrl=url)
