"""Faults of disks and directories: a clear error, nothing acknowledged lost, and recovery."""

import os
import pathlib
import resource
import secrets
import subprocess
import tempfile
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from server import BINARY, Server, until

GROUP = {"logGroupName": "/faults"}
STREAM = {**GROUP, "logStreamName": "s"}


def fill(server, *messages):
    logs = server.client("logs")
    if not logs.describe_log_groups()["logGroups"]:
        logs.create_log_group(**GROUP)
        logs.create_log_stream(**STREAM)
    now = int(time.time() * 1000)
    logs.put_log_events(**STREAM, logEvents=[{"timestamp": now, "message": message} for message in messages])


def messages(server):
    pages = server.client("logs").get_paginator("filter_log_events").paginate(**GROUP)
    return [event["message"] for page in pages for event in page["events"]]


def check(directory):
    return subprocess.run([BINARY, "check", "--data-dir", str(directory)], capture_output=True, text=True, timeout=60)


def journal_files(directory):
    """The journal's files that hold frames, newest last."""
    files = [path for path in (directory / "journal").iterdir() if path.is_file()]
    return sorted((path for path in files if any(path.read_bytes()[4096:8192])), key=lambda path: path.stat().st_mtime)


def segments(directory):
    return sorted(directory.rglob("*log_events*/**/*.parquet"))


def test_a_restart_and_a_kill_lose_nothing(tmp_path):
    with Server(data_dir=tmp_path) as server:
        fill(server, "one")
        server.restart()
        assert messages(server) == ["one"]
        fill(server, "two")
        server.kill()
        server.start()
        assert messages(server) == ["one", "two"]
    assert check(tmp_path).returncode == 0


def test_a_torn_tail_is_no_damage(tmp_path):
    with Server(data_dir=tmp_path) as server:
        fill(server, "whole")
        server.kill()
        # A frame whose write was cut off: bytes after the end of what was acknowledged.
        newest = journal_files(tmp_path)[-1]
        content = bytearray(newest.read_bytes())
        end = len(content.rstrip(b"\0"))
        content[end + 64 : end + 96] = os.urandom(32)
        newest.write_bytes(content)
        server.start()
        assert messages(server) == ["whole"]
        fill(server, "after")
        assert messages(server) == ["whole", "after"]


def test_a_flipped_byte_in_the_journal_is_found(tmp_path):
    server = Server(data_dir=tmp_path).start()
    for number in range(5):
        fill(server, f"acknowledged {number}")
    server.kill()
    newest = journal_files(tmp_path)[-1]
    content = bytearray(newest.read_bytes())
    content[len(content.rstrip(b"\0")) // 2] ^= 0x20
    newest.write_bytes(content)
    found = check(tmp_path)
    assert found.returncode == 1 and "damaged: journal" in found.stdout, found.stdout
    # Acknowledged writes cannot be read: the server does not start as if nothing had happened.
    with pytest.raises(AssertionError, match="the journal is damaged"):
        server.start()
    with Server("--accept-journal-loss", data_dir=tmp_path) as accepting:
        fill(accepting, "goes on")
        assert "goes on" in messages(accepting)


def test_a_flipped_byte_in_a_segment_is_found(tmp_path):
    environment = {"WATCHKEEP_DATA_SEAL_AFTER": "1"}
    with Server(data_dir=tmp_path, environment=environment) as server:
        fill(server, *[f"row {number}" for number in range(1000)])
        until(lambda: segments(tmp_path), seconds_max=20)
        first = segments(tmp_path)[0]
        # Once there is another, the first has been published.
        fill(server, "another")
        until(lambda: len(segments(tmp_path)) > 1, seconds_max=20)
    assert check(tmp_path).returncode == 0
    content = bytearray(first.read_bytes())
    content[len(content) // 3] ^= 0x01
    first.write_bytes(content)
    found = check(tmp_path)
    assert found.returncode == 1 and first.name in found.stdout, found.stdout
    # What can be read is answered, what cannot is said in the log, and writes go on.
    server = Server(data_dir=tmp_path, environment=environment).start()
    assert "another" in messages(server) and len(messages(server)) <= 1001
    fill(server, "after")
    assert "after" in messages(server)
    server.stop()
    assert "damaged" in "".join(server.output), server.output


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 24 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs leave to mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_refuses_and_recovers(small_disk):
    environment = {"WATCHKEEP_DATA_JOURNAL_FILE": "2", "WATCHKEEP_DATA_DISK_FREE_MIN": "4", "WATCHKEEP_DATA_SEAL_AFTER": "1"}
    ballast = small_disk / "ballast"
    with Server(data_dir=small_disk / "data", environment=environment) as server:
        fill(server, "first")
        free = os.statvfs(small_disk)
        ballast.write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - (1 << 20)))
        acknowledged, refused = ["first"], None
        for number in range(200):
            message = f"{number} {secrets.token_hex(50_000)}"
            try:
                fill(server, message)
            except ClientError as error:
                refused = error
                break
            acknowledged.append(message)
        assert refused is not None, "a disk of 24 MiB took 20 MB beside 20 MB"
        assert refused.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503), refused.response
        assert set(acknowledged) <= set(messages(server))
        ballast.unlink()

        def writes_again():
            try:
                fill(server, "again")
            except ClientError:
                return False
            return True

        until(writes_again, seconds_max=30)
        server.kill()
        server.start()
        assert {*acknowledged, "again"} <= set(messages(server))


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a directory")
    with pytest.raises(AssertionError, match=str(file)):
        Server(data_dir=file / "data").start()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", tmp_path], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs leave to mount a tmpfs: {mounted.stderr.strip()}")
    try:
        with pytest.raises(AssertionError, match=f"{tmp_path}.*[Rr]ead-only"):
            Server(data_dir=tmp_path / "data").start()
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_write_to_the_journal_that_fails_ends_the_process(tmp_path):
    with Server(data_dir=tmp_path) as server:
        fill(server, "before")
        # No file may be written beyond its first byte from now on: as if the disk under the journal had failed.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        with pytest.raises((BotoCoreError, ClientError)):
            fill(server, "not acknowledged")
        assert server.process.wait(30) == 74
        server.stop()
        server.start()
        assert messages(server) in (["before"], ["before", "not acknowledged"])
        fill(server, "after")
        assert messages(server)[-1] == "after"
    assert check(tmp_path).returncode == 0


def test_a_lost_catalog_costs_no_segments(tmp_path):
    with Server(data_dir=tmp_path, environment={"WATCHKEEP_DATA_SEAL_AFTER": "1"}) as server:
        fill(server, "sealed")
        until(lambda: segments(tmp_path), seconds_max=20)
    for file in tmp_path.glob("catalog.sqlite*"):
        file.rename(tmp_path.with_name(f"{tmp_path.name}-{file.name}"))
    # A new catalog would take the segments for files that belong to nothing, and remove them in time.
    with pytest.raises(AssertionError, match="belong to the catalog|journal's frames"):
        Server(data_dir=tmp_path).start()
    for file in tmp_path.glob("catalog.sqlite*"):
        file.unlink()
    for file in tmp_path.parent.glob(f"{tmp_path.name}-catalog.sqlite*"):
        file.rename(tmp_path / file.name.removeprefix(f"{tmp_path.name}-"))
    with Server(data_dir=tmp_path) as server:
        assert messages(server) == ["sealed"]


def test_two_servers_do_not_share_a_directory(tmp_path):
    with Server(data_dir=tmp_path) as server:
        fill(server, "mine")
        with pytest.raises(AssertionError, match="in use|another process"):
            Server(data_dir=tmp_path).start()
        assert messages(server) == ["mine"]


def test_an_ephemeral_server_leaves_nothing():
    before = set(pathlib.Path(tempfile.gettempdir()).glob("watchkeep-*"))
    with Server() as server:
        fill(server, "gone soon")
        assert set(pathlib.Path(tempfile.gettempdir()).glob("watchkeep-*")) - before
    assert not set(pathlib.Path(tempfile.gettempdir()).glob("watchkeep-*")) - before
