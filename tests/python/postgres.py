"""A PostgreSQL server of a test's own, from the installed binaries."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess

import pytest

from server import free_port, until


class Postgres:
    """A PostgreSQL server that can be lost and come back."""

    def __init__(self, binaries, folder, identity):
        self.binaries, self.folder, self.identity, self.port = binaries, folder, identity, free_port()
        self.url = f"postgres://watchkeep@127.0.0.1:{self.port}/watchkeep"

    def start(self):
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder, *settings],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.identity,
        )
        until(lambda: self.run("pg_isready"), seconds_max=60)

    def run(self, program, *arguments):
        """Runs a client program; whether it did what it should."""
        server = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "watchkeep"]
        return subprocess.run([self.binaries / program, *server, *arguments], capture_output=True).returncode == 0

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        self.process.wait()

    def database(self, name):
        """The URL of a new database."""
        assert self.run("createdb", name)
        return self.url.removesuffix("watchkeep") + name


def start(folder):
    """Starts one in this folder; it refuses to run as root."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")) + [pathlib.Path(p) for p in [shutil.which("postgres")] if p]
    if not found:
        pytest.skip("PostgreSQL is not installed")
    binaries = found[-1].resolve().parent
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    identity = {}
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    server = Postgres(binaries, folder, identity)
    make = [binaries / "initdb", "-D", folder / "data", "-U", "watchkeep", "--auth=trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **identity)
    server.start()
    assert server.run("createdb", "watchkeep")
    return server
