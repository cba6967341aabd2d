"""Segments in an S3 bucket, the catalog in PostgreSQL, and DuckDB reading the open files of a running server."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

import boto3
import duckdb
import pytest

from server import Server, free_port, until

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


def test_a_missing_bucket_is_named_at_start(s3, tmp_path):
    endpoint, _ = s3
    with pytest.raises(AssertionError, match="nowhere"):
        Server(data_dir=tmp_path, environment=bucket(endpoint, "nowhere")).start()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A PostgreSQL of its own, from the installed binaries; it refuses to run as root."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")) + [pathlib.Path(p) for p in [shutil.which("postgres")] if p]
    if not found:
        pytest.skip("PostgreSQL is not installed")
    binaries = found[-1].resolve().parent
    folder = tmp_path_factory.mktemp("postgres")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    identity = {}
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    data, port = folder / "data", free_port()
    subprocess.run([binaries / "initdb", "-D", data, "-U", "watchkeep", "--auth=trust", "-E", "UTF8", "--no-sync"], check=True, capture_output=True, cwd=folder, **identity)
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **identity,
    )

    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return subprocess.run([binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "watchkeep", "watchkeep"], capture_output=True).returncode == 0

    until(answers, seconds_max=60)
    yield f"postgres://watchkeep@127.0.0.1:{port}/watchkeep"
    process.send_signal(signal.SIGINT)
    process.wait()


def test_the_catalog_in_postgresql(postgres, tmp_path):
    with Server(data_dir=tmp_path, environment={**SEAL_SOON, "WATCHKEEP_CATALOG_URL": postgres}) as server:
        fill(server, 300)
        until(lambda: list(tmp_path.rglob("*log_events*/**/*.parquet")), seconds_max=30)
        fill(server, 20, word="later")
        assert count(server) == 320
        server.kill()
        server.start()
        assert count(server) == 320 and count(server, "later") == 20
        assert not (tmp_path / "catalog.sqlite").exists()


def test_duckdb_counts_the_same_events_in_a_live_data_directory(tmp_path):
    import duckdb_extension_ducklake
    import duckdb_extension_sqlite_scanner

    with Server(data_dir=tmp_path, environment=SEAL_SOON) as server:
        fill(server, 1000)
        fill(server, 7, word="rare")
        until(lambda: not unsealed(server, tmp_path), seconds_max=30)
        database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for package in (duckdb_extension_sqlite_scanner, duckdb_extension_ducklake):
            (file,) = pathlib.Path(package.__file__).parent.rglob("*.duckdb_extension")
            database.execute(f"INSTALL '{file}'; LOAD '{file}'")
        database.execute(f"ATTACH 'ducklake:sqlite:{tmp_path}/catalog.sqlite' AS watchkeep (READ_ONLY)")
        assert database.execute("SELECT count(*) FROM watchkeep.log_events").fetchone()[0] == count(server) == 1007
        rare = "SELECT count(*) FROM watchkeep.log_events WHERE message LIKE '%rare%' AND log_group = '/storage'"
        assert database.execute(rare).fetchone()[0] == count(server, "rare") == 7


def unsealed(server, directory):
    """Whether rows still wait in memory."""
    files = f"{directory}/data/log_events/**/*.parquet"
    try:
        return duckdb.sql(f"SELECT count(*) FROM read_parquet('{files}', union_by_name = true)").fetchone()[0] < count(server)
    except duckdb.IOException:
        return True
