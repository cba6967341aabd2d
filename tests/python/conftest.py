"""Fixtures: one server for most tests, emptied before each; tests that need their own make it."""

import subprocess
import sys

import boto3
import pytest

import postgres as postgresql
from server import Server, free_port, until


@pytest.fixture(scope="session")
def shared_server():
    with Server("--allow-reset") as server:
        yield server


@pytest.fixture
def server(shared_server):
    shared_server.admin("reset")
    return shared_server


@pytest.fixture
def logs(server):
    return server.client("logs")


@pytest.fixture(params=["smithy-rpc-v2-cbor", "json", "query"])
def cloudwatch(request, server):
    """CloudWatch in every protocol that its clients speak: the AWS SDK for Rust, today's boto3, older SDKs."""
    return server.client("cloudwatch", protocol=request.param)


@pytest.fixture(scope="module")
def s3():
    """A real S3 server process, and a bucket."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="bucketkey", aws_secret_access_key="bucketsecret", region_name="us-east-1")

    def answers():
        try:
            return client.list_buckets() and True
        except Exception:
            return False

    until(answers, seconds_max=60)
    client.create_bucket(Bucket="segments")
    yield endpoint, client
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A PostgreSQL of its own."""
    server = postgresql.start(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()
