"""Live Tail through stock clients: boto3's event streams, and the AWS CLI's commands."""

import os
import select
import socket
import subprocess
import sys
import threading
import time

from server import KEY_ID, REGION, SECRET, Server, raises, until

GROUP, STREAM = "/shop/web", "web-1"
ARN = f"arn:aws:logs:{REGION}:000000000000:log-group:{GROUP}"


def client(server):
    """The host prefix of StartLiveTail makes a name that no resolver knows."""
    return server.client("logs", inject_host_prefix=False, read_timeout=20)


def create(logs):
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)


def put(logs, *messages):
    at = int(time.time() * 1000)
    logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[{"timestamp": at, "message": m} for m in messages])


def test_events_arrive_as_they_come_in(server):
    logs = client(server)
    create(logs)
    put(logs, "before")
    answer = logs.start_live_tail(logGroupIdentifiers=[ARN], logEventFilterPattern="{ $.level = ERROR }")
    stream = iter(answer["responseStream"])
    started = time.monotonic()
    start = next(stream)["sessionStart"]
    assert start["logGroupIdentifiers"] == [ARN] and start["logEventFilterPattern"] == "{ $.level = ERROR }"
    assert next(stream)["sessionUpdate"] == {"sessionMetadata": {"sampled": False}, "sessionResults": []}
    assert time.monotonic() - started < 5, "updates do not wait for a full buffer"
    put(logs, '{"level":"ERROR","n":1}', '{"level":"INFO","n":2}', "ERROR")
    results = next(update for event in stream if (update := event["sessionUpdate"]["sessionResults"]))
    assert [event["message"] for event in results] == ['{"level":"ERROR","n":1}']
    assert results[0]["logStreamName"] == STREAM and results[0]["logGroupIdentifier"] == f"000000000000:{GROUP}"
    assert results[0]["ingestionTime"] >= results[0]["timestamp"] - 1000
    answer["responseStream"].close()


def test_any_host_is_answered(server, monkeypatch):
    """As it is where a resolver knows the names that SDKs make with the prefix."""
    resolve = socket.getaddrinfo
    asked = []

    def resolved(host, *arguments, **named):
        asked.append(host)
        return resolve(host.removeprefix("stream-").removeprefix("streaming-"), *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    logs = server.client("logs")
    create(logs)
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN])["responseStream"]
    assert "sessionStart" in next(iter(stream))
    assert any(host.startswith("stream") for host in asked)
    stream.close()


def test_sessions_end_when_their_clients_go(server):
    logs = client(server)
    create(logs)
    streams = [client(server).start_live_tail(logGroupIdentifiers=[ARN])["responseStream"] for _ in range(15)]
    with raises(logs, "LimitExceededException"):
        logs.start_live_tail(logGroupIdentifiers=[ARN])
    for stream in streams:
        stream.close()

    def starts():
        try:
            return logs.start_live_tail(logGroupIdentifiers=[ARN])["responseStream"]
        except logs.exceptions.LimitExceededException:
            return None

    until(starts, every=0.2).close()
    with raises(logs, "InvalidParameterException"):
        logs.start_live_tail(logGroupIdentifiers=[f"{ARN}:*"])
    with raises(logs, "ResourceNotFoundException"):
        logs.start_live_tail(logGroupIdentifiers=[f"{ARN}-none"])


def test_the_call_is_recorded(server):
    logs, trails = client(server), server.client("cloudtrail")
    create(logs)
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN])["responseStream"]
    attribute = {"AttributeKey": "EventName", "AttributeValue": "StartLiveTail"}
    found = until(lambda: trails.lookup_events(LookupAttributes=[attribute])["Events"])
    assert found[0]["EventSource"] == "logs.amazonaws.com"
    stream.close()


def test_puts_are_not_held_up_by_viewers_who_do_not_read(server):
    logs = client(server)
    create(logs)
    streams = [client(server).start_live_tail(logGroupIdentifiers=[ARN])["responseStream"] for _ in range(5)]
    for _ in range(30):
        put(logs, *["x" * 1000] * 900)
    for stream in streams:
        stream.close()


def cli(server, *arguments, **extra):
    """The AWS CLI, running; its output as it comes."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PAGER": "",
        "PYTHONUNBUFFERED": "1",
        **extra,
    }
    aws = [sys.executable, "-m", "awscli", *arguments]
    return subprocess.Popen(aws, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_line(process, wanted, again, seconds_max=40):
    """Reads lines until one has `wanted` in it; until then, `again` is called now and then."""
    ends = time.monotonic() + seconds_max
    while time.monotonic() < ends:
        again()
        if select.select([process.stdout], [], [], 1)[0]:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            if wanted in line:
                return line
    raise AssertionError(f"no line with {wanted}")


def test_the_cli_tails(server):
    logs = client(server)
    create(logs)
    process = cli(server, "logs", "start-live-tail", "--log-group-identifiers", ARN, AWS_DISABLE_HOST_PREFIX_INJECTION="true")
    try:
        until_line(process, "by the CLI", lambda: put(logs, "seen by the CLI"))
    finally:
        process.kill()
        process.communicate()


def test_tail_follow_goes_on_where_it_was(server):
    """What `aws logs tail --follow` of version 2 does: FilterLogEvents from the newest time seen, without what was seen."""
    logs = client(server)
    create(logs)
    seen, since = {}, 0

    def poll():
        nonlocal since
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, startTime=since, filterPattern="-debug")
        for event in (event for page in pages for event in page["events"]):
            seen.setdefault(event["eventId"], event["message"])
            since = max(since, event["timestamp"])
        return list(seen.values())

    put(logs, "first", "debug")
    assert poll() == ["first"]
    assert poll() == ["first"]
    put(logs, "second")
    assert poll() == ["first", "second"]


def test_a_stream_ends_with_the_server():
    server = Server().start()
    try:
        logs = client(server)
        create(logs)
        stream = logs.start_live_tail(logGroupIdentifiers=[ARN])["responseStream"]
        events = []
        reading = threading.Thread(target=lambda: events.extend(stream))
        reading.start()
        until(lambda: len(events) > 1)
    finally:
        assert server.stop() == 0
    reading.join(10)
    assert not reading.is_alive()
