"""Log groups under KMS keys."""

import datetime as dt

from server import Server, raises

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
NOW = int(START.timestamp() * 1000)
GROUP = {"logGroupName": "/shop/web"}
STREAM = {**GROUP, "logStreamName": "s"}


def put(logs, message, at=0):
    logs.put_log_events(**STREAM, logEvents=[{"timestamp": NOW + at, "message": message}])


def read(logs, **arguments):
    return [event["message"] for event in logs.get_log_events(**STREAM, startFromHead=True, **arguments)["events"]]


def is_on_disk(data_dir, text):
    return any(text.encode() in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


def trusted_no_more(server):
    server.admin("clock", advance_ms=60_000)


def test_events_are_encrypted_and_locked_with_their_key(tmp_path):
    data_dir = tmp_path / "data"
    with Server("--manual-clock", str(NOW), data_dir=data_dir) as server:
        logs, kms = server.client("logs"), server.client("kms")
        key = kms.create_key()["KeyMetadata"]
        logs.create_log_group(**GROUP)
        logs.create_log_stream(**STREAM)
        put(logs, "open to all")
        logs.associate_kms_key(**GROUP, kmsKeyId=key["Arn"])
        assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key["Arn"]
        put(logs, "for few", 1000)
        assert (is_on_disk(data_dir, "open to all"), is_on_disk(data_dir, "for few")) == (True, False)
        # What was acknowledged survives, with its key.
        server.kill()
        server.start()
        logs, kms = server.client("logs"), server.client("kms")
        assert read(logs) == ["open to all", "for few"]
        kms.disable_key(KeyId=key["KeyId"])
        trusted_no_more(server)
        for call in (read, lambda client: put(client, "more"), lambda client: client.filter_log_events(**GROUP)):
            with raises(logs, "AccessDeniedException"):
                call(logs)
        assert read(logs, endTime=NOW + 1) == ["open to all"]
        kms.enable_key(KeyId=key["KeyId"])
        trusted_no_more(server)
        assert read(logs) == ["open to all", "for few"]
        logs.disassociate_kms_key(**GROUP)
        assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]
        put(logs, "open again", 2000)
        assert is_on_disk(data_dir, "open again")
        assert read(logs) == ["open to all", "for few", "open again"]


def test_a_group_is_born_with_a_key_that_does(server):
    logs, kms = server.client("logs"), server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(**GROUP, kmsKeyId=key)
    assert logs.describe_log_groups()["logGroups"][0]["kmsKeyId"] == key
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    missing = key[:-36] + "00000000-0000-0000-0000-000000000000"
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:"
    for bad in (disabled, mac, missing):
        message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}other'"
        with raises(logs, "InvalidParameterException", message):
            logs.create_log_group(logGroupName="other", kmsKeyId=bad)
        with raises(logs, "InvalidParameterException"):
            logs.associate_kms_key(**GROUP, kmsKeyId=bad)
    results = "arn:aws:logs:us-east-1:000000000000:query-result:*"
    logs.associate_kms_key(resourceIdentifier=results, kmsKeyId=key)
    logs.disassociate_kms_key(resourceIdentifier=results)
    with raises(logs, "InvalidParameterException"):
        logs.associate_kms_key(**GROUP, resourceIdentifier=results, kmsKeyId=key)
    with raises(logs, "ResourceNotFoundException"):
        logs.associate_kms_key(logGroupName="nowhere", kmsKeyId=key)


def test_a_key_that_is_deleted_takes_its_events_along(tmp_path):
    with Server("--manual-clock", str(NOW), data_dir=tmp_path / "data") as server:
        logs, kms = server.client("logs"), server.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        logs.create_log_group(**GROUP, kmsKeyId=arn)
        logs.create_log_stream(**STREAM)
        put(logs, "for few")
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        trusted_no_more(server)
        with raises(logs, "AccessDeniedException"):
            read(logs)
        server.admin("clock", advance_ms=8 * 24 * 3_600_000)
        with raises(logs, "AccessDeniedException"):
            read(logs)
        logs.disassociate_kms_key(**GROUP)
        put(logs, "a new start", 8 * 24 * 3_600_000)
        assert read(logs) == ["a new start"]
