"""Servers over one PostgreSQL and one place of segments: each answers everything, one works, and another goes on when it is lost."""

import collections
import itertools
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import postgres as postgresql
from server import BINARY, KEY_ID, SECRET, Server, free_port, until

# A takeover takes the time of a lease, and of a start.
TAKEOVER_SECONDS = 40
LEASE_LOST = 75


class Cluster:
    """Servers that are told to be one cluster's."""

    def __init__(self, url, folder):
        self.folder, self.numbers = folder, itertools.count()
        (folder / "master.key").write_bytes(os.urandom(32))
        self.environment = {
            "WATCHKEEP_CATALOG_URL": url,
            "WATCHKEEP_DATA_SEGMENTS": str(folder / "segments"),
            "WATCHKEEP_DATA_MASTER_KEY": str(folder / "master.key"),
            "WATCHKEEP_DATA_SEAL_AFTER": "2",
            "WATCHKEEP_ROOT_ACCESS_KEY_ID": KEY_ID,
            "WATCHKEEP_ROOT_SECRET_ACCESS_KEY": SECRET,
        }

    def server(self, **environment):
        place = {"WATCHKEEP_CLUSTER_LISTEN": f"127.0.0.1:{free_port()}"}
        data_dir = self.folder / f"server-{next(self.numbers)}"
        return Server("--auth", "enforced", data_dir=data_dir, environment={**self.environment, **place, **environment})


@pytest.fixture
def cluster(postgres, tmp_path):
    return Cluster(postgres.database(f"cluster{time.monotonic_ns()}"), tmp_path)


def works(server):
    """Whether it is the one that works: it alone answers /_watchkeep/ itself."""
    try:
        server.admin("nothing")
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        return False
    raise AssertionError("no such verb, and an answer")


def the_one(servers):
    """Waits until one works; it and the others."""
    found = until(lambda: [server for server in servers if server.process.poll() is None and works(server)], TAKEOVER_SECONDS)
    assert len(found) == 1
    return found[0], [server for server in servers if server is not found[0]]


def end(servers):
    """Ends those that still run, however they are."""
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.kill()


def messages(server, name):
    paginator = server.client("logs").get_paginator("filter_log_events")
    return [event["message"] for page in paginator.paginate(logGroupName=name) for event in page["events"]]


def make_stream(server, name):
    logs = server.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")


def put(server, name, *texts):
    events = [{"timestamp": int(time.time() * 1000), "message": text} for text in texts]
    server.client("logs").put_log_events(logGroupName=name, logStreamName="s", logEvents=events)


def test_what_one_server_was_told_every_server_knows(cluster):
    with cluster.server() as one, cluster.server() as two:
        worker, (other,) = the_one([one, two])
        make_stream(other, "/told")
        for number, (writer, reader) in enumerate([(worker, other), (other, worker)] * 5):
            put(writer, "/told", f"line {number}")
            assert f"line {number}" in messages(reader, "/told")
        # Whatever the protocol, and however long the body; the signature is the client's own.
        other.client("cloudwatch", protocol="query").put_dashboard(DashboardName="d", DashboardBody='{"widgets":[]}')
        assert [d["DashboardName"] for d in worker.client("cloudwatch").list_dashboards()["DashboardEntries"]] == ["d"]
        body = os.urandom(12 << 20)
        s3 = other.client("s3", s3={"addressing_style": "path"})
        s3.create_bucket(Bucket="across")
        s3.put_object(Bucket="across", Key="large", Body=body)
        assert worker.client("s3", s3={"addressing_style": "path"}).get_object(Bucket="across", Key="large")["Body"].read() == body
        assert s3.get_object(Bucket="across", Key="large")["Body"].read() == body
        with pytest.raises(ClientError) as refused:
            other.client("logs", secret="wrong").describe_log_groups()
        assert refused.value.response["Error"]["Code"] in ("InvalidSignatureException", "SignatureDoesNotMatch")
        for server in (one, two):
            with urllib.request.urlopen(f"{server.endpoint}/health") as answer:
                assert json.load(answer)["status"] == "ok"
        # The record of a call names its client, not the server that handed it on.
        found = until(lambda: worker.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "PutDashboard"}])["Events"])
        assert json.loads(found[0]["CloudTrailEvent"])["sourceIPAddress"] == "127.0.0.1"


def test_nobody_speaks_for_a_client_but_the_cluster(cluster):
    with cluster.server() as one:
        the_one([one])
        endpoint = f"http://{one.environment['WATCHKEEP_CLUSTER_LISTEN']}"
        headers = {"x-watchkeep-hop": f"{int(time.time() * 1000)} 127.0.0.1:1 - -", "x-watchkeep-hop-proof": "00" * 32}
        for sent in ({}, headers):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(f"{endpoint}/health", headers=sent))
            assert refused.value.code == 403


def queue_of_notifications(server):
    """A topic, and a queue that gets what is published to it."""
    sqs, sns = server.client("sqs"), server.client("sns")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    statement = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic


def notifications(server, seen):
    """Adds to `seen` the notifications that have come: alarm and state."""
    sqs = server.client("sqs")
    queue = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        told = json.loads(json.loads(message["Body"])["Message"])
        seen[told["AlarmName"], told["NewStateValue"]] += 1
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return seen


def transitions(server, name):
    pages = server.client("cloudwatch").get_paginator("describe_alarm_history").paginate(AlarmName=name, HistoryItemType="StateUpdate")
    items = [item for page in pages for item in page["AlarmHistoryItems"]]
    return [item["HistorySummary"].removeprefix("Alarm updated from ") for item in sorted(items, key=lambda item: item["Timestamp"])]


def test_an_alarm_is_evaluated_once_whoever_works(cluster):
    servers = [cluster.server().start(), cluster.server().start()]
    try:
        worker, (other,) = the_one(servers)
        topic = queue_of_notifications(worker)
        alarm = dict(
            Namespace="app", MetricName="Load", Statistic="Maximum", Period=10, EvaluationPeriods=1, Threshold=80.0,
            ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic], OKActions=[topic], TreatMissingData="ignore",
        )
        other.client("cloudwatch").put_metric_alarm(AlarmName="load", **alarm)

        def load(server, value):
            datum = {"MetricName": "Load", "Value": value, "StorageResolution": 1}
            server.client("cloudwatch").put_metric_data(Namespace="app", MetricData=[datum])

        def state(server):
            return server.client("cloudwatch").describe_alarms(AlarmNames=["load"])["MetricAlarms"][0]["StateValue"]

        def becomes(value, *put_at):
            def is_it():
                load(next(turns), 95.0 if value == "ALARM" else 5.0)
                return state(put_at[-1]) == value

            turns = itertools.cycle(put_at)
            until(is_it, 60, every=1)

        # Datapoints come by both servers.
        becomes("ALARM", worker, other)
        becomes("OK", other, worker)
        # What has changed is owed: the worker is lost before it can have told of it.
        worker.client("cloudwatch").put_metric_alarm(AlarmName="told", **{**alarm, "MetricName": "Other"})
        worker.client("cloudwatch").set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="by hand")
        worker.kill()
        now_worker, _ = the_one([other])
        seen = collections.Counter()
        until(lambda: ("told", "ALARM") in notifications(now_worker, seen), 30)
        worker.start()
        assert not works(worker)
        becomes("ALARM", worker, now_worker)
        until(lambda: notifications(worker, seen)["load", "ALARM"] >= 2, 30)
        assert seen["load", "OK"] >= 1
        # Each change is in history once, and none is there that was not.
        assert transitions(worker, "load") == ["INSUFFICIENT_DATA to ALARM", "ALARM to OK", "OK to ALARM"]
        assert transitions(other, "told") == ["INSUFFICIENT_DATA to ALARM"]
    finally:
        end(servers)


def test_what_was_acknowledged_is_there_after_the_worker_was_lost(cluster):
    servers = [cluster.server().start(), cluster.server().start()]
    acknowledged, sent, over = [], itertools.count(), threading.Event()

    def write(server):
        # One client: to make one takes longer than a call.
        logs = server.client("logs", connect_timeout=2, read_timeout=40)
        while not over.is_set():
            text = f"event {next(sent)}"
            event = {"timestamp": int(time.time() * 1000), "message": text}
            try:
                logs.put_log_events(logGroupName="/lost", logStreamName="s", logEvents=[event])
                acknowledged.append(text)
            except (ClientError, BotoCoreError):
                time.sleep(0.2)

    try:
        worker, _ = the_one(servers)
        make_stream(worker, "/lost")
        writers = [threading.Thread(target=write, args=(server,)) for server in servers for _ in range(2)]
        for writer in writers:
            writer.start()
        for _ in range(2):
            time.sleep(3)
            worker, rest = the_one(servers)
            before = len(acknowledged)
            # Where its clients look for it when it is back.
            worker.listen = worker.endpoint.rsplit("/", 1)[1]
            worker.kill()
            the_one(rest)
            until(lambda: len(acknowledged) > before + 5, TAKEOVER_SECONDS)
            worker.start()
        over.set()
        for writer in writers:
            writer.join()
        for server in servers:
            found = collections.Counter(messages(server, "/lost"))
            assert not [text for text in acknowledged if found[text] != 1]
            assert max(found.values()) == 1
    finally:
        over.set()
        end(servers)


def test_a_worker_that_was_away_too_long_does_no_harm(cluster):
    servers = [cluster.server().start(), cluster.server().start()]
    try:
        worker, (other,) = the_one(servers)
        make_stream(worker, "/paused")
        put(worker, "/paused", "before")
        worker.process.send_signal(signal.SIGSTOP)
        until(lambda: works(other), TAKEOVER_SECONDS)
        put(other, "/paused", "meanwhile")
        worker.process.send_signal(signal.SIGCONT)
        assert worker.process.wait(20) in (LEASE_LOST, 74)
        worker.stop()
        worker.start()
        assert not works(worker)
        put(worker, "/paused", "after")
        assert sorted(messages(worker, "/paused")) == ["after", "before", "meanwhile"]
    finally:
        end(servers)


def test_an_orderly_end_is_not_noticed_by_clients_of_the_other_servers(cluster):
    servers = [cluster.server().start(), cluster.server().start()]
    over, put_texts, failed = threading.Event(), [], []

    def write():
        for number in itertools.count():
            if over.is_set():
                return
            try:
                put(other, "/orderly", f"event {number}")
                put_texts.append(f"event {number}")
            except (ClientError, BotoCoreError) as error:
                failed.append(error)

    try:
        worker, (other,) = the_one(servers)
        make_stream(worker, "/orderly")
        writer = threading.Thread(target=write)
        writer.start()
        until(lambda: len(put_texts) > 5)
        assert worker.stop() == 0
        before = len(put_texts)
        until(lambda: len(put_texts) > before + 5, TAKEOVER_SECONDS)
        over.set()
        writer.join()
        assert works(other) and not failed
        assert messages(other, "/orderly") == put_texts
        assert other.stop() == 0
    finally:
        over.set()
        end(servers)


def test_who_does_not_belong_is_refused_at_start(cluster, tmp_path):
    with cluster.server() as one:
        the_one([one])
        other_key = tmp_path / "other.key"
        other_key.write_bytes(os.urandom(32))
        alone = {name: value for name, value in cluster.environment.items() if name == "WATCHKEEP_CATALOG_URL"}
        for environment, message in [
            (cluster.server(WATCHKEEP_DATA_MASTER_KEY=str(other_key)).environment, "not the master key of the cluster"),
            (cluster.server(WATCHKEEP_DATA_MASTER_KEY=str(tmp_path / "none.key")).environment, "there is no master key"),
            (cluster.server(WATCHKEEP_DATA_SEGMENTS="").environment, "bucket.name` or `data.segments"),
            (cluster.server(WATCHKEEP_CATALOG_URL="").environment, "needs PostgreSQL"),
            (cluster.server(WATCHKEEP_SYSLOG_UDP_LISTEN="127.0.0.1:5514").environment, "not for a cluster"),
            (one.environment, "cannot listen"),
            # A server by itself would not know of the others.
            (alone, "belongs to another data directory or to a cluster"),
        ]:
            with pytest.raises(AssertionError, match=message):
                Server(data_dir=tmp_path / "refused", environment=environment).start()
        make_stream(one, "/still")


def test_segments_in_a_bucket_are_those_of_all_servers(cluster, s3):
    endpoint, client = s3
    environment = {
        "WATCHKEEP_DATA_SEGMENTS": "",
        "WATCHKEEP_BUCKET_NAME": "segments",
        "WATCHKEEP_BUCKET_ENDPOINT": endpoint,
        "WATCHKEEP_BUCKET_PREFIX": "cluster",
        "WATCHKEEP_BUCKET_ACCESS_KEY_ID": "bucketkey",
        "WATCHKEEP_BUCKET_SECRET_ACCESS_KEY": "bucketsecret",
    }
    servers = [cluster.server(**environment).start(), cluster.server(**environment).start()]
    try:
        worker, (other,) = the_one(servers)
        make_stream(worker, "/bucket")
        put(other, "/bucket", "in a segment")
        until(lambda: client.list_objects_v2(Bucket="segments", Prefix="cluster/data/log_events").get("Contents"), 30)
        put(other, "/bucket", "in the journal")
        worker.kill()
        assert the_one([other])[0] is other
        assert messages(other, "/bucket") == ["in a segment", "in the journal"]
    finally:
        end(servers)


@pytest.fixture
def losable(tmp_path_factory):
    """A PostgreSQL that a test may lose."""
    server = postgresql.start(tmp_path_factory.mktemp("losable"))
    yield server
    server.stop()


def test_postgresql_restarts_and_is_away(losable, tmp_path):
    cluster = Cluster(losable.url, tmp_path)
    # Rows stay in the journal.
    servers = [cluster.server(WATCHKEEP_DATA_SEAL_AFTER="600").start() for _ in range(2)]
    try:
        worker, (other,) = the_one(servers)
        make_stream(worker, "/away")
        put(worker, "/away", "before")
        # A restart is waited for.
        losable.stop(signal.SIGQUIT)
        waiting = threading.Thread(target=put, args=(other, "/away", "meanwhile"))
        waiting.start()
        losable.start()
        waiting.join()
        assert messages(worker, "/away") == ["before", "meanwhile"]
        # Away for longer than a lease, nobody can know who works: the one that did ends, and nothing is acknowledged.
        losable.stop(signal.SIGQUIT)
        assert worker.process.wait(30) in (LEASE_LOST, 74)
        losable.start()
        worker.stop()
        worker.start()
        the_one(servers)
        put(worker, "/away", "after")
        for server in servers:
            assert messages(server, "/away") == ["before", "meanwhile", "after"]
        end(servers)
        checked = subprocess.run([BINARY, "check"], env={**os.environ, **worker.environment}, capture_output=True, text=True)
        assert checked.returncode == 0 and "sound" in checked.stdout, checked
        assert re.search(r"journal: [1-9][0-9]* files, [1-9][0-9]* frames", checked.stdout), checked.stdout
    finally:
        end(servers)
