"""S3 through boto3, its transfer manager and the AWS CLI."""

import base64
import concurrent.futures
import hashlib
import http.client
import io
import json
import os
import signal
import socket
import urllib.error
import urllib.parse
import urllib.request
import zlib

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from server import KEY_ID, SECRET, Server, raises, until

MIB = 1 << 20


@pytest.fixture
def s3(server):
    client = server.client("s3")
    client.create_bucket(Bucket="shop")
    return client


def body(size):
    return (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]


def aws(server, *arguments):
    done = server.cli(*arguments, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_buckets(server, s3):
    assert s3.head_bucket(Bucket="shop")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="shop")["LocationConstraint"] is None
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["shop"]
    europe = server.client("s3", region="eu-west-1")
    with raises(europe, "IllegalLocationConstraintException"):
        europe.create_bucket(Bucket="europe")
    here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    assert europe.create_bucket(Bucket="europe", **here)["Location"] == "/europe"
    with raises(europe, "BucketAlreadyOwnedByYou"):
        europe.create_bucket(Bucket="europe", **here)
    assert europe.get_bucket_location(Bucket="europe")["LocationConstraint"] == "eu-west-1"
    with raises(s3, "InvalidBucketName"):
        s3.create_bucket(Bucket="a..b")
    s3.put_object(Bucket="shop", Key="k", Body=b"x")
    with raises(s3, "BucketNotEmpty"):
        s3.delete_bucket(Bucket="shop")
    s3.delete_object(Bucket="shop", Key="k")
    s3.delete_bucket(Bucket="shop")
    with raises(s3, "NoSuchBucket", "The specified bucket does not exist"):
        s3.list_objects_v2(Bucket="shop")
    with raises(s3, "404"):
        s3.head_bucket(Bucket="shop")


def test_objects(s3):
    told = s3.put_object(
        Bucket="shop", Key="a b/ü?+%.txt", Body=b"hello", ContentType="text/plain", CacheControl="no-cache",
        Metadata={"by": "me"}, Tagging="team=shop&x=%26",
    )
    assert told["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    # What boto3 sends by default.
    assert told["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    got = s3.get_object(Bucket="shop", Key="a b/ü?+%.txt")
    assert got["Body"].read() == b"hello"
    assert (got["ContentType"], got["CacheControl"], got["Metadata"], got["TagCount"]) == ("text/plain", "no-cache", {"by": "me"}, 2)
    head = s3.head_object(Bucket="shop", Key="a b/ü?+%.txt")
    assert (head["ContentLength"], head["ETag"]) == (5, told["ETag"])
    part = s3.get_object(Bucket="shop", Key="a b/ü?+%.txt", Range="bytes=1-3")
    assert (part["Body"].read(), part["ContentRange"]) == (b"ell", "bytes 1-3/5")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="shop", Key="a b/ü?+%.txt", Range="bytes=9-")
    assert error.value.response["Error"] | {"Message": ""} == {
        "Code": "InvalidRange", "Message": "", "RangeRequested": "bytes=9-", "ActualObjectSize": "5",
    }
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="shop", Key="none")
    assert error.value.response["Error"] == {"Code": "NoSuchKey", "Message": "The specified key does not exist.", "Key": "none"}
    with raises(s3, "404"):
        s3.head_object(Bucket="shop", Key="none")
    with raises(s3, "304"):
        s3.get_object(Bucket="shop", Key="a b/ü?+%.txt", IfNoneMatch=told["ETag"])
    with raises(s3, "PreconditionFailed"):
        s3.get_object(Bucket="shop", Key="a b/ü?+%.txt", IfMatch='"other"')
    with raises(s3, "PreconditionFailed"):
        s3.put_object(Bucket="shop", Key="a b/ü?+%.txt", Body=b"", IfNoneMatch="*")
    assert {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket="shop", Key="a b/ü?+%.txt")["TagSet"]} == {"team": "shop", "x": "&"}
    s3.copy_object(Bucket="shop", Key="copy", CopySource={"Bucket": "shop", "Key": "a b/ü?+%.txt"})
    copied = s3.get_object(Bucket="shop", Key="copy")
    assert (copied["Body"].read(), copied["Metadata"]) == (b"hello", {"by": "me"})
    for size in (0, 16 * 1024, 16 * 1024 + 1, 8 * MIB + 1):
        s3.put_object(Bucket="shop", Key="sized", Body=body(size))
        assert s3.get_object(Bucket="shop", Key="sized")["Body"].read() == body(size)
    deleted = s3.delete_objects(Bucket="shop", Delete={"Objects": [{"Key": "copy"}, {"Key": "none"}]})
    assert [each["Key"] for each in deleted["Deleted"]] == ["copy", "none"]


CHECKSUMS = {
    "CRC32": "y/Q5Jg==",
    "CRC32C": "4waSgw==",
    "CRC64NVME": "rosUhgp5mIg=",
    "SHA1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
    "SHA256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums(s3, algorithm):
    name, right = f"Checksum{algorithm}", CHECKSUMS[algorithm]
    assert s3.put_object(Bucket="shop", Key="k", Body=b"123456789", **{name: right})[name] == right
    got = s3.get_object(Bucket="shop", Key="k", ChecksumMode="ENABLED")
    assert (got[name], got["ChecksumType"], got["Body"].read()) == (right, "FULL_OBJECT", b"123456789")
    wrong = base64.b64encode(bytes(len(base64.b64decode(right)))).decode()
    with raises(s3, "BadDigest"):
        s3.put_object(Bucket="shop", Key="k", Body=b"123456789", **{name: wrong})
    with raises(s3, "BadDigest"):
        s3.put_object(Bucket="shop", Key="k", Body=b"123456789", ContentMD5=base64.b64encode(bytes(16)).decode())
    if algorithm in ("CRC32", "SHA1", "SHA256"):
        # From a stream, behind the data.
        assert s3.put_object(Bucket="shop", Key="k", Body=io.BytesIO(b"123456789"), ChecksumAlgorithm=algorithm)[name] == right


def test_listings(s3):
    keys = ["a/1", "a/2", "a/b/3", "b", "c d/ü+", "d"]
    for key in keys:
        s3.put_object(Bucket="shop", Key=key, Body=b"")
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(Bucket="shop", PaginationConfig={"PageSize": 2})
        assert [each["Key"] for each in pages.search("Contents")] == keys, operation
        pages = list(s3.get_paginator(operation).paginate(Bucket="shop", Delimiter="/", PaginationConfig={"PageSize": 1}))
        assert [each["Key"] for page in pages for each in page.get("Contents", [])] == ["b", "d"], operation
        assert [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])] == ["a/", "c d/"], operation
    page = s3.list_objects_v2(Bucket="shop", Prefix="a/", Delimiter="/", StartAfter="a/1")
    assert [each["Key"] for each in page["Contents"]] == ["a/2"] and page["CommonPrefixes"] == [{"Prefix": "a/b/"}]
    assert page["KeyCount"] == 2


def test_transfers(server, s3, tmp_path):
    big = body(20 * MIB + 7)
    (tmp_path / "big").write_bytes(big)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    s3.upload_file(str(tmp_path / "big"), "shop", "big", ExtraArgs={"ContentType": "a/b"}, Config=config)
    head = s3.head_object(Bucket="shop", Key="big")
    parts = [hashlib.md5(big[at : at + 8 * MIB]).digest() for at in range(0, len(big), 8 * MIB)]
    assert head["ETag"] == f'"{hashlib.md5(b"".join(parts)).hexdigest()}-3"' and head["ContentType"] == "a/b"
    s3.download_file("shop", "big", str(tmp_path / "back"), Config=config)
    assert (tmp_path / "back").read_bytes() == big
    part = s3.get_object(Bucket="shop", Key="big", PartNumber=3)
    assert part["PartsCount"] == 3 and part["Body"].read() == big[16 * MIB :]
    s3.copy({"Bucket": "shop", "Key": "big"}, "shop", "copy", Config=config)
    got = s3.get_object(Bucket="shop", Key="copy")["Body"].read()
    assert got == big
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="shop")


def test_clients_that_ask_before_they_send(s3):
    """A client that is not told to go on is told that the connection ends: the AWS CLI mistakes the next answer on it otherwise, and waits for ever."""
    for bucket, size, status, is_told in (("shop", 7, 200, False), ("shop", 0, 200, True), ("shop-of-nobody", 7, 404, True)):
        url = urllib.parse.urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}))
        connection = http.client.HTTPConnection(url.netloc, timeout=10)
        connection.request("PUT", f"{url.path}?{url.query}", body(size), {"Expect": "100-continue"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("connection") == "close") == (status, is_told), (bucket, size)
        connection.close()


def test_multipart_uploads(s3):
    upload = s3.create_multipart_upload(Bucket="shop", Key="k")["UploadId"]
    told = [s3.upload_part(Bucket="shop", Key="k", UploadId=upload, PartNumber=number, Body=body(size))["ETag"] for number, size in ((1, 5 * MIB), (2, 9))]
    assert [part["PartNumber"] for part in s3.list_parts(Bucket="shop", Key="k", UploadId=upload)["Parts"]] == [1, 2]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in zip((1, 2), told)]
    with raises(s3, "InvalidPart"):
        s3.complete_multipart_upload(Bucket="shop", Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 3, "ETag": told[0]}]})
    with raises(s3, "MalformedXML"):
        s3.complete_multipart_upload(Bucket="shop", Key="k", UploadId=upload)
    s3.complete_multipart_upload(Bucket="shop", Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="shop", Key="k")["Body"].read() == body(5 * MIB) + body(9)
    other = s3.create_multipart_upload(Bucket="shop", Key="k2")["UploadId"]
    s3.upload_part(Bucket="shop", Key="k2", UploadId=other, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket="shop", Key="k2", UploadId=other)
    with raises(s3, "NoSuchUpload"):
        s3.list_parts(Bucket="shop", Key="k2", UploadId=other)


def test_command_line(server, tmp_path):
    (tmp_path / "site" / "css").mkdir(parents=True)
    (tmp_path / "site" / "index.html").write_text("<html>")
    (tmp_path / "site" / "css" / "a b.css").write_text("a {}")
    (tmp_path / "site" / "big.bin").write_bytes(body(9 * MIB))
    aws(server, "s3", "mb", "s3://site")
    assert " site" in aws(server, "s3", "ls")
    aws(server, "s3", "sync", tmp_path / "site", "s3://site/v1")
    assert aws(server, "s3", "sync", tmp_path / "site", "s3://site/v1") == ""
    listed = aws(server, "s3", "ls", "s3://site", "--recursive")
    assert [line.split(None, 3)[3] for line in listed.splitlines()] == ["v1/big.bin", "v1/css/a b.css", "v1/index.html"]
    assert "PRE css/" in aws(server, "s3", "ls", "s3://site/v1/")
    aws(server, "s3", "cp", "s3://site/v1/index.html", "s3://site/copy.html")
    aws(server, "s3", "mv", "s3://site/copy.html", "s3://site/moved.html")
    aws(server, "s3", "cp", "s3://site/moved.html", tmp_path / "back.html")
    assert (tmp_path / "back.html").read_text() == "<html>"
    aws(server, "s3", "cp", "--recursive", "s3://site/v1", tmp_path / "back")
    assert (tmp_path / "back" / "big.bin").read_bytes() == body(9 * MIB)
    url = aws(server, "s3", "presign", "s3://site/moved.html").strip()
    assert urllib.request.urlopen(url).read() == b"<html>"
    assert server.cli("s3", "rb", "s3://site", check=False).returncode != 0
    aws(server, "s3", "rm", "--recursive", "s3://site")
    aws(server, "s3", "rb", "s3://site")
    assert aws(server, "s3", "ls") == ""


def test_virtual_hosts(server, s3, monkeypatch):
    port = server.endpoint.rsplit(":", 1)[1]
    resolve = socket.getaddrinfo
    # Not every machine's resolver knows names below localhost.
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **named: resolve("127.0.0.1" if host.endswith(".localhost") else host, *rest, **named))
    for host in ("localhost", "s3.localhost"):
        client = boto3.client(
            "s3", endpoint_url=f"http://{host}:{port}", aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET,
            region_name="us-east-1", config=Config(s3={"addressing_style": "virtual"}),
        )
        client.put_object(Bucket="shop", Key="a/b", Body=host.encode())
        assert s3.get_object(Bucket="shop", Key="a/b")["Body"].read() == host.encode()
        assert [each["Key"] for each in client.list_objects_v2(Bucket="shop")["Contents"]] == ["a/b"]


def test_policies(s3):
    with raises(s3, "NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="shop")
    with raises(s3, "MalformedPolicy"):
        s3.put_bucket_policy(Bucket="shop", Policy="{}")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::shop/kept/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    s3.put_bucket_policy(Bucket="shop", Policy=policy)
    assert s3.get_bucket_policy(Bucket="shop")["Policy"] == policy
    assert s3.get_bucket_policy_status(Bucket="shop")["PolicyStatus"] == {"IsPublic": False}
    for key in ("kept/a", "b"):
        s3.put_object(Bucket="shop", Key=key, Body=b"x")
    with raises(s3, "AccessDenied"):
        s3.delete_object(Bucket="shop", Key="kept/a")
    outcome = s3.delete_objects(Bucket="shop", Delete={"Objects": [{"Key": "kept/a"}, {"Key": "b"}]})
    assert [each["Key"] for each in outcome["Deleted"]] == ["b"]
    assert [each["Code"] for each in outcome["Errors"]] == ["AccessDenied"]
    s3.delete_bucket_policy(Bucket="shop")
    s3.delete_object(Bucket="shop", Key="kept/a")
    s3.put_bucket_tagging(Bucket="shop", Tagging={"TagSet": [{"Key": "team", "Value": "shop"}]})
    assert s3.get_bucket_tagging(Bucket="shop")["TagSet"] == [{"Key": "team", "Value": "shop"}]
    s3.delete_bucket_tagging(Bucket="shop")
    with raises(s3, "NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="shop")
    assert s3.get_bucket_acl(Bucket="shop")["Grants"][0]["Permission"] == "FULL_CONTROL"
    with raises(s3, "NotImplemented"):
        s3.put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})


ROOT = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}


def test_signatures_and_presigned_urls():
    with Server("--auth", "enforced", environment=ROOT) as server:
        s3 = server.client("s3", signature_version="s3v4")
        s3.create_bucket(Bucket="shop")
        # Chunks without signatures and trailing checksums, as over plain HTTP chunks with signatures.
        s3.put_object(Bucket="shop", Key="a b/ü+", Body=io.BytesIO(body(3 * MIB)))
        assert s3.get_object(Bucket="shop", Key="a b/ü+")["Body"].read() == body(3 * MIB)
        wrong = server.client("s3", secret="wrong")
        with raises(wrong, "SignatureDoesNotMatch"):
            wrong.put_object(Bucket="shop", Key="k", Body=b"x")
        get = s3.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "a b/ü+", "ResponseContentType": "a/b"})
        with urllib.request.urlopen(get) as answer:
            assert (answer.read(), answer.headers["content-type"]) == (body(3 * MIB), "a/b")
        put = s3.generate_presigned_url("put_object", Params={"Bucket": "shop", "Key": "put"})
        with urllib.request.urlopen(urllib.request.Request(put, data=b"by url", method="PUT")):
            pass
        assert s3.get_object(Bucket="shop", Key="put")["Body"].read() == b"by url"
        # boto3 presigns with the older signature unless it is told otherwise.
        older = server.client("s3")
        get_older = older.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "put", "ResponseContentType": "a/b"})
        assert "AWSAccessKeyId" in get_older
        with urllib.request.urlopen(get_older) as answer:
            assert (answer.read(), answer.headers["content-type"]) == (b"by url", "a/b")
        for url, code in (
            (get_older.replace("a%2Fb", "c%2Fd"), 403),
            (get.replace("ResponseContentType", "x").replace("a%2Fb", "c%2Fd"), 403),
            (f"{server.endpoint}/shop/put", 403),
            (f"{server.endpoint}/", 403),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(url)
            assert refused.value.code == code, url
        allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/put"}
        s3.put_bucket_policy(Bucket="shop", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
        assert s3.get_bucket_policy_status(Bucket="shop")["PolicyStatus"] == {"IsPublic": True}
        assert urllib.request.urlopen(f"{server.endpoint}/shop/put").read() == b"by url"


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    acknowledged = {}
    with Server(data_dir=tmp_path / "data") as server:
        s3 = server.client("s3", max_pool_connections=8)
        s3.create_bucket(Bucket="shop")
        stop = False

        def write(writer):
            for number in range(1_000_000):
                if stop:
                    return
                key, content = f"{writer}/{number % 40}", body((number * 7919) % 40_000)
                try:
                    s3.put_object(Bucket="shop", Key=key, Body=content)
                    acknowledged[key] = {content}
                except Exception:
                    # It may have been put or not.
                    acknowledged.setdefault(key, {None}).add(content)
                    return

        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            writers = [threads.submit(write, writer) for writer in range(4)]
            until(lambda: len(acknowledged) >= 100, seconds_max=60)
            server.kill()
            stop = True
            for writer in writers:
                writer.result()
        server.start()
        s3 = server.client("s3")
        listed = {each["Key"] for each in s3.get_paginator("list_objects_v2").paginate(Bucket="shop").search("Contents")}
        for key, contents in acknowledged.items():
            if key not in listed:
                assert None in contents, key
                continue
            assert s3.get_object(Bucket="shop", Key=key)["Body"].read() in contents, key
        # Files that no object has are swept: those of objects beyond what the catalog holds are left.
        large = sum(1 for key in listed if s3.head_object(Bucket="shop", Key=key)["ContentLength"] > 16 * 1024)

        def files():
            return sum(len(names) for _, _, names in os.walk(tmp_path / "data" / "objects"))

        until(lambda: files() == large)
        assert server.stop(signal.SIGTERM) == 0
        server.start()
