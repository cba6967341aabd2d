"""Bearer tokens: IAM's service-specific credentials, and logs that are sent with them, by plain HTTP and OTLP."""

import datetime as dt
import json
import time
import urllib.error
import urllib.request

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

from server import KEY_ID, SECRET, Server, raises

ROOT = {"WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID, "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET}
SERVICE = "logs.amazonaws.com"
GROUP, STREAM = "/forwarded", "s"
PLACE = f"logGroup={GROUP}&logStream={STREAM}"


def now_ms():
    return int(time.time() * 1000)


def enforced(*flags, **options):
    return Server("--auth", "enforced", *flags, environment=ROOT, **options)


def send(server, path, body, token=None, content_type="application/json", **headers):
    """POSTs; status, answer and headers."""
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    body = body if isinstance(body, str) else json.dumps(body)
    request = urllib.request.Request(server.endpoint + path, data=body.encode(), headers={"content-type": content_type, **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read()), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


def create(server, **arguments):
    iam = server.client("iam")
    return iam.create_service_specific_credential(UserName="root", ServiceName=SERVICE, **arguments)["ServiceSpecificCredential"]


def group(server, name=GROUP, enabled=True):
    logs = server.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=STREAM)
    if enabled:
        logs.put_bearer_token_authentication(logGroupIdentifier=name, bearerTokenAuthenticationEnabled=True)
    return logs


def messages(server, name=GROUP):
    events = server.client("logs").get_log_events(logGroupName=name, logStreamName=STREAM, startFromHead=True)["events"]
    return [event["message"] for event in events]


def otlp(text):
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": text}}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


@pytest.fixture
def server():
    with enforced() as server:
        yield server


def test_every_endpoint_takes_a_token(server):
    logs = group(server)
    logs.put_metric_filter(
        logGroupName=GROUP, filterName="errors", filterPattern="ERROR",
        metricTransformations=[{"metricNamespace": "Shop", "metricName": "Errors", "metricValue": "1"}],
    )
    token = create(server)["ServiceCredentialSecret"]
    now = now_ms()
    names = {"x-aws-log-group": GROUP, "x-aws-log-stream": STREAM}
    assert send(server, f"/ingest/json?{PLACE}", [{"timestamp": now - 5, "a": "ERROR"}], token)[:2] == (200, {})
    assert send(server, "/ingest/bulk", f'{{"timestamp":{now - 4}}}\n', token, "application/x-ndjson", **names)[:2] == (200, {})
    collected = f'{{"event":"ERROR one","time":{(now - 3) / 1000}}}{{"event":"two","time":{(now - 2) / 1000}}}'
    assert send(server, f"/services/collector/event?{PLACE}", collected, token)[:2] == (200, {})
    assert send(server, "/v1/logs", otlp("three"), token, **names)[:2] == (200, {})
    # As an exporter of OpenTelemetry sends it.
    provider = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"{server.endpoint}/v1/logs", headers={"authorization": f"Bearer {token}", **names})
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("tests").emit(LogRecord(timestamp=time.time_ns(), body="four"))
    provider.shutdown()
    *collected, third, fourth = messages(server)
    assert collected == [json.dumps({"timestamp": now - 5, "a": "ERROR"}), f'{{"timestamp":{now - 4}}}', "ERROR one", "two"]
    assert (json.loads(third)["body"], json.loads(fourth)["body"]) == ("three", "four")
    # They have gone the way of all events.
    counted = server.client("cloudwatch").get_metric_statistics(
        Namespace="Shop", MetricName="Errors", StartTime=(now - 600_000) / 1000, EndTime=(now + 60_000) / 1000,
        Period=3600, Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in counted["Datapoints"]) == 2
    for path, content_type in [("/ingest/json", "application/x-ndjson"), ("/services/collector/event", "text/plain")]:
        assert send(server, f"{path}?{PLACE}", "{}", token, content_type)[0] == 400


def test_groups_take_tokens_only_if_they_say_so(server):
    logs = group(server, enabled=False)
    group(server, "/other")
    token = create(server)["ServiceCredentialSecret"]
    body = {"timestamp": now_ms(), "n": 1}
    names = {"x-aws-log-group": GROUP, "x-aws-log-stream": STREAM}

    def refused():
        status, answer, _ = send(server, f"/ingest/json?{PLACE}", body, token)
        assert (status, answer["__type"]) == (403, "AccessDeniedException"), answer
        status, answer, _ = send(server, "/v1/logs", otlp("m"), token, **names)
        assert (status, answer["code"]) == (403, 7), answer

    refused()
    assert "bearerTokenAuthenticationEnabled" not in logs.describe_log_groups()["logGroups"][0]
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.put_bearer_token_authentication(logGroupIdentifier=arn, bearerTokenAuthenticationEnabled=True)
    assert logs.describe_log_groups()["logGroups"][0]["bearerTokenAuthenticationEnabled"] is True
    assert send(server, f"/ingest/json?{PLACE}", body, token)[0] == 200
    logs.put_bearer_token_authentication(logGroupIdentifier=GROUP, bearerTokenAuthenticationEnabled=False)
    refused()
    assert messages(server) == [json.dumps(body)]
    # Nothing is created by a token, as by OTLP otherwise.
    assert send(server, "/v1/logs", otlp("m"), token)[0] == 403
    assert len(logs.describe_log_groups()["logGroups"]) == 2
    assert send(server, "/ingest/json?logGroup=/none&logStream=s", body, token)[0] == 400
    with raises(logs, "ResourceNotFoundException"):
        logs.put_bearer_token_authentication(logGroupIdentifier="/none", bearerTokenAuthenticationEnabled=True)


def test_tokens_are_good_for_nothing_else(server):
    group(server)
    token = create(server)["ServiceCredentialSecret"]
    target = {"x-amz-target": "Logs_20140328.DescribeLogGroups"}
    for path, body, content_type, headers in [
        ("/", "{}", "application/x-amz-json-1.1", target),
        ("/", "Action=ListServiceSpecificCredentials&Version=2010-05-08", "application/x-www-form-urlencoded", {}),
        ("/v1/metrics", "{}", "application/json", {}),
        ("/prometheus/api/v1/query", "query=up", "application/x-www-form-urlencoded", {}),
        ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", "", "application/grpc", {}),
    ]:
        request = urllib.request.Request(
            server.endpoint + path, data=body.encode(), headers={"content-type": content_type, "authorization": f"Bearer {token}", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                # gRPC tells its failures behind an answer of status 200.
                assert answer.headers["grpc-status"] == "16", path
        except urllib.error.HTTPError as error:
            answered = error.read()
            assert error.code in (400, 401, 403) and token.encode() not in answered, (path, answered)


def test_what_is_no_valid_token_is_refused_and_told_nothing(server):
    group(server)
    token = create(server)["ServiceCredentialSecret"]
    for wrong in (token[:-4] + "AAAA", token.lower(), "ACWL", "x" * 5000, ""):
        status, answer, headers = send(server, f"/ingest/json?{PLACE}", {}, wrong)
        assert status == 401 and token not in json.dumps(answer), answer
        assert "Bearer" in headers.get_all("www-authenticate")
    status, answer, _ = send(server, f"/ingest/json?{PLACE}", {})
    assert (status, answer["__type"]) == (401, "MissingAuthenticationTokenException")
    assert messages(server) == []


def test_a_token_expires():
    start = now_ms()
    with enforced("--manual-clock", str(start)) as server:
        group(server)
        created = create(server, CredentialAgeDays=1)
        assert created["ExpirationDate"] - created["CreateDate"] == dt.timedelta(days=1)
        token = created["ServiceCredentialSecret"]
        assert send(server, f"/ingest/json?{PLACE}", {"n": 1}, token)[0] == 200
        server.admin("clock", advance_ms=24 * 3_600_000 - 60_000)
        assert send(server, f"/ingest/json?{PLACE}", {"n": 2}, token)[0] == 200
        server.admin("clock", advance_ms=60_000)
        status, answer, _ = send(server, f"/ingest/json?{PLACE}", {"n": 3}, token)
        assert (status, answer["__type"]) == (401, "ExpiredTokenException")


def test_credentials_are_listed_switched_reset_and_deleted(server):
    group(server)
    iam = server.client("iam")
    first, second = create(server), create(server, CredentialAgeDays=36_600)
    assert first["ServiceCredentialSecret"].startswith("ACWL") and first["ServiceSpecificCredentialId"].startswith("ACCA")
    assert (first["Status"], first["UserName"], first["ServiceName"]) == ("Active", "root", SERVICE)
    assert "ServicePassword" not in first and "ExpirationDate" not in first
    with raises(iam, "LimitExceeded"):
        create(server)
    with raises(iam, "NoSuchEntity", "The user with name alice cannot be found."):
        iam.create_service_specific_credential(UserName="alice", ServiceName=SERVICE)
    with raises(iam, "NotSupportedService"):
        iam.create_service_specific_credential(UserName="root", ServiceName="codecommit.amazonaws.com")
    with raises(iam, "ValidationError"):
        server.client("iam", parameter_validation=False).create_service_specific_credential(
            UserName="root", ServiceName=SERVICE, CredentialAgeDays=36_601
        )

    page = iam.list_service_specific_credentials(AllUsers=True, MaxItems=1)
    assert page["IsTruncated"] and len(page["ServiceSpecificCredentials"]) == 1
    rest = iam.list_service_specific_credentials(AllUsers=True, Marker=page["Marker"])
    assert not rest["IsTruncated"] and "Marker" not in rest
    listed = page["ServiceSpecificCredentials"] + rest["ServiceSpecificCredentials"]
    ids = {credential["ServiceSpecificCredentialId"] for credential in (first, second)}
    assert {entry["ServiceSpecificCredentialId"] for entry in listed} == ids
    assert all("ServiceCredentialSecret" not in entry and entry["ServiceCredentialAlias"] for entry in listed)

    def status(token):
        return send(server, f"/ingest/json?{PLACE}", {"n": 1}, token)[0]

    named = {"UserName": "root", "ServiceSpecificCredentialId": first["ServiceSpecificCredentialId"]}
    token = first["ServiceCredentialSecret"]
    assert status(token) == 200
    iam.update_service_specific_credential(**named, Status="Inactive")
    [inactive] = [entry for entry in iam.list_service_specific_credentials(UserName="root")["ServiceSpecificCredentials"] if entry["Status"] == "Inactive"]
    assert inactive["ServiceSpecificCredentialId"] == named["ServiceSpecificCredentialId"] and status(token) == 401
    iam.update_service_specific_credential(**named, Status="Active")
    assert status(token) == 200
    reset = iam.reset_service_specific_credential(**named)["ServiceSpecificCredential"]
    assert (status(token), status(reset["ServiceCredentialSecret"])) == (401, 200)
    iam.delete_service_specific_credential(**named)
    assert status(reset["ServiceCredentialSecret"]) == 401
    with raises(iam, "NoSuchEntity"):
        iam.delete_service_specific_credential(**named)
    assert status(second["ServiceCredentialSecret"]) == 200


def test_tokens_survive_a_crash_and_are_kept_nowhere(tmp_path):
    data = tmp_path / "data"
    levels = ",".join(f"watchkeep_{crate}=trace" for crate in ("gateway", "wire", "identity", "logs", "store"))
    with enforced("--log-level", f"info,{levels}", data_dir=data) as server:
        group(server)
        kept, gone = create(server), create(server)
        server.client("iam").delete_service_specific_credential(ServiceSpecificCredentialId=gone["ServiceSpecificCredentialId"])
        tokens = [kept["ServiceCredentialSecret"], gone["ServiceCredentialSecret"]]
        sent = [{"n": n} for n in range(20)]
        for body in sent:
            assert send(server, f"/ingest/json?{PLACE}", body, tokens[0])[0] == 200
        output = []
        server.kill()
        output += server.output
        server.start()
        assert messages(server) == [json.dumps(body) for body in sent]
        assert [send(server, f"/ingest/json?{PLACE}", {}, token)[0] for token in tokens] == [200, 401]
        # Sent where it does not belong, it is not kept either.
        assert send(server, f"/ingest/json?{PLACE}", {}, authorization=tokens[0])[0] == 401

        reset = server.client("iam").reset_service_specific_credential(ServiceSpecificCredentialId=kept["ServiceSpecificCredentialId"])
        tokens.append(reset["ServiceSpecificCredential"]["ServiceCredentialSecret"])
        events = server.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "iam.amazonaws.com"}]
        )["Events"]
        assert {event["EventName"] for event in events} == {
            "CreateServiceSpecificCredential", "DeleteServiceSpecificCredential", "ResetServiceSpecificCredential",
        }
        created = [json.loads(event["CloudTrailEvent"]) for event in events if event["EventName"] == "CreateServiceSpecificCredential"]
        recorded = {record["responseElements"]["serviceSpecificCredential"]["serviceSpecificCredentialId"] for record in created}
        assert recorded == {kept["ServiceSpecificCredentialId"], gone["ServiceSpecificCredentialId"]}
        server.stop()
        output += server.output
        secrets = [token[len("ACWL"):].encode() for token in tokens]
        files = [path for path in data.rglob("*") if path.is_file()]
        assert any(path.name == "catalog.sqlite" for path in files)
        for path in files:
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path
        text = json.dumps([event["CloudTrailEvent"] for event in events]) + "".join(output)
        assert "call answered" in text and not any(secret.decode() in text for secret in secrets)
        server.start()


def test_by_the_aws_cli(server):
    server.cli("logs", "create-log-group", "--log-group-name", GROUP)
    server.cli("logs", "create-log-stream", "--log-group-name", GROUP, "--log-stream-name", STREAM)
    created = server.cli(
        "iam", "create-service-specific-credential", "--user-name", "root", "--service-name", SERVICE, "--credential-age-days", 30
    )["ServiceSpecificCredential"]
    server.cli("logs", "put-bearer-token-authentication", "--log-group-identifier", GROUP, "--bearer-token-authentication-enabled")
    assert send(server, f"/services/collector/event?{PLACE}", {"event": "by hand"}, created["ServiceCredentialSecret"])[0] == 200
    assert messages(server) == ["by hand"]
    listed = server.cli("iam", "list-service-specific-credentials", "--user-name", "root", "--service-name", SERVICE)
    assert [entry["ServiceSpecificCredentialId"] for entry in listed["ServiceSpecificCredentials"]] == [created["ServiceSpecificCredentialId"]]
    named = ["--user-name", "root", "--service-specific-credential-id", created["ServiceSpecificCredentialId"]]
    server.cli("iam", "update-service-specific-credential", *named, "--status", "Inactive")
    assert send(server, f"/services/collector/event?{PLACE}", {"event": "no"}, created["ServiceCredentialSecret"])[0] == 401


def test_where_nobody_proves_anything_tokens_prove_nothing(tmp_path):
    with Server("--auth", "open") as server:
        group(server, enabled=False)
        for token in ("any", create(server)["ServiceCredentialSecret"]):
            assert send(server, f"/ingest/json?{PLACE}", {"n": 1}, token)[0] == 200
