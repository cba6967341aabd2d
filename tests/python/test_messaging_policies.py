"""Policies of queues and topics, and what is logged of deliveries, through boto3 and the AWS CLI."""

import json

import pytest

from server import REGION, Server, raises, until

ACCOUNT = "000000000000"


def arn(service, name):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def policy(effect, principal, action, resource, **condition):
    statement = {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bodies(sqs, queue, **arguments):
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, **arguments)
    return [message["Body"] for message in received.get("Messages", [])]


def test_a_deny_is_obeyed_and_can_be_mended(server):
    sqs = server.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy("Deny", "*", "sqs:*", arn("sqs", "q"))})
    with raises(sqs, "AccessDenied"):
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    refused = server.cli("sqs", "receive-message", "--endpoint-url", server.endpoint, "--queue-url", queue, check=False)
    assert "(AccessDenied)" in refused.stderr
    assert "with an explicit deny in a resource-based policy" in refused.stderr
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    with raises(sqs, "InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": "{}"})

    sns = server.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy("Deny", "*", "sns:Publish", topic))
    with raises(sns, "AuthorizationError"):
        sns.publish(TopicArn=topic, Message="x")
    assert "(AuthorizationError)" in server.cli("sns", "publish", "--topic-arn", topic, "--message", "x", check=False).stderr
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue="")
    sns.publish(TopicArn=topic, Message="x")


@pytest.mark.parametrize("without_policy", ["services", "nobody"])
def test_topics_deliver_where_the_queues_policy_lets_them(without_policy):
    environment = {"WATCHKEEP_MESSAGING_WITHOUT_POLICY": without_policy}
    with Server(environment=environment) as server:
        sqs, sns, logs = (server.client(name) for name in ("sqs", "sns", "logs"))
        role = f"arn:aws:iam::{ACCOUNT}:role/feedback"
        feedback = {"SQSSuccessFeedbackRoleArn": role, "SQSFailureFeedbackRoleArn": role, "SQSSuccessFeedbackSampleRate": "100"}
        topic = sns.create_topic(Name="t", Attributes=feedback)["TopicArn"]
        queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("none", "lets", "lets-not", "dead")}
        sends = ("Allow", {"Service": "sns.amazonaws.com"}, "sqs:SendMessage")
        for name, source in (("lets", topic), ("lets-not", topic + "-other"), ("dead", topic)):
            document = policy(*sends, arn("sqs", name), ArnEquals={"aws:SourceArn": source})
            sqs.set_queue_attributes(QueueUrl=queues[name], Attributes={"Policy": document})
        redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "dead")})
        subscriptions = {}
        for name in ("none", "lets", "lets-not"):
            attributes = {"RawMessageDelivery": "true", **({} if name == "lets" else {"RedrivePolicy": redrive})}
            subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", name), Attributes=attributes)
            subscriptions[name] = subscribed["SubscriptionArn"]
        sns.publish(TopicArn=topic, Message="hello")
        assert bodies(sqs, queues["lets"], WaitTimeSeconds=20) == ["hello"]
        refused = 1 if without_policy == "services" else 2
        dead = []
        until(lambda: dead.extend(bodies(sqs, queues["dead"], WaitTimeSeconds=1)) or len(dead) == refused)
        assert dead == ["hello"] * refused
        assert bodies(sqs, queues["none"]) == (["hello"] if refused == 1 else [])
        assert bodies(sqs, queues["lets-not"]) == []

        def events(group):
            try:
                return [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=group)["events"]]
            except logs.exceptions.ResourceNotFoundException:
                return []

        group = f"sns/{REGION}/{ACCOUNT}/t"
        until(lambda: len(events(group)) == 3 - refused and len(events(group + "/Failure")) == refused)
        succeeded = next(event for event in events(group) if event["delivery"]["destination"] == arn("sqs", "lets"))
        assert (succeeded["status"], succeeded["delivery"]["statusCode"]) == ("SUCCESS", 200)
        failed = next(e for e in events(group + "/Failure") if e["delivery"]["destination"] == arn("sqs", "lets-not"))
        assert "not authorized to perform: sqs:SendMessage" in failed["delivery"]["providerResponse"]


def test_a_queue_of_another_account_is_asked(server):
    sns = server.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    theirs = f"arn:aws:sqs:{REGION}:111111111111:q"
    subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=theirs)
    assert subscribed["SubscriptionArn"] == "pending confirmation"
    with raises(server.client("sqs"), "AWS.SimpleQueueService.NonExistentQueue"):
        server.client("sqs").send_message(QueueUrl=f"{server.endpoint}/111111111111/q", MessageBody="x")


def test_sensitive_data_is_kept_out_of_messages(server):
    sns, sqs = server.client("sns"), server.client("sqs")
    identifier = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"

    def protection(operation):
        statement = {"DataDirection": "Inbound", "Principal": ["*"], "DataIdentifier": [identifier], "Operation": operation}
        return json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": [statement]})

    masking = protection({"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}})
    topic = sns.create_topic(Name="t", DataProtectionPolicy=masking)["TopicArn"]
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == masking
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "q"), Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="ask jane@example.com")
    assert bodies(sqs, queue, WaitTimeSeconds=20) == ["ask ################"]
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy=protection({"Deny": {}}))
    with raises(sns, "AuthorizationError"):
        sns.publish(TopicArn=topic, Message="ask jane@example.com")
    entries = [{"Id": "a", "Message": "ask jane@example.com"}, {"Id": "b", "Message": "ask nobody"}]
    outcome = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in outcome["Successful"]] == ["b"]
    assert [entry["Code"] for entry in outcome["Failed"]] == ["AuthorizationError"]
