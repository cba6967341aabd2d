"""Account policies, index policies and resource policies of CloudWatch Logs through boto3."""

import json
import time

from server import Server, raises

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "route53.amazonaws.com"},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/route53/*",
        }
    ],
}


def test_account_policies(logs):
    kind = "FIELD_INDEX_POLICY"
    document = json.dumps({"Fields": ["requestId"], "FieldsV2": {"status": {"type": "FACET"}}})
    for name, prefix in [("web", "/web/"), ("jobs", "/jobs/")]:
        criteria = f'LogGroupNamePrefix = "{prefix}"'
        put = logs.put_account_policy(policyName=name, policyType=kind, policyDocument=document, selectionCriteria=criteria)
        assert put["accountPolicy"]["policyDocument"] == document
    policies = logs.describe_account_policies(policyType=kind)["accountPolicies"]
    assert [policy["policyName"] for policy in policies] == ["jobs", "web"]
    assert policies[0]["accountId"] == "000000000000" and policies[0]["scope"] == "ALL"
    with raises(logs, "InvalidParameterException", "The selection criteria overlap with those of the account policy 'web' of type FIELD_INDEX_POLICY."):
        logs.put_account_policy(
            policyName="more", policyType=kind, policyDocument=document, selectionCriteria='LogGroupNamePrefix = "/web/x"'
        )
    logs.delete_account_policy(policyName="web", policyType=kind)
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_account_policy(policyName="web", policyType=kind)


def test_index_policies_and_fields(logs):
    logs.create_log_group(logGroupName="/web/a")
    logs.create_log_stream(logGroupName="/web/a", logStreamName="s")
    assert logs.describe_index_policies(logGroupIdentifiers=["/web/a"])["indexPolicies"] == []
    logs.put_index_policy(logGroupIdentifier="/web/a", policyDocument=json.dumps({"Fields": ["user.id"]}))
    policy = logs.describe_index_policies(logGroupIdentifiers=["/web/a"])["indexPolicies"][0]
    assert policy["source"] == "LOG_GROUP"
    now = int(time.time() * 1000)
    events = [
        {"timestamp": now, "message": '{"user": {"id": 7}}'},
        {"timestamp": now + 1, "message": "text"},
    ]
    logs.put_log_events(logGroupName="/web/a", logStreamName="s", logEvents=events)
    index = logs.describe_field_indexes(logGroupIdentifiers=["/web/a"])["fieldIndexes"]
    index = {field["fieldIndexName"]: field for field in index}
    assert index["user.id"]["firstEventTime"] == index["user.id"]["lastEventTime"] == now
    assert (index["@logStream"]["firstEventTime"], index["@logStream"]["lastEventTime"]) == (now, now + 1)
    fields = logs.get_log_group_fields(logGroupName="/web/a", time=now // 1000)["logGroupFields"]
    assert {field["name"]: field["percent"] for field in fields} == {
        "@timestamp": 100, "@message": 100, "@logStream": 100, "@log": 100, "@ingestionTime": 100, "user.id": 50,
    }
    logs.delete_index_policy(logGroupIdentifier="/web/a")
    with raises(logs, "ResourceNotFoundException"):
        logs.delete_index_policy(logGroupIdentifier="/web/a")


def test_policies_survive_a_kill(tmp_path):
    with Server(data_dir=tmp_path) as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="/aws/route53/x")
        logs.put_resource_policy(policyName="route53", policyDocument=json.dumps(ALLOW))
        arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/route53/x"
        first = logs.put_resource_policy(policyName="own", policyDocument=json.dumps(ALLOW), resourceArn=arn)
        with raises(logs, "InvalidParameterException"):
            logs.put_resource_policy(policyName="own", policyDocument=json.dumps(ALLOW), resourceArn=arn)
        logs.put_transformer(logGroupIdentifier=arn, transformerConfig=[{"parseJSON": {}}])
        server.kill()
        server.start()
        logs = server.client("logs")
        policies = logs.describe_resource_policies()["resourcePolicies"]
        assert [policy["policyName"] for policy in policies] == ["route53"]
        own = logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"][0]
        assert (own["policyScope"], own["revisionId"]) == ("RESOURCE", first["revisionId"])
        logs.delete_resource_policy(resourceArn=arn, expectedRevisionId=own["revisionId"])
        logs.delete_resource_policy(policyName="route53")
        with raises(logs, "ResourceNotFoundException", "Policy with name [route53] does not exist."):
            logs.delete_resource_policy(policyName="route53")
        assert logs.get_transformer(logGroupIdentifier=arn)["transformerConfig"] == [{"parseJSON": {}}]
