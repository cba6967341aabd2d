"""Segments in an S3 bucket, the catalog in PostgreSQL, and DuckDB reading the open files of a running server."""

import pathlib
import signal
import socket
import threading
import time

import duckdb
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from server import Server, until

SEAL_SOON = {"WATCHKEEP_DATA_SEAL_AFTER": "1"}
GROUP = {"logGroupName": "/storage"}
STREAM = {**GROUP, "logStreamName": "s"}


def fill(server, count, word="row"):
    logs = server.client("logs")
    if not logs.describe_log_groups()["logGroups"]:
        logs.create_log_group(**GROUP)
        logs.create_log_stream(**STREAM)
    now = int(time.time() * 1000)
    logs.put_log_events(**STREAM, logEvents=[{"timestamp": now, "message": f'{{"word": "{word}", "n": {n}}}'} for n in range(count)])


def count(server, pattern=""):
    pages = server.client("logs").get_paginator("filter_log_events").paginate(**GROUP, filterPattern=pattern)
    return sum(len(page["events"]) for page in pages)


def bucket(endpoint, name):
    return {
        **SEAL_SOON,
        "WATCHKEEP_BUCKET_NAME": name,
        "WATCHKEEP_BUCKET_ENDPOINT": endpoint,
        "WATCHKEEP_BUCKET_PREFIX": "watchkeep",
        "WATCHKEEP_BUCKET_ACCESS_KEY_ID": "bucketkey",
        "WATCHKEEP_BUCKET_SECRET_ACCESS_KEY": "bucketsecret",
    }


def test_segments_in_a_bucket(s3, tmp_path):
    endpoint, client = s3
    with Server(data_dir=tmp_path, environment=bucket(endpoint, "segments")) as server:
        fill(server, 500)

        def sealed():
            listed = client.list_objects_v2(Bucket="segments", Prefix="watchkeep").get("Contents", [])
            return [item["Key"] for item in listed if "log_events" in item["Key"] and item["Key"].endswith(".parquet")]

        until(sealed, seconds_max=30)
        assert count(server) == 500
        fill(server, 10, word="rare")
        assert count(server, "rare") == 10
        server.kill()
        server.start()
        assert count(server) == 510
    assert not list(tmp_path.rglob("*.parquet"))


class Proxy:
    """Passes bytes on to a server, until it is told to cut every connection after some of them."""

    def __init__(self, port):
        self.port, self.bytes_max = port, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    def copy(self, source, sink):
        passed = 0
        try:
            while piece := source.recv(65536):
                if self.bytes_max is not None and passed + len(piece) > self.bytes_max:
                    sink.sendall(piece[: self.bytes_max - passed])
                    break
                passed += len(piece)
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            end.close()


def test_a_bucket_that_fails_midway_loses_and_repeats_nothing(s3, tmp_path):
    endpoint, client = s3
    proxy = Proxy(int(endpoint.rsplit(":", 1)[1]))
    environment = {**bucket(proxy.endpoint, "segments"), "WATCHKEEP_BUCKET_PREFIX": "midway"}

    def sealed():
        listed = client.list_objects_v2(Bucket="segments", Prefix="midway/data/log_events").get("Contents", [])
        return len(listed)

    with Server(data_dir=tmp_path, environment=environment) as server:
        fill(server, 100)
        until(sealed, seconds_max=30)
        # Each upload breaks off after its headers; writes are accepted all the same, and found.
        proxy.bytes_max = 900
        fill(server, 2000, word="meanwhile")
        before = sealed()
        time.sleep(3)
        assert sealed() == before
        server.kill()
        proxy.bytes_max = None
        server.start()
        assert count(server) == 2100 and count(server, "meanwhile") == 2000
        until(lambda: sealed() > before, seconds_max=60)
        assert count(server) == 2100
        server.kill()
        server.start()
        assert count(server) == 2100


def test_a_bucket_belongs_to_one_catalog(s3, tmp_path):
    endpoint, _ = s3
    environment = {**bucket(endpoint, "segments"), "WATCHKEEP_BUCKET_PREFIX": "owned"}
    with Server(data_dir=tmp_path / "first", environment=environment) as server:
        fill(server, 10)
        with pytest.raises(AssertionError, match="belong to the catalog"):
            Server(data_dir=tmp_path / "second", environment=environment).start()
        assert count(server) == 10


def test_a_missing_bucket_is_named_at_start(s3, tmp_path):
    endpoint, _ = s3
    with pytest.raises(AssertionError, match="nowhere"):
        Server(data_dir=tmp_path, environment=bucket(endpoint, "nowhere")).start()


def test_the_catalog_in_postgresql(postgres, tmp_path):
    with Server(data_dir=tmp_path, environment={**SEAL_SOON, "WATCHKEEP_CATALOG_URL": postgres.url}) as server:
        fill(server, 300)
        until(lambda: list(tmp_path.rglob("*log_events*/**/*.parquet")), seconds_max=30)
        fill(server, 20, word="later")
        assert count(server) == 320
        server.kill()
        server.start()
        assert count(server) == 320 and count(server, "later") == 20
        assert not (tmp_path / "catalog.sqlite").exists()


def test_a_second_server_with_the_same_database_leaves_the_first_alone(postgres, tmp_path):
    assert postgres.run("createdb", "taken")
    environment = {**SEAL_SOON, "WATCHKEEP_CATALOG_URL": postgres.url.removesuffix("watchkeep") + "taken"}
    with Server(data_dir=tmp_path / "first", environment=environment) as server:
        fill(server, 10)
        with pytest.raises(AssertionError, match="belongs to another data directory"):
            Server(data_dir=tmp_path / "second", environment=environment).start()
        until(lambda: in_files(tmp_path / "first") == 10, seconds_max=30)
        assert count(server) == 10


def test_postgresql_lost_midway_costs_nothing(postgres, tmp_path):
    assert postgres.run("createdb", "midway")
    url = postgres.url.removesuffix("watchkeep") + "midway"
    with Server(data_dir=tmp_path, environment={**SEAL_SOON, "WATCHKEEP_CATALOG_URL": url}) as server:
        fill(server, 100)
        until(lambda: list(tmp_path.rglob("*log_events*/**/*.parquet")), seconds_max=30)
        postgres.stop(signal.SIGQUIT)
        # What is known is answered, what must be written to the catalog is refused as a fault of the server, in time.
        assert count(server) == 100
        began = time.monotonic()
        with pytest.raises((ClientError, BotoCoreError)) as refused:
            server.client("logs").create_log_group(logGroupName="/refused")
        assert time.monotonic() - began < 20 and refused.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        # Events need the journal only.
        fill(server, 50, word="meanwhile")
        assert count(server) == 150
        postgres.start()
        fill(server, 20, word="later")
        server.client("logs").create_log_group(logGroupName="/accepted")
        until(lambda: in_files(tmp_path) == 170, seconds_max=60)
        assert count(server) == 170
        server.kill()
        server.start()
        assert count(server) == 170 and count(server, "meanwhile") == 50


def in_files(directory):
    """How many different log events the files have."""
    files = f"{directory}/data/log_events/**/*.parquet"
    with duckdb.connect() as database:
        try:
            return database.execute(f"SELECT count(DISTINCT seq) FROM read_parquet('{files}', union_by_name = true)").fetchone()[0]
        except duckdb.IOException:
            return 0


def test_duckdb_counts_the_same_events_in_a_live_data_directory(tmp_path):
    import duckdb_extension_ducklake
    import duckdb_extension_sqlite_scanner

    with Server(data_dir=tmp_path, environment=SEAL_SOON) as server:
        fill(server, 1000)
        fill(server, 7, word="rare")
        until(lambda: in_files(tmp_path) == 1007, seconds_max=30)
        database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for package in (duckdb_extension_sqlite_scanner, duckdb_extension_ducklake):
            (file,) = pathlib.Path(package.__file__).parent.rglob("*.duckdb_extension")
            database.execute(f"INSTALL '{file}'; LOAD '{file}'")
        database.execute(f"ATTACH 'ducklake:sqlite:{tmp_path}/catalog.sqlite' AS watchkeep (READ_ONLY)")
        assert database.execute("SELECT count(*) FROM watchkeep.log_events").fetchone()[0] == count(server) == 1007
        rare = "SELECT count(*) FROM watchkeep.log_events WHERE message LIKE '%rare%' AND log_group = '/storage'"
        assert database.execute(rare).fetchone()[0] == count(server, "rare") == 7


def test_objects_in_a_bucket(s3, tmp_path):
    endpoint, client = s3
    content = bytes(range(256)) * (9 << 12)
    environment = {**bucket(endpoint, "segments"), "WATCHKEEP_BUCKET_PREFIX": "own"}

    def files():
        return [each["Key"] for each in client.list_objects_v2(Bucket="segments", Prefix="own/objects/").get("Contents", [])]

    with Server(data_dir=tmp_path, environment=environment) as server:
        own = server.client("s3")
        own.create_bucket(Bucket="shop")
        own.put_object(Bucket="shop", Key="large", Body=content)
        own.put_object(Bucket="shop", Key="small", Body=b"small")
        assert len(files()) == 2 and not (tmp_path / "objects").exists()
        server.kill()
        server.start()
        own = server.client("s3")
        assert own.get_object(Bucket="shop", Key="large")["Body"].read() == content
        assert own.get_object(Bucket="shop", Key="small")["Body"].read() == b"small"
        own.delete_object(Bucket="shop", Key="large")
        until(lambda: not files())
