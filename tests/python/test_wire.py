"""The wire itself: bytes that no well-behaved client sends, and headers that every one expects."""

import gzip
import http.client
import json
import socket
import urllib.parse

import pytest


@pytest.fixture
def send(server):
    """Sends one request; (status, headers, body)."""
    host = urllib.parse.urlsplit(server.endpoint).netloc

    def send(method="POST", path="/", body=b"", **headers):
        connection = http.client.HTTPConnection(host, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        result = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return result

    send.host = host
    return send


JSON_LOGS = {"Content_Type": "application/x-amz-json-1.1"}


def target(operation, service="Logs_20140328"):
    return {**JSON_LOGS, "X_Amz_Target": f"{service}.{operation}"}


def test_health(send):
    status, _, body = send("GET", "/health")
    assert status == 200 and json.loads(body)["status"] == "ok"


def test_json_answers(send):
    status, headers, body = send(body=b"{}", **target("DescribeLogGroups"))
    assert status == 200 and headers["content-type"] == "application/x-amz-json-1.1"
    assert len(headers["x-amzn-requestid"]) == 36 and json.loads(body) == {"logGroups": []}


def test_bad_json_requests_get_json_errors(send):
    cases = [
        (target("DescribeLogGroups"), b"{", 400, "SerializationException"),
        (target("DescribeLogGroups"), b'{"limit": "many"}', 400, "SerializationException"),
        (target("DescribeLogGroups"), b"[]", 400, "SerializationException"),
        (target("DescribeLogGroups"), b'{"limit": 51}', 400, "InvalidParameterException"),
        (target("CreateLogGroup"), b"{}", 400, "InvalidParameterException"),
        (target("CreateLogGroup"), b'{"logGroupName": "spaces are refused"}', 400, "InvalidParameterException"),
        (target("NoSuchOperation"), b"{}", 404, "UnknownOperationException"),
        (target("DescribeLogGroups"), b"{" + b'"a":[' * 100_000, 400, "SerializationException"),
        (target("DescribeLogGroups"), bytes(range(256)), 400, "SerializationException"),
    ]
    for headers, body, status, code in cases:
        answer = send(body=body, **headers)
        assert answer[0] == status, (body[:40], answer)
        assert json.loads(answer[2])["__type"].split("#")[-1] == code, (body[:40], answer)
        assert answer[1]["x-amzn-requestid"]


def test_query_answers_are_xml(send):
    form = {"Content_Type": "application/x-www-form-urlencoded; charset=utf-8"}
    status, headers, body = send(body=b"Action=ListMetrics&Version=2010-08-01", **form)
    assert status == 200 and headers["content-type"].startswith("text/xml")
    assert b'<ListMetricsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">' in body and b"<RequestId>" in body
    status, _, body = send(body=b"Action=NoSuch&Version=2010-08-01", **form)
    assert status == 400 and b"<Code>InvalidAction</Code>" in body and b"<Type>Sender</Type>" in body
    status, _, body = send(body=b"Action=PutMetricData&Version=2010-08-01&Namespace=X&MetricData.member.1.Value=abc&MetricData.member.1.MetricName=n", **form)
    assert status == 400 and b"<ErrorResponse" in body
    status, _, body = send("GET", "/?Action=ListMetrics&Version=2010-08-01")
    assert status == 200 and b"<ListMetricsResult>" in body


def test_cbor_answers_are_cbor(send):
    headers = {"Content_Type": "application/cbor", "Smithy_Protocol": "rpc-v2-cbor", "Accept": "application/cbor"}
    status, answered, body = send(path="/service/GraniteServiceVersion20100801/operation/ListMetrics", body=b"\xa0", **headers)
    assert status == 200 and answered["content-type"] == "application/cbor" and answered["smithy-protocol"] == "rpc-v2-cbor"
    for bad in (b"", b"\xff", b"\x9f" * 100_000, b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", b"\xa1\x69Namespace\x01"):
        status, answered, body = send(path="/service/GraniteServiceVersion20100801/operation/PutMetricData", body=bad, **headers)
        assert 400 <= status < 500 and answered["content-type"] == "application/cbor", (bad[:10], status, body)


def test_gzip_bodies(send):
    status, _, body = send(body=gzip.compress(b"{}"), Content_Encoding="gzip", **target("DescribeLogGroups"))
    assert status == 200, body
    status, _, _ = send(body=b"not gzip", Content_Encoding="gzip", **target("DescribeLogGroups"))
    assert status == 400
    bomb = gzip.compress(b" " * (256 << 20))
    status, _, _ = send(body=bomb, Content_Encoding="gzip", **target("DescribeLogGroups"))
    assert status in (400, 413)


def test_any_host_will_do(send):
    for host in ("logs.us-east-1.amazonaws.com", "stream-localhost:4566", "watchkeep.example"):
        assert send(body=b"{}", Host=host, **target("DescribeLogGroups"))[0] == 200


def test_browsers_may_call_from_loopback_only(send):
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-amz-target,authorization,content-type"}
    status, headers, _ = send("OPTIONS", Origin="http://localhost:3000", **asked)
    assert status in (200, 204) and headers["access-control-allow-origin"] == "http://localhost:3000"
    status, headers, _ = send("OPTIONS", Origin="https://evil.example", **asked)
    assert "access-control-allow-origin" not in headers
    status, headers, _ = send(body=b"{}", Origin="https://evil.example", **target("DescribeLogGroups"))
    assert status == 403
    status, _, _ = send(path="/_watchkeep/reset", Origin="https://evil.example")
    assert status == 403
    status, _, _ = send(path="/_watchkeep/reset", Host="rebound.example")
    assert status == 403


def test_connections_are_kept_and_garbage_is_refused(send):
    host, port = send.host.split(":")
    connection = http.client.HTTPConnection(send.host, timeout=20)
    for _ in range(3):
        connection.request("POST", "/", b"{}", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.DescribeLogGroups"})
        assert connection.getresponse().read() == b'{"logGroups":[]}'
    connection.close()
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(b"\x16\x03\x01garbage\r\n\r\n")
        assert raw.recv(1024)[:12] in (b"HTTP/1.1 400", b"")
    assert send("GET", "/health")[0] == 200


def test_too_much_is_refused(send):
    try:
        status, _, _ = send(body=b" " * (64 << 20), **target("DescribeLogGroups"))
        assert status == 413
    except (BrokenPipeError, ConnectionResetError):
        # The server answered and closed before the client had sent everything.
        pass
    assert send("GET", "/health")[0] == 200
    status, _, _ = send("GET", "/" + "x" * 200_000)
    assert status in (414, 431, 400)
