"""Metrics under a KMS key."""

import datetime as dt
import struct

import pytest

from server import Server, raises

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
OPEN, SECRET = 2.718281828459045, 3.141592653589793


def ms(moment):
    return int(moment.timestamp() * 1000)


def put(cloudwatch, value, name="Load"):
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": name, "Timestamp": START, "Value": value}])


def read(cloudwatch, name="Load"):
    metric = {"Metric": {"Namespace": "Shop", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    end = START + dt.timedelta(minutes=5)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": metric}], StartTime=START, EndTime=end
    )
    return answer["MetricDataResults"][0]["Values"]


def is_on_disk(data_dir, value):
    pattern = struct.pack("<d", value)
    return any(pattern in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


def trusted_no_more(server):
    server.admin("clock", advance_ms=60_000)


def test_what_is_put_under_a_key_is_encrypted_and_locked_with_it(tmp_path):
    data_dir = tmp_path / "data"
    with Server("--manual-clock", str(ms(START)), data_dir=data_dir) as server:
        cloudwatch, kms = server.client("cloudwatch"), server.client("kms")
        assert "KmsKeyArn" not in cloudwatch.get_dataset(DatasetIdentifier="default")
        with raises(cloudwatch, "ResourceNotFoundException"):
            cloudwatch.disassociate_dataset_kms_key(DatasetIdentifier="default")
        put(cloudwatch, OPEN, "Open")
        key = kms.create_key()["KeyMetadata"]
        cloudwatch.associate_dataset_kms_key(DatasetIdentifier="default", KmsKeyArn=key["Arn"])
        assert cloudwatch.get_dataset(DatasetIdentifier="default")["KmsKeyArn"] == key["Arn"]
        put(cloudwatch, SECRET)
        assert (is_on_disk(data_dir, OPEN), is_on_disk(data_dir, SECRET)) == (True, False)
        # What was acknowledged survives, with its key.
        server.kill()
        server.start()
        cloudwatch, kms = server.client("cloudwatch"), server.client("kms")
        assert read(cloudwatch) == [SECRET]
        kms.disable_key(KeyId=key["KeyId"])
        trusted_no_more(server)
        for call in (read, lambda client: put(client, 1.0)):
            with raises(cloudwatch, "KmsKeyDisabledException"):
                call(cloudwatch)
        kms.enable_key(KeyId=key["KeyId"])
        trusted_no_more(server)
        assert read(cloudwatch) == [SECRET]
        cloudwatch.disassociate_dataset_kms_key(DatasetIdentifier="default")
        assert "KmsKeyArn" not in cloudwatch.get_dataset(DatasetIdentifier="default")
        put(cloudwatch, OPEN)
        assert read(cloudwatch) == [SECRET + OPEN]


@pytest.mark.parametrize(
    "state, code",
    [("disabled", "KmsKeyDisabledException"), ("deleted", "KmsKeyDisabledException"), ("none", "KmsKeyNotFoundException")],
)
def test_keys_that_do_not_do(server, state, code):
    cloudwatch, kms = server.client("cloudwatch"), server.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    if state == "disabled":
        kms.disable_key(KeyId=arn)
    elif state == "deleted":
        kms.schedule_key_deletion(KeyId=arn)
    else:
        arn = arn[:-12] + "000000000000"
    with raises(cloudwatch, code):
        cloudwatch.associate_dataset_kms_key(DatasetIdentifier="default", KmsKeyArn=arn)
    hmac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    with raises(cloudwatch, "ValidationError"):
        cloudwatch.associate_dataset_kms_key(DatasetIdentifier="default", KmsKeyArn=hmac)
