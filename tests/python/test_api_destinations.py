"""API destinations over the wire: the request that a real HTTP server gets, OAuth's tokens and their refresh, what is tried again, restarts."""

import base64
import http.server
import json
import queue
import threading
import urllib.parse

import pytest

from server import Server, raises, until

WAIT_SECONDS = 30


class Receiver:
    """An HTTP server: answers as it is told (200 if it is not), and hands over what it got. Its path /token gives tokens t1, t2, ..."""

    def __init__(self):
        self.got, self.tokens_asked, self.answers = queue.Queue(), queue.Queue(), queue.Queue()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                request = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body}
                answer, status, headers = b"", 200, {}
                if self.path.startswith("/token"):
                    receiver.tokens_asked.put(request)
                    answer = json.dumps({"access_token": f"t{receiver.tokens_asked.qsize()}", "expires_in": 3600}).encode()
                else:
                    if not receiver.answers.empty():
                        status, headers = receiver.answers.get()
                    receiver.got.put(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.got.get(timeout=WAIT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


API_KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hidden-key"}}


def route(server, url, kind="API_KEY", auth=API_KEY, target=None, **destination):
    """Sends events of source `app` to a URL."""
    events = server.client("events")
    connection = events.create_connection(Name="c", AuthorizationType=kind, AuthParameters=auth)
    until(lambda: events.describe_connection(Name="c")["ConnectionState"] != "AUTHORIZING")
    made = events.create_api_destination(
        Name="d", ConnectionArn=connection["ConnectionArn"], InvocationEndpoint=url, **{"HttpMethod": "POST", **destination}
    )
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["app"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": made["ApiDestinationArn"], **(target or {})}])
    return events


def put(events, **detail):
    answer = events.put_events(Entries=[{"Source": "app", "DetailType": "t", "Detail": json.dumps(detail)}])
    assert answer["FailedEntryCount"] == 0
    return answer["Entries"][0]["EventId"]


def test_request_is_made_of_target_connection_and_event(server, receiver):
    auth = {
        **API_KEY,
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "x-both", "Value": "connection"}],
            "QueryStringParameters": [{"Key": "q", "Value": "connection", "IsValueSecret": True}],
            "BodyParameters": [{"Key": "added", "Value": "hidden-body", "IsValueSecret": True}],
        },
    }
    target = {
        "InputPath": "$.detail",
        "HttpParameters": {
            "PathParameterValues": ["$.detail.user", "b c"],
            "HeaderParameters": {"X-Both": "target", "X-Own": "$.detail.n"},
            "QueryStringParameters": {"q": "target", "own": "1&2"},
        },
    }
    events = route(server, receiver.url + "/users/*/x/*", auth=auth, target=target, HttpMethod="PUT")
    put(events, user="ann", n=7)
    got = receiver.next()
    headers = {name.lower(): value for name, value in got["headers"].items()}
    path, _, query = got["path"].partition("?")
    assert (got["method"], path) == ("PUT", "/users/ann/x/b%20c")
    assert dict(urllib.parse.parse_qsl(query)) == {"q": "connection", "own": "1&2"}
    assert json.loads(got["body"]) == {"user": "ann", "n": 7, "added": "hidden-body"}
    expected = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Amazon/EventBridge/ApiDestinations",
        "range": "bytes=0-1048575",
        "accept-encoding": "gzip,deflate",
        "connection": "close",
        "x-both": "connection",
        "x-own": "7",
        "x-key": "hidden-key",
    }
    assert {name: headers.get(name) for name in expected} == expected
    shown = events.describe_connection(Name="c")
    assert "hidden" not in json.dumps(shown, default=str)
    assert shown["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "X-Key"}


def test_basic_authorization_and_deauthorized_connections(server, receiver):
    auth = {"BasicAuthParameters": {"Username": "ann", "Password": "pw"}}
    events = route(server, receiver.url, "BASIC", auth)
    event = put(events)
    got = receiver.next()
    assert got["headers"]["authorization"] == "Basic " + base64.b64encode(b"ann:pw").decode()
    assert json.loads(got["body"])["id"] == event
    assert events.deauthorize_connection(Name="c")["ConnectionState"] == "DEAUTHORIZING"
    assert events.describe_connection(Name="c")["ConnectionState"] == "DEAUTHORIZED"
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    with raises(events, "ResourceNotFoundException"):
        events.describe_connection(Name="none")


def oauth(receiver):
    return {
        "OAuthParameters": {
            "ClientParameters": {"ClientID": "id", "ClientSecret": "hidden"},
            "AuthorizationEndpoint": receiver.url + "/token",
            "HttpMethod": "POST",
            "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
        }
    }


def test_tokens_are_exchanged_kept_and_refreshed(server, receiver):
    events = route(server, receiver.url, "OAUTH_CLIENT_CREDENTIALS", oauth(receiver))
    assert events.describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED"
    asked = receiver.tokens_asked.get(timeout=WAIT_SECONDS)
    receiver.tokens_asked.put(asked)
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "hidden", "scope": "all"}
    assert dict(urllib.parse.parse_qsl(asked["body"])) == form
    for _ in range(2):
        put(events)
        assert receiver.next()["headers"]["authorization"] == "Bearer t1"
    receiver.answers.put((401, {}))
    put(events)
    assert [receiver.next()["headers"]["authorization"] for _ in range(2)] == ["Bearer t1", "Bearer t2"]


def test_refused_credentials_leave_a_connection_deauthorized(server, receiver):
    auth = oauth(receiver)
    receiver.answers.put((400, {}))
    auth["OAuthParameters"]["AuthorizationEndpoint"] = receiver.url + "/refusing"
    events = route(server, receiver.url, "OAUTH_CLIENT_CREDENTIALS", auth)
    shown = events.describe_connection(Name="c")
    assert (shown["ConnectionState"], shown["StateReason"]) == ("DEAUTHORIZED", "the authorization endpoint answered 400")


def test_failures_are_tried_again_and_refusals_are_not(server, receiver):
    events = route(server, receiver.url)
    receiver.answers.put((503, {"retry-after": "1"}))
    first = put(events)
    assert [json.loads(receiver.next()["body"])["id"] for _ in range(2)] == [first, first]
    receiver.answers.put((404, {}))
    refused, following = put(events), put(events)
    assert {json.loads(receiver.next()["body"])["id"] for _ in range(2)} == {refused, following}
    assert receiver.got.empty()


def test_secrets_and_events_survive_kill_9(tmp_path, receiver):
    with Server(data_dir=tmp_path) as server:
        events = route(server, receiver.url)
        receiver.answers.put((503, {"retry-after": "2"}))
        event = put(events)
        receiver.next()
        server.kill()
        server.start()
        got = receiver.next()
        assert (json.loads(got["body"])["id"], got["headers"]["x-key"]) == (event, "hidden-key")
        files = (path for path in tmp_path.rglob("*") if path.is_file())
        assert not any(b"hidden-key" in path.read_bytes() for path in files)
