"""Log data as Iceberg tables: the integration through boto3 and the AWS CLI, the tables through pyiceberg."""

import contextlib
import datetime as dt
import json
import time
from urllib.parse import quote

import pytest
import requests
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThan
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, StringType

from server import KEY_ID, REGION, SECRET, Server, raises, until

WAREHOUSE = f"arn:aws:s3tables:{REGION}:000000000000:bucket/aws-cloudwatch"
ROLE = "arn:aws:iam::000000000000:role/tables"
TABLE = ("logs", "shop__worker")
ROOT = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = int(dt.datetime(2026, 1, 15, 12, tzinfo=dt.timezone.utc).timestamp() * 1000)


def catalog_of(server, key_id=KEY_ID, secret=SECRET, warehouse=WAREHOUSE):
    """As S3 Tables' documentation configures it, but for the endpoints."""
    return load_catalog(
        "watchkeep",
        **{
            "type": "rest",
            "uri": f"{server.endpoint}/iceberg",
            "warehouse": warehouse,
            "rest.sigv4-enabled": "true",
            "rest.signing-name": "s3tables",
            "rest.signing-region": REGION,
            "client.access-key-id": key_id,
            "client.secret-access-key": secret,
            "client.region": REGION,
            "s3.endpoint": server.endpoint,
        },
    )


def integrate(server):
    observability, logs = server.client("observabilityadmin"), server.client("logs")
    arn = observability.create_s3_table_integration(Encryption={"SseAlgorithm": "AES256"}, RoleArn=ROLE, Tags={"team": "shop"})["Arn"]
    logs.associate_source_to_s3_table_integration(integrationArn=arn, dataSource={"name": "shop", "type": "worker"})
    return arn


def group(logs, name, kind="worker", streams=("s",)):
    logs.create_log_group(logGroupName=name, tags={"cw:datasource:name": "shop", "cw:datasource:type": kind})
    for stream in streams:
        logs.create_log_stream(logGroupName=name, logStreamName=stream)


def put(logs, name, stream, events):
    events = [{"timestamp": at, "message": message} for at, message in events]
    assert "rejectedLogEventsInfo" not in logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)


def messages(table):
    return sorted(table.scan(selected_fields=("message",)).to_arrow()["message"].to_pylist())


@pytest.fixture
def clocked():
    with Server("--manual-clock", str(START_MS)) as server:
        yield server


def write(server):
    """Time for a round, which comes every minute."""
    server.admin("clock", advance_ms=MINUTE_MS + 1)


def read_until(server, expected):
    """The messages of the table, once they are these."""

    def read():
        with contextlib.suppress(NoSuchTableError):
            return messages(catalog_of(server).load_table(TABLE)) == expected

    until(read, seconds_max=100)


def test_a_table_is_read_with_filters(clocked):
    server, logs = clocked, clocked.client("logs")
    group(logs, "/shop/a", streams=("s", "t"))
    group(logs, "/shop/b")
    group(logs, "/shop/web", kind="web")
    now = START_MS
    put(logs, "/shop/a", "s", [(now, "before the association")])
    integrate(server)
    put(logs, "/shop/a", "s", [(now + number, f"a {number}") for number in range(1_000)])
    put(logs, "/shop/a", "t", [(now - 3 * 24 * HOUR_MS, "late")])
    put(logs, "/shop/b", "s", [(now + 7, '{"user": "ä", "ms": 1.5}')])
    put(logs, "/shop/web", "s", [(now, "not associated")])
    write(server)
    catalog = catalog_of(server)
    assert catalog.list_namespaces() == [("logs",)]
    assert catalog.list_tables("logs") == [TABLE]
    until(lambda: catalog.load_table(TABLE).scan().count() == 1_002)
    table = catalog.load_table(TABLE)
    assert [field.name for field in table.schema().fields] == [
        "timestamp", "ingestion_time", "message", "log_group", "log_stream", "transformed",
    ]
    at = lambda ms: dt.datetime.fromtimestamp(ms / 1000, dt.timezone.utc).isoformat()
    some = And(GreaterThanOrEqual("timestamp", at(now + 10)), LessThan("timestamp", at(now + 20)), EqualTo("log_group", "/shop/a"))
    rows = table.scan(row_filter=some).to_arrow().sort_by("timestamp").to_pylist()
    assert [row["message"] for row in rows] == [f"a {number}" for number in range(10, 20)]
    assert {(row["log_stream"], row["timestamp"].timestamp() * 1000 >= now + 10) for row in rows} == {("s", True)}
    (row,) = table.scan(row_filter=EqualTo("log_group", "/shop/b")).to_arrow().to_pylist()
    assert json.loads(row["message"]) == {"user": "ä", "ms": 1.5}
    # What cannot match is not read: the plan has one file of three.
    assert len(list(table.scan().plan_files())) == 3
    assert len(list(table.scan(row_filter=LessThan("timestamp", at(now - HOUR_MS))).plan_files())) == 1
    assert len(list(table.scan(row_filter=EqualTo("log_group", "/shop/b")).plan_files())) == 1
    # Iceberg's own view of the table.
    assert table.inspect.files().num_rows == 3
    assert table.current_snapshot().summary["total-records"] == "1002"
    (manifest,) = table.inspect.manifests()["path"].to_pylist()
    # A further commit adds a manifest, and leaves the one that was there.
    put(logs, "/shop/b", "s", [(now + 8, "more")])
    write(server)
    until(lambda: catalog.load_table(TABLE).scan().count() == 1_003)
    manifests = catalog.load_table(TABLE).inspect.manifests().to_pylist()
    assert len(manifests) == 2 and manifest in [one["path"] for one in manifests]
    assert sum(one["added_data_files_count"] for one in manifests) == 4


def test_tables_keep_what_groups_keep(clocked):
    server, logs = clocked, clocked.client("logs")
    group(logs, "/shop/a", streams=("s", "t"))
    group(logs, "/shop/b")
    integrate(server)
    now = START_MS
    put(logs, "/shop/a", "s", [(now - 26 * HOUR_MS, "old")])
    put(logs, "/shop/a", "s", [(now, "kept")])
    put(logs, "/shop/a", "t", [(now, "of t")])
    put(logs, "/shop/b", "s", [(now, "of b")])
    write(server)
    read_until(server, ["kept", "of b", "of t", "old"])
    before = catalog_of(server).load_table(TABLE)
    logs.put_retention_policy(logGroupName="/shop/a", retentionInDays=1)
    logs.delete_log_stream(logGroupName="/shop/a", logStreamName="t")
    logs.delete_log_group(logGroupName="/shop/b")
    write(server)
    read_until(server, ["kept"])
    assert messages(before) == ["kept", "of b", "of t", "old"], "who had begun to read goes on"
    for _ in range(3):
        server.admin("clock", advance_ms=10 * MINUTE_MS)
        time.sleep(0.5)
    until(lambda: len(catalog_of(server).load_table(TABLE).metadata.snapshots) == 1)
    with pytest.raises(FileNotFoundError):
        messages(before)


def test_users_change_nothing(clocked):
    server, logs = clocked, clocked.client("logs")
    arn = integrate(server)
    group(logs, "/shop/a")
    put(logs, "/shop/a", "s", [(START_MS, "one")])
    write(server)
    read_until(server, ["one"])
    catalog = catalog_of(server)
    for change in (
        lambda: catalog.create_namespace("mine"),
        lambda: catalog.create_table(("logs", "mine"), Schema(NestedField(1, "a", StringType()))),
        lambda: catalog.drop_table(TABLE),
        lambda: catalog.load_table(TABLE).transaction().set_properties(mine="yes").commit_transaction(),
    ):
        # The catalog says what it has, and the client asks for nothing else.
        with pytest.raises(NotImplementedError):
            change()
    prefix = f"{server.endpoint}/iceberg/v1/{quote(WAREHOUSE, safe='')}"
    for method, path in (
        ("POST", "namespaces"),
        ("DELETE", "namespaces/logs"),
        ("POST", "namespaces/logs/tables"),
        ("POST", "namespaces/logs/tables/shop__worker"),
        ("DELETE", "namespaces/logs/tables/shop__worker"),
        ("POST", "tables/rename"),
    ):
        refused = requests.request(method, f"{prefix}/{path}", json={}, timeout=30)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "ForbiddenException"), refused.text
    with pytest.raises(NoSuchTableError):
        catalog.load_table(("logs", "shop__web"))
    with pytest.raises(NoSuchNamespaceError):
        catalog.list_tables("metrics")
    assert catalog.table_exists(TABLE) and not catalog.table_exists(("logs", "other"))
    s3, location = server.client("s3"), catalog.load_table(TABLE).metadata_location
    bucket, _, key = location.removeprefix("s3://").partition("/")
    assert json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])["location"] == f"s3://{bucket}/shop__worker"
    assert s3.list_buckets()["Buckets"] == []
    with raises(s3, "AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    with raises(s3, "AccessDenied"):
        s3.delete_object(Bucket=bucket, Key=key)
    with raises(s3, "AccessDenied"):
        s3.delete_bucket(Bucket=bucket)
    with raises(s3, "AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy="{}")
    tables = server.client("s3tables")
    assert [found["arn"] for found in tables.list_table_buckets()["tableBuckets"]] == [WAREHOUSE]
    (found,) = tables.list_tables(tableBucketARN=WAREHOUSE)["tables"]
    assert tables.get_table(tableArn=found["tableARN"])["metadataLocation"] == location
    assert tables.get_table_metadata_location(tableBucketARN=WAREHOUSE, namespace="logs", name="shop__worker")["metadataLocation"] == location
    with raises(tables, "NotFoundException"):
        tables.get_table_bucket(tableBucketARN=WAREHOUSE + "-other")
    observability = server.client("observabilityadmin")
    assert observability.get_s3_table_integration(Arn=arn)["DestinationTableBucketArn"] == WAREHOUSE
    assert observability.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "shop"}
    observability.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert observability.list_tags_for_resource(ResourceARN=arn)["Tags"] == {}
    observability.delete_s3_table_integration(Arn=arn)
    with raises(s3, "NoSuchBucket"):
        s3.get_object(Bucket=bucket, Key=key)
    assert server.cli("observabilityadmin", "list-s3-table-integrations") == {"IntegrationSummaries": []}


def test_masks_and_keys_hold_in_tables(clocked):
    server, logs = clocked, clocked.client("logs")
    integrate(server)
    group(logs, "/shop/a")
    group(logs, "/shop/keyed")
    policy = {
        "Name": "p",
        "Version": "2021-06-01",
        "Statement": [
            {"Sid": "audit", "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"], "Operation": {"Audit": {"FindingsDestination": {}}}},
            {"Sid": "mask", "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"], "Operation": {"Deidentify": {"MaskConfig": {}}}},
        ],
    }
    logs.put_data_protection_policy(logGroupIdentifier="/shop/a", policyDocument=json.dumps(policy))
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]
    allow = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root", "Service": f"logs.{REGION}.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    put(logs, "/shop/keyed", "s", [(START_MS, "in clear")])
    logs.associate_kms_key(logGroupName="/shop/keyed", kmsKeyId=key["Arn"])
    put(logs, "/shop/keyed", "s", [(START_MS, "under a key")])
    arn = server.client("observabilityadmin").list_s3_table_integrations()["IntegrationSummaries"][0]["Arn"]
    (source,) = logs.list_sources_for_s3_table_integration(integrationArn=arn)["sources"]
    assert source["status"] == "UNHEALTHY" and "/shop/keyed" in source["statusReason"]
    logs.disassociate_kms_key(logGroupName="/shop/keyed")
    put(logs, "/shop/a", "s", [(START_MS, "mail jane@example.com now")])
    write(server)
    read_until(server, ["in clear", "mail **************** now"])


def test_the_catalog_asks_for_a_signature(tmp_path):
    with Server("--auth", "enforced", data_dir=tmp_path, environment=ROOT) as server:
        integrate(server)
        assert catalog_of(server).list_tables("logs") == [TABLE]
        unsigned = requests.get(f"{server.endpoint}/iceberg/v1/config", params={"warehouse": WAREHOUSE}, timeout=30)
        assert unsigned.status_code in (401, 403) and "error" in unsigned.json(), unsigned.text
        wrong = requests.get(f"{server.endpoint}/iceberg/v1/config", params={"warehouse": WAREHOUSE}, auth=(KEY_ID, "wrong"), timeout=30)
        assert wrong.status_code in (401, 403)


def test_each_event_is_there_once_after_kills(tmp_path):
    with Server(data_dir=tmp_path, environment={"WATCHKEEP_DATA_SEAL_AFTER": "1"}) as server:
        logs = server.client("logs")
        integrate(server)
        group(logs, "/shop/a")
        expected = []
        for turn in range(6):
            sent = [f"{turn:02} {number:03}" for number in range(200)]
            put(logs, "/shop/a", "s", [(int(time.time() * 1000), message) for message in sent])
            expected += sent
            # A round begins with the process: it is killed before, during and after that.
            time.sleep(turn * 0.04)
            server.kill()
            server.start()
            logs = server.client("logs")
        read_until(server, sorted(expected))
        table = catalog_of(server).load_table(TABLE)
        assert table.scan().count() == len(expected)
