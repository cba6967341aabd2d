"""SNS over the wire: a real HTTP receiver that validates signatures, a real SMTP server, and kill -9 in between."""

import base64
import http.server
import json
import queue
import re
import threading
import urllib.request
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from sns_message_validator import SNSMessageValidator
from sns_message_validator.exceptions import SignatureVerificationFailureException

from server import KEY_ID, SECRET, Server, free_port, until

WAIT_SECONDS = 30


class Receiver:
    """An HTTP endpoint: what came in, in order, and what it answers."""

    def __init__(self, port=0):
        self.got, self.statuses = queue.Queue(), queue.Queue()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = 200 if receiver.statuses.empty() else receiver.statuses.get()
                receiver.got.put((self.headers, body.decode()))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def next(self):
        headers, body = self.got.get(timeout=WAIT_SECONDS)
        return headers, body

    def next_json(self):
        return json.loads(self.next()[1])


class Mailbox:
    """What a mail server was handed."""

    def __init__(self):
        self.got = queue.Queue()

    async def handle_DATA(self, server, session, envelope):
        self.got.put((envelope.mail_from, envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"

    def next(self):
        return self.got.get(timeout=WAIT_SECONDS)


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def sns(server):
    return server.client("sns")


def visit(url):
    with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as answer:
        return answer.read().decode()


def validator(server, version="1"):
    """A stock validator, told that certificates come from our host."""
    return SNSMessageValidator(cert_url_regex=f"^{re.escape(server.endpoint)}/SimpleNotificationService-[0-9a-f]+\\.pem$", signature_version=version)


def confirmed(sns, receiver, topic, **attributes):
    """A subscription, confirmed as a receiver does: by visiting the URL that it is sent."""
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url, Attributes=attributes, ReturnSubscriptionArn=True)
    asked = receiver.next_json()
    assert asked["Type"] == "SubscriptionConfirmation"
    visit(asked["SubscribeURL"])
    return arn["SubscriptionArn"]


def refused(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_stock_validator_accepts_every_message(server, sns, receiver):
    topic = sns.create_topic(Name="orders", Attributes={"DisplayName": "Orders"}, Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
    assert sns.create_topic(Name="orders")["TopicArn"] == topic
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    headers, body = receiver.next()
    asked = json.loads(body)
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    validator(server).validate_message(asked)
    assert "<SubscriptionArn>" in visit(asked["SubscribeURL"])
    message_id = sns.publish(
        TopicArn=topic,
        Subject="größe",
        Message="zwei\nZeilen",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "new"}},
    )["MessageId"]
    headers, body = receiver.next()
    notification = json.loads(body)
    validator(server).validate_message(notification)
    assert (notification["MessageId"], notification["Message"]) == (message_id, "zwei\nZeilen")
    assert notification["MessageAttributes"] == {"kind": {"Type": "String", "Value": "new"}}
    assert headers["x-amz-sns-topic-arn"] == topic and headers["content-type"] == "text/plain; charset=UTF-8"
    with pytest.raises(SignatureVerificationFailureException):
        validator(server).validate_message({**notification, "Message": "forged"})
    visit(notification["UnsubscribeURL"])
    ended = receiver.next_json()
    assert ended["Type"] == "UnsubscribeConfirmation"
    validator(server).validate_message(ended)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_signature_version_2_is_sha256(server, sns, receiver):
    topic = sns.create_topic(Name="t", Attributes={"SignatureVersion": "2"})["TopicArn"]
    confirmed(sns, receiver, topic)
    sns.publish(TopicArn=topic, Message="hello")
    message = receiver.next_json()
    certificate = x509.load_pem_x509_certificate(visit(message["SigningCertURL"]).encode())
    names = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names).encode()
    certificate.public_key().verify(base64.b64decode(message["Signature"]), text, PKCS1v15(), SHA256())
    assert message["SignatureVersion"] == "2"


def test_raw_delivery_filters_and_batches(server, sns, receiver):
    topic = sns.create_topic(Name="t")["TopicArn"]
    arn = confirmed(sns, receiver, topic, RawMessageDelivery="true", FilterPolicy=json.dumps({"n": [{"numeric": [">", 5]}]}))
    entries = [
        {"Id": str(n), "Message": f"m{n}", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": str(n)}}} for n in range(10)
    ]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len(answer["Successful"]) == 10 and answer["Failed"] == []
    got = sorted(receiver.next()[1] for _ in range(4))
    assert got == ["m6", "m7", "m8", "m9"]
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageBody")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"order": {"state": ["open"]}}')
    sns.publish(TopicArn=topic, Message='{"order": {"state": "shut"}}')
    sns.publish(TopicArn=topic, Message='{"order": {"state": "open"}}')
    headers, body = receiver.next()
    assert (headers["x-amz-sns-rawdelivery"], body) == ("true", '{"order": {"state": "open"}}')
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["RawMessageDelivery"] == "true" and attributes["FilterPolicyScope"] == "MessageBody"


def test_errors_are_those_of_aws(sns):
    topic = sns.create_topic(Name="t")["TopicArn"]
    assert refused(sns.publish, TopicArn=topic + "x", Message="m") == ("NotFound", "Topic does not exist")
    assert refused(sns.publish, TopicArn=topic, Message="") == ("InvalidParameter", "Invalid parameter: Empty message")
    assert refused(sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="ftp://x")[0] == "InvalidParameter"
    code, message = refused(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    assert code == "InvalidParameter" and "smtp.host" in message
    code, message = refused(sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="http://169.254.169.254/latest")
    assert code == "InvalidParameter" and "delivery.allowed_networks" in message
    assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=[])[0] in ("EmptyBatchRequest", "ParamValidation")
    # Not offered, and said so.
    assert refused(sns.set_sms_attributes, attributes={"DefaultSMSType": "Promotional"})[0] == "InvalidAction"


def test_topics_attributes_and_permissions(sns):
    topic = sns.create_topic(Name="t")["TopicArn"]
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Ops")
    sns.add_permission(TopicArn=topic, Label="friends", AWSAccountId=["123456789012"], ActionName=["Publish"])
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["DisplayName"] == "Ops" and "friends" in attributes["Policy"]
    sns.remove_permission(TopicArn=topic, Label="friends")
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "b"}])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "b"}]
    sns.untag_resource(ResourceArn=topic, TagKeys=["a"])
    for number in range(101):
        sns.create_topic(Name=f"n{number}")
    assert sum(len(page["Topics"]) for page in sns.get_paginator("list_topics").paginate()) == 102
    sns.delete_topic(TopicArn=topic)
    assert refused(sns.get_topic_attributes, TopicArn=topic)[0] == "NotFound"


def test_what_was_acknowledged_is_delivered_after_kill_9(tmp_path):
    port = free_port()
    with Receiver(port) as receiver:
        server = Server(data_dir=tmp_path).start()
        sns = server.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        retries = {"healthyRetryPolicy": {"numRetries": 100, "minDelayTarget": 1, "maxDelayTarget": 1}}
        confirmed(sns, receiver, topic, DeliveryPolicy=json.dumps(retries))
        sns.publish(TopicArn=topic, Message="before")
        assert receiver.next_json()["Message"] == "before"
    # Nobody listens any more; what is published now waits.
    ids = {sns.publish(TopicArn=topic, Message=f"m{n}")["MessageId"] for n in range(20)}
    server.kill()
    with Receiver(port) as receiver:
        server.start()
        try:
            got = set()
            while got < ids:
                message = receiver.next_json()
                validator(server).validate_message({**message, "SigningCertURL": re.sub(r"^http://[^/]+", server.endpoint, message["SigningCertURL"])})
                got.add(message["MessageId"])
            assert got == ids
        finally:
            assert server.stop() == 0


def test_nothing_acknowledged_is_lost_through_many_kills(tmp_path, receiver):
    server = Server(data_dir=tmp_path).start()
    topic = server.client("sns").create_topic(Name="t")["TopicArn"]
    confirmed(server.client("sns"), receiver, topic)
    acknowledged = set()
    for round in range(4):
        sns, enough = server.client("sns"), threading.Event()

        def publish():
            while True:
                try:
                    acknowledged.add(sns.publish(TopicArn=topic, Message="x" * 1000)["MessageId"])
                except Exception:
                    return
                if len(acknowledged) > 40 * (round + 1):
                    enough.set()

        publishers = [threading.Thread(target=publish) for _ in range(4)]
        [publisher.start() for publisher in publishers]
        assert enough.wait(WAIT_SECONDS)
        server.kill()
        [publisher.join() for publisher in publishers]
        server.start()
    try:
        got = set()
        while not acknowledged <= got:
            got.add(receiver.next_json()["MessageId"])
    finally:
        assert server.stop() == 0


def test_mail_goes_by_smtp(tmp_path):
    mailbox = Mailbox()
    smtp = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    smtp.start()
    environment = {
        "WATCHKEEP_SMTP_HOST": "127.0.0.1",
        "WATCHKEEP_SMTP_PORT": str(smtp.port),
        "WATCHKEEP_SMTP_TLS": "none",
        "WATCHKEEP_SMTP_FROM": "Watchkeep <no-reply@example.com>",
    }
    try:
        with Server(environment=environment) as server:
            sns = server.client("sns")
            topic = sns.create_topic(Name="t", Attributes={"DisplayName": "Ops team"})["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="alice@example.com")
            sender, recipients, mail = mailbox.next()
            assert (sender, recipients) == ("no-reply@example.com", ["alice@example.com"])
            assert mail["subject"] == "Subscription Confirmation"
            visit(re.search(r"http://\S+ConfirmSubscription\S+", mail.get_content()).group())
            sns.publish(TopicArn=topic, Subject="Fire in the größte Halle", Message="Everybody out.\nNow.")
            _, _, mail = mailbox.next()
            assert mail["subject"] == "Fire in the größte Halle" and mail["from"].startswith("Ops team")
            assert mail.get_content().startswith("Everybody out.\r\nNow.\r\n")
            visit(re.search(r"http://\S+Unsubscribe\S+", mail.get_content()).group())
            assert mailbox.next()[2]["subject"] == "Unsubscribe Confirmation"
            sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="bob@example.com")
            asked = json.loads(mailbox.next()[2].get_content())
            validator(server).validate_message(asked)
            sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])
            sns.publish(TopicArn=topic, Message="as JSON")
            message = json.loads(mailbox.next()[2].get_content())
            validator(server).validate_message(message)
            assert message["Message"] == "as JSON"
    finally:
        smtp.stop()


def test_a_function_gets_the_event_that_lambda_would(receiver):
    environment = {"WATCHKEEP_DELIVERY_FUNCTIONS": f"hello={receiver.url}"}
    with Server(environment=environment) as server:
        sns = server.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        function = "arn:aws:lambda:us-east-1:000000000000:function:hello"
        arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
        sns.publish(TopicArn=topic, Message="hello")
        (record,) = receiver.next_json()["Records"]
        assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", arn)
        assert record["Sns"]["Message"] == "hello" and record["Sns"]["Subject"] is None
        assert record["Sns"]["SigningCertUrl"].startswith(server.endpoint)


def test_links_need_no_signature_and_everything_else_does(receiver, tmp_path):
    environment = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}
    with Server("--auth", "enforced", environment=environment) as server:
        sns = server.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        arn = confirmed(sns, receiver, topic)
        attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert attributes["ConfirmationWasAuthenticated"] == "false"
        with pytest.raises(urllib.error.HTTPError) as error:
            visit(f"{server.endpoint}/?Action=ListTopics&Version=2010-03-31")
        assert error.value.code == 403
        sns.publish(TopicArn=topic, Message="hello")
        message = receiver.next_json()
        validator(server).validate_message(message)
        visit(message["UnsubscribeURL"])
        assert receiver.next_json()["Type"] == "UnsubscribeConfirmation"


def test_publishing_is_a_data_event_whose_content_is_hidden(server, sns, receiver):
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.publish(TopicArn=topic, Message="s3cret", Subject="s3cret")
    trail = server.client("cloudtrail")
    events = until(lambda: trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}])["Events"])
    assert json.loads(events[0]["CloudTrailEvent"])["requestParameters"] == {"name": "t"}
    assert trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "Publish"}])["Events"] == []


def test_sns_measures_itself(receiver):
    with Server("--manual-clock", "1700000000000") as server:
        sns = server.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        confirmed(sns, receiver, topic)
        sns.publish(TopicArn=topic, Message="hello")
        receiver.next()
        cloudwatch = server.client("cloudwatch")

        def measured():
            server.admin("clock", advance_ms=60_000)
            found = cloudwatch.list_metrics(Namespace="AWS/SNS", Dimensions=[{"Name": "TopicName", "Value": "t"}])["Metrics"]
            return {metric["MetricName"] for metric in found}

        wanted = {"NumberOfMessagesPublished", "PublishSize", "NumberOfNotificationsDelivered"}
        until(lambda: wanted <= measured())


@pytest.fixture
def sqs(server):
    """A stock consumer of queues."""
    return server.client("sqs")


def queue_of(sqs, name, **attributes):
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(sqs, url, count):
    """`count` messages, taken off the queue."""
    found = []

    def more():
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"], AttributeNames=["All"])
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(message)
        return len(found) >= count

    until(more, WAIT_SECONDS)
    return found


def test_a_queue_gets_envelopes_or_the_text_alone(server, sns, sqs):
    topic = sns.create_topic(Name="t")["TopicArn"]
    url, arn = queue_of(sqs, "enveloped")
    raw_url, raw_arn = queue_of(sqs, "raw")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=raw_arn, Attributes={"RawMessageDelivery": "true"})
    attributes = {"kind": {"DataType": "String", "StringValue": "new"}, "data": {"DataType": "Binary", "BinaryValue": b"\0\xff"}}
    sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes=attributes)
    (message,) = received(sqs, url, 1)
    body = json.loads(message["Body"])
    validator(server).validate_message(body)
    assert (body["Message"], body["Subject"], "MessageAttributes" in message) == ("hello", "s", False)
    assert body["MessageAttributes"]["data"] == {"Type": "Binary", "Value": "AP8="}
    (message,) = received(sqs, raw_url, 1)
    assert message["Body"] == "hello"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "new"
    assert message["MessageAttributes"]["data"]["BinaryValue"] == b"\0\xff"


def test_what_is_given_up_goes_to_the_dead_letter_queue(sns, sqs, receiver):
    topic = sns.create_topic(Name="t")["TopicArn"]
    url, arn = queue_of(sqs, "dead")
    confirmed(sns, receiver, topic, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
    receiver.statuses.put(403)
    sns.publish(TopicArn=topic, Message="refused")
    (message,) = received(sqs, url, 1)
    assert json.loads(message["Body"])["Message"] == "refused"


def test_fifo_topics_deliver_in_order_and_once(sns, sqs):
    topic = sns.create_topic(Name="t.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    url, arn = queue_of(sqs, "q.fifo", FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    numbers = []
    for n in range(12):
        for _ in range(2):
            numbers.append(sns.publish(TopicArn=topic, Message=f"m{n}", MessageGroupId="g")["SequenceNumber"])
    assert len(set(numbers)) == 12 and numbers == sorted(numbers)
    assert [message["Body"] for message in received(sqs, url, 12)] == [f"m{n}" for n in range(12)]
