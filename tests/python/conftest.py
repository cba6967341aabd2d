"""Fixtures: one server for most tests, emptied before each; tests that need their own make it."""

import pytest

from server import Server


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
