"""CloudTrail Lake's event data stores, through boto3 and the AWS CLI."""

import json

from server import Server, raises, until

ACCOUNT = "arn:aws:cloudtrail:us-east-1:000000000000"
S3_WRITES = [
    {
        "Name": "Writes of objects",
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            {"Field": "readOnly", "Equals": ["false"]},
            {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::shop/"], "NotEndsWith": [".tmp"]},
        ],
    }
]


def records(server, store):
    """What a store has, oldest first."""
    server.client("cloudtrail").lookup_events(MaxResults=1)
    found = server.admin("sql", query=f"SELECT record FROM event_data_store_events WHERE event_data_store = '{store}' ORDER BY time")
    return [json.loads(dict(row)["record"]) for row in found["rows"]]


def test_the_cli_makes_a_store_and_it_collects(server, logs):
    logs.create_log_group(logGroupName="/before")
    created = server.cli("cloudtrail", "create-event-data-store", "--name", "management")
    arn = created["EventDataStoreArn"]
    assert arn.startswith(f"{ACCOUNT}:eventdatastore/") and created["Status"] == "CREATED"
    assert created["RetentionPeriod"] == 366 and created["BillingMode"] == "EXTENDABLE_RETENTION_PRICING"
    assert created["MultiRegionEnabled"] and created["TerminationProtectionEnabled"] and not created["OrganizationEnabled"]
    default = [{"Name": "Default management events", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
    assert created["AdvancedEventSelectors"] == default
    logs.create_log_group(logGroupName="/after")
    server.client("logs", region="eu-west-1").create_log_group(logGroupName="/elsewhere")
    described = server.cli("cloudtrail", "get-event-data-store", "--event-data-store", arn.rsplit("/", 1)[1])
    assert described["Status"] == "ENABLED" and described["EventDataStoreArn"] == arn
    listed = server.cli("cloudtrail", "list-event-data-stores")["EventDataStores"]
    assert listed == [{"EventDataStoreArn": arn, "Name": "management"}]
    found = [record["requestParameters"]["logGroupName"] for record in records(server, "management") if record["eventName"] == "CreateLogGroup"]
    assert found == ["/after", "/elsewhere"]


def test_objects_that_are_written(server):
    trail, s3 = server.client("cloudtrail"), server.client("s3")
    s3.create_bucket(Bucket="shop")
    trail.create_event_data_store(Name="objects", AdvancedEventSelectors=S3_WRITES)
    s3.put_object(Bucket="shop", Key="orders/1", Body=b"secret content", Metadata={"secret": "too"})
    s3.put_object(Bucket="shop", Key="orders/1.tmp", Body=b"")
    s3.get_object(Bucket="shop", Key="orders/1")
    s3.delete_object(Bucket="shop", Key="orders/1")
    s3.list_buckets()
    found = records(server, "objects")
    assert [record["eventName"] for record in found] == ["PutObject", "DeleteObject"]
    assert found[0]["requestParameters"] == {"bucket": "shop", "key": "orders/1"} and "secret" not in json.dumps(found)
    assert {"ARN": "arn:aws:s3:::shop/orders/1", "accountId": "000000000000", "type": "AWS::S3::Object"} in found[0]["resources"]


def test_what_is_refused(server):
    trail = server.client("cloudtrail", parameter_validation=False)
    for request, code in [
        ({"Name": "ab"}, "InvalidParameterException"),
        ({"Name": "a b c"}, "InvalidParameterException"),
        ({"Name": "abc", "RetentionPeriod": 5}, "InvalidParameterException"),
        ({"Name": "abc", "RetentionPeriod": 2558, "BillingMode": "FIXED_RETENTION_PRICING"}, "InvalidParameterException"),
        ({"Name": "abc", "AdvancedEventSelectors": [{"FieldSelectors": []}]}, "InvalidEventSelectorsException"),
        ({"Name": "abc", "AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": []}]}]}, "InvalidEventSelectorsException"),
        ({"Name": "abc", "KmsKeyId": "alias/none"}, "KmsKeyNotFoundException"),
        ({"Name": "abc", "TagsList": [{"Key": "a"}, {"Key": "a"}]}, "InvalidTagParameterException"),
    ]:
        with raises(trail, code):
            trail.create_event_data_store(**request)
    with raises(trail, "EventDataStoreARNInvalidException"):
        trail.get_event_data_store(EventDataStore="no such store")
    with raises(trail, "InvalidMaxResultsException"):
        trail.list_event_data_stores(MaxResults=1001)
    with raises(trail, "InvalidNextTokenException"):
        trail.list_event_data_stores(NextToken="????")


def test_a_store_under_a_key_is_locked_with_it(server, logs):
    keys, trail = server.client("kms"), server.client("cloudtrail")
    key = keys.create_key()["KeyMetadata"]
    keys.create_alias(AliasName="alias/lake", TargetKeyId=key["KeyId"])
    store = trail.create_event_data_store(Name="sealed", KmsKeyId="alias/lake")
    assert store["KmsKeyId"] == key["Arn"]
    logs.create_log_group(logGroupName="/1")
    names = lambda: [record["eventName"] for record in records(server, "sealed")]
    assert "CreateLogGroup" in names()
    other = keys.create_key()["KeyMetadata"]["Arn"]
    with raises(trail, "InvalidKmsKeyIdException"):
        trail.update_event_data_store(EventDataStore=store["EventDataStoreArn"], KmsKeyId=other)


def test_a_killed_server_has_lost_no_event(tmp_path):
    """The event of a change is in the store when the call is answered."""
    with Server(data_dir=tmp_path / "data") as server:
        trail, logs = server.client("cloudtrail"), server.client("logs")
        arn = trail.create_event_data_store(Name="kept", TerminationProtectionEnabled=False)["EventDataStoreArn"]
        trail.add_tags(ResourceId=arn, TagsList=[{"Key": "team", "Value": "audit"}])
        for number in range(20):
            logs.create_log_group(logGroupName=f"/{number}")
        server.kill()
        server.start()
        groups = lambda: [record["requestParameters"]["logGroupName"] for record in records(server, "kept") if record["eventName"] == "CreateLogGroup"]
        assert groups() == [f"/{number}" for number in range(20)]
        trail, logs = server.client("cloudtrail"), server.client("logs")
        assert trail.list_tags(ResourceIdList=[arn])["ResourceTagList"] == [{"ResourceId": arn, "TagsList": [{"Key": "team", "Value": "audit"}]}]
        trail.delete_event_data_store(EventDataStore=arn)
        logs.create_log_group(logGroupName="/not-collected")
        server.kill()
        server.start()
        trail = server.client("cloudtrail")
        assert trail.get_event_data_store(EventDataStore=arn)["Status"] == "PENDING_DELETION"
        assert trail.restore_event_data_store(EventDataStore=arn)["Status"] == "ENABLED"
        assert groups() == [f"/{number}" for number in range(20)]


def test_stores_live_by_the_clock(tmp_path):
    with Server("--manual-clock", "1768478400000", data_dir=tmp_path / "data") as server:
        trail, logs = server.client("cloudtrail"), server.client("logs")
        for name, days in ("short", 7), ("long", 3653):
            trail.create_event_data_store(Name=name, RetentionPeriod=days, TerminationProtectionEnabled=False)
        logs.create_log_group(logGroupName="/old")
        has = lambda store: "CreateLogGroup" in [record["eventName"] for record in records(server, store)]
        assert has("short") and has("long")
        server.admin("clock", advance_ms=100 * 24 * 3600 * 1000)
        assert not has("short") and has("long")
