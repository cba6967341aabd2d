"""KMS through boto3 and the AWS CLI."""

import base64
import json
import time

import pytest

from server import Server, until, raises

ARN = "arn:aws:kms:us-east-1:000000000000:"
# Everything that our own crates say.
LOG_LEVEL = "info,watchkeep=trace,watchkeep_gateway=trace,watchkeep_wire=trace,watchkeep_keys=trace,watchkeep_trails=trace"


@pytest.fixture
def kms(server):
    return server.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key(Description="for tests", Tags=[{"TagKey": "team", "TagValue": "shop"}])["KeyMetadata"]["KeyId"]


def test_a_key_and_its_names(kms, key):
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    for name in (key, f"{ARN}key/{key}", "alias/app", f"{ARN}alias/app"):
        described = kms.describe_key(KeyId=name)["KeyMetadata"]
        assert described["Arn"] == f"{ARN}key/{key}" and described["KeyState"] == "Enabled" and described["Enabled"]
    assert (described["Origin"], described["KeyManager"], described["MultiRegion"]) == ("AWS_KMS", "CUSTOMER", False)
    assert abs(described["CreationDate"].timestamp() - time.time()) < 60
    assert [listed["KeyId"] for listed in kms.get_paginator("list_keys").paginate().search("Keys")] == [key]
    assert kms.list_aliases(KeyId=key)["Aliases"][0]["AliasArn"] == f"{ARN}alias/app"
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "team", "TagValue": "shop"}]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName="alias/app", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["KeyId"] == other
    kms.delete_alias(AliasName="alias/app")
    with raises(kms, "NotFoundException", f"Alias {ARN}alias/app is not found."):
        kms.describe_key(KeyId="alias/app")
    with raises(kms, "UnsupportedOperationException"):
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


def test_encryption(kms, key):
    context = {"tenant": "a", "ü": "ö"}
    encrypted = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)
    assert encrypted["KeyId"] == f"{ARN}key/{key}"
    blob = encrypted["CiphertextBlob"]
    decrypted = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    assert (decrypted["Plaintext"], decrypted["EncryptionAlgorithm"]) == (b"secret", "SYMMETRIC_DEFAULT")
    with raises(kms, "InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    for at in (0, 4, 6, 22, 30, 45, 55, len(blob) - 1):
        changed = bytearray(blob)
        changed[at] ^= 1
        with raises(kms, "InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=bytes(changed), EncryptionContext=context)
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    with raises(kms, "IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context, KeyId=other)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other)
    assert moved["SourceKeyId"] == f"{ARN}key/{key}" and moved["KeyId"] == f"{ARN}key/{other}"
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], KeyId=other)["Plaintext"] == b"secret"
    with raises(kms, "DryRunOperationException"):
        kms.encrypt(KeyId=key, Plaintext=b"secret", DryRun=True)
    with raises(kms, "ValidationException"):
        kms.encrypt(KeyId=key, Plaintext=b"x" * 4097)


def test_data_keys_macs_and_random_bytes(kms, key):
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert len(data_key["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    wrapped = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
    assert "Plaintext" not in wrapped and len(kms.decrypt(CiphertextBlob=wrapped["CiphertextBlob"])["Plaintext"]) == 64
    assert len(kms.generate_random(NumberOfBytes=99)["Plaintext"]) == 99
    for bits in (224, 256, 384, 512):
        hmac = kms.create_key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
        assert hmac["MacAlgorithms"] == [f"HMAC_SHA_{bits}"]
        call = {"KeyId": hmac["Arn"], "Message": b"message", "MacAlgorithm": f"HMAC_SHA_{bits}"}
        mac = kms.generate_mac(**call)["Mac"]
        assert len(mac) * 8 == bits and kms.verify_mac(**call, Mac=mac)["MacValid"]
        with raises(kms, "KMSInvalidMacException"):
            kms.verify_mac(**call, Mac=mac[::-1])
        with raises(kms, "InvalidKeyUsageException"):
            kms.encrypt(KeyId=hmac["KeyId"], Plaintext=b"x")


def test_policies_and_grants(kms, key):
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
    policy["Id"] = "mine"
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == policy
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    with raises(kms, "MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key, Policy="{}")

    grantee = "arn:aws:iam::000000000000:role/app"
    constraints = {"EncryptionContextEquals": {"tenant": "a"}}
    grant = kms.create_grant(
        KeyId=key, GranteePrincipal=grantee, RetiringPrincipal=grantee, Operations=["Decrypt", "Encrypt"], Constraints=constraints
    )
    listed = kms.list_grants(KeyId=key)["Grants"]
    assert [(entry["GrantId"], entry["Constraints"]) for entry in listed] == [(grant["GrantId"], constraints)]
    assert len(kms.list_retirable_grants(RetiringPrincipal=grantee)["Grants"]) == 1
    kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
    with raises(kms, "InvalidGrantTokenException"):
        kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=["forged"])
    kms.retire_grant(GrantToken=grant["GrantToken"])
    with raises(kms, "NotFoundException"):
        kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])


def test_months_on_a_clock_of_ones_own():
    day_ms = 24 * 3_600_000
    with Server("--manual-clock", "1700000000000") as server:
        kms = server.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        status = kms.get_key_rotation_status(KeyId=key)
        assert status["KeyRotationEnabled"] and status["RotationPeriodInDays"] == 90
        server.admin("clock", advance_ms=91 * day_ms)
        until(lambda: kms.list_key_rotations(KeyId=key)["Rotations"])
        kms.rotate_key_on_demand(KeyId=key)
        rotations = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
        assert [rotation.get("RotationType") for rotation in rotations] == [None, "AUTOMATIC", "ON_DEMAND"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"

        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        with raises(kms, "KMSInvalidStateException", f"{ARN}key/{key} is pending deletion."):
            kms.decrypt(CiphertextBlob=blob)
        kms.cancel_key_deletion(KeyId=key)
        with raises(kms, "DisabledException", f"{ARN}key/{key} is disabled."):
            kms.decrypt(CiphertextBlob=blob)
        kms.enable_key(KeyId=key)
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        server.admin("clock", advance_ms=7 * day_ms)
        with raises(kms, "NotFoundException"):
            kms.describe_key(KeyId=key)
        # What happened by itself is recorded, too.
        trail = server.client("cloudtrail")
        deleted = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "DeleteKey"}]}
        [event] = until(lambda: trail.lookup_events(**deleted)["Events"])
        record = json.loads(event["CloudTrailEvent"])
        assert record["eventType"] == "AwsServiceEvent" and record["serviceEventDetails"] == {"keyId": key}


def test_a_key_survives_a_crash_and_its_material_is_nowhere(tmp_path):
    secret = b"hush-hush-hush-hush"
    with Server(data_dir=tmp_path / "data") as server:
        kms = server.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=secret)["CiphertextBlob"]
        data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        server.kill()
        server.start()
        kms = server.client("kms")
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == secret
        assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.name != "master.key"]
    assert files
    for path in files:
        content = path.read_bytes()
        for hidden in (secret, data_key["Plaintext"]):
            for form in (hidden, base64.b64encode(hidden), hidden.hex().encode()):
                assert form not in content, path


def test_audit_records_and_logs_hold_no_secret():
    secret = b"hush-hush-hush-hush"
    with Server(environment={"WATCHKEEP_LOG_LEVEL": LOG_LEVEL}) as server:
        kms, trail = server.client("kms"), server.client("cloudtrail")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/app", TargetKeyId=key)
        context = {"tenant": "visible"}
        blob = kms.encrypt(KeyId="alias/app", Plaintext=secret, EncryptionContext=context)["CiphertextBlob"]
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key)
        data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        random = kms.generate_random(NumberOfBytes=32)["Plaintext"]
        hmac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        mac = kms.generate_mac(KeyId=hmac, Message=secret, MacAlgorithm="HMAC_SHA_256")["Mac"]
        with raises(kms, "InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob)
        root = "arn:aws:iam::000000000000:root"
        token = kms.create_grant(KeyId=key, GranteePrincipal=root, Operations=["Decrypt"])["GrantToken"]
        kms.retire_grant(GrantToken=token)

        pages = trail.get_paginator("lookup_events").paginate()
        events = {}
        for event in pages.search("Events"):
            events.setdefault(event["EventName"], []).append(json.loads(event["CloudTrailEvent"]))
        text = json.dumps(events)
        encrypt = events["Encrypt"][0]
        assert encrypt["eventSource"] == "kms.amazonaws.com" and encrypt["managementEvent"] and encrypt["readOnly"]
        assert encrypt["requestParameters"] == {"keyId": "alias/app", "encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        assert encrypt.get("responseElements") is None
        assert encrypt["resources"] == [{"ARN": f"{ARN}key/{key}", "accountId": "000000000000", "type": "AWS::KMS::Key"}]
        decrypts = events["Decrypt"]
        assert sorted(record.get("errorCode", "") for record in decrypts) == ["", "InvalidCiphertextException"]
        [good] = [record for record in decrypts if "errorCode" not in record]
        assert good["requestParameters"] == {"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        assert events["GenerateDataKey"][0]["requestParameters"] == {"keyId": key, "keySpec": "AES_256"}
        # A call by alias is found by its key.
        named = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": f"{ARN}key/{key}"}])
        assert {"Encrypt", "Decrypt", "CreateKey"} <= {event["EventName"] for event in named["Events"]}
    output = "".join(server.output)
    assert "kms" in output, "the log is there"
    for hidden in (secret, blob, data_key["Plaintext"], data_key["CiphertextBlob"], random, mac):
        for form in (hidden.decode("latin-1"), base64.b64encode(hidden).decode(), hidden.hex(), str(list(hidden))[1:-1]):
            assert form not in text and form not in output
    assert token not in text and token not in output


def test_the_command_line(server, tmp_path):
    key = server.cli("kms", "create-key", "--description", "from a prompt")["KeyMetadata"]["KeyId"]
    server.cli("kms", "create-alias", "--alias-name", "alias/cli", "--target-key-id", key)
    plain, blob = tmp_path / "plain", tmp_path / "blob"
    plain.write_bytes(b"hello")
    call = "--plaintext", f"fileb://{plain}", "--encryption-context", "a=b"
    encrypted = server.cli("kms", "encrypt", "--key-id", "alias/cli", *call)
    blob.write_bytes(base64.b64decode(encrypted["CiphertextBlob"]))
    decrypted = server.cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{blob}", "--encryption-context", "a=b")
    assert base64.b64decode(decrypted["Plaintext"]) == b"hello"
    assert server.cli("kms", "list-aliases")["Aliases"][0]["TargetKeyId"] == key
    scheduled = server.cli("kms", "schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    assert scheduled["KeyState"] == "PendingDeletion"
    failed = server.cli("kms", "encrypt", "--key-id", key, *call, check=False)
    assert failed.returncode != 0 and "(KMSInvalidStateException) when calling the Encrypt operation" in failed.stderr
