"""Signatures: mode enforced."""

import datetime as dt
import re
import socket

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from server import KEY_ID, REGION, SECRET, Server, raises

ROOT = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture(scope="module")
def enforced():
    with Server("--auth", "enforced", environment=ROOT) as server:
        yield server


@pytest.mark.parametrize("service, call", [("logs", "describe_log_groups"), ("cloudwatch", "list_metrics"), ("cloudtrail", "lookup_events"), ("xray", "batch_get_traces")])
def test_only_the_right_key_gets_in(enforced, service, call):
    arguments = {"TraceIds": ["1-00000000-000000000000000000000000"]} if service == "xray" else {}
    getattr(enforced.client(service), call)(**arguments)
    for key_id, secret, codes in (
        (KEY_ID, SECRET[::-1], ("InvalidSignatureException", "SignatureDoesNotMatch")),
        ("AKIAUNKNOWNUNKNOWN12", SECRET, ("UnrecognizedClientException", "InvalidClientTokenId")),
    ):
        client = enforced.client(service, key_id=key_id, secret=secret)
        with pytest.raises(client.exceptions.ClientError) as failed:
            getattr(client, call)(**arguments)
        assert failed.value.response["Error"]["Code"] in codes


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_every_protocol_is_verified(enforced, protocol):
    good = enforced.client("cloudwatch", protocol=protocol)
    good.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Signed", "Value": 1.0}])
    bad = enforced.client("cloudwatch", protocol=protocol, secret="wrong")
    with pytest.raises(bad.exceptions.ClientError) as failed:
        bad.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Forged", "Value": 1.0}])
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    assert [metric["MetricName"] for metric in good.list_metrics(Namespace="Shop")["Metrics"]] == ["Signed"]


def test_a_presigned_url_works_until_it_expires(enforced):
    import urllib.error
    import urllib.request

    def fetch(seconds_ago, expires):
        request = AWSRequest("GET", f"{enforced.endpoint}/?Action=ListMetrics&Version=2010-08-01")
        signer = botocore.auth.SigV4QueryAuth(Credentials(KEY_ID, SECRET), "monitoring", REGION, expires=expires)
        at = dt.datetime.now(dt.timezone.utc) - dt.timedelta(seconds=seconds_ago)
        original = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda *_, **__: at.replace(tzinfo=None)
        try:
            signer.add_auth(request)
        finally:
            botocore.auth.get_current_datetime = original
        try:
            with urllib.request.urlopen(request.url, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert fetch(0, 60) == 200
    assert fetch(600, 60) in (400, 403)


def test_a_key_is_made_and_shown_once(tmp_path):
    with Server("--auth", "enforced", data_dir=tmp_path) as server:
        assert server.stop() == 0
        shown = "".join(server.output)
        key_id = re.search(r"AWS_ACCESS_KEY_ID=(\S+)", shown).group(1)
        secret = re.search(r"AWS_SECRET_ACCESS_KEY=(\S+)", shown).group(1)
        server.start()
        server.client("logs", key_id=key_id, secret=secret).describe_log_groups()
        with raises(None, "UnrecognizedClientException"):
            server.client("logs").describe_log_groups()
        server.stop()
        assert secret not in "".join(server.output)
        for path in tmp_path.rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path
        server.start()


def test_a_key_that_nobody_saw_is_shown_later(tmp_path):
    def shown(server):
        server.stop()
        return re.findall(r"AWS_SECRET_ACCESS_KEY=([A-Za-z0-9/+]{40})", "".join(server.output))

    assert shown(Server("--auth", "open", data_dir=tmp_path).start()) == []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failed = Server("--auth", "enforced", data_dir=tmp_path, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(AssertionError, match="cannot listen"):
            failed.start()
    assert len(shown(Server("--auth", "enforced", data_dir=tmp_path).start())) == 1
    assert shown(Server("--auth", "enforced", data_dir=tmp_path).start()) == []


def test_open_mode_does_not_listen_on_the_network():
    with pytest.raises(AssertionError, match="allow-open-on-network"):
        Server("--auth", "open", listen="0.0.0.0:0").start()
