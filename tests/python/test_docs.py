"""The commands in README and docs/, run as they stand.

A fenced block marked `console` holds lines that begin with `$ `: they are run, in order, in one shell per page, against a
server of the test's own. A line that follows a command and is not a command is output; output must contain it, where `...`
stands for anything.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from server import BINARY, Server, free_port

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if "```console" in page.read_text()]


def examples(page):
    """(command, expected output lines) of every console block."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        command, expected = None, []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield command, expected
                command, expected = line[2:], []
            elif command and command.endswith("\\"):
                command = f"{command[:-1]}{line.strip()}"
            else:
                expected.append(line)
        if command:
            yield command, expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples(page, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    # Not a link, by which Python would not find the packages beside it.
    for name, arguments in [("aws", "-m awscli"), ("python3", "")]:
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (tools / name).chmod(0o755)
    (tools / "watchkeep").symlink_to(BINARY)
    environment = {
        "WATCHKEEP_AGENT_LOG_FILES": str(tmp_path / "*.log"),
        "WATCHKEEP_DATA_SEAL_AFTER": "1",
        "WATCHKEEP_SYSLOG_TCP_LISTEN": f"127.0.0.1:{free_port()}",
    }
    (tmp_path / "app.log").write_text("started\n")
    data = tmp_path / "watchkeep-data"
    with Server("--xray-listen", f"127.0.0.1:{free_port()}", command="up", data_dir=data, environment=environment) as server:
        shell = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
        for command, expected in examples(page):
            command = command.replace("http://localhost:4566", server.endpoint)
            done = subprocess.run(["bash", "-c", command], env=shell, cwd=tmp_path, capture_output=True, text=True, timeout=90)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            for line in expected:
                pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
                assert re.search(pattern, done.stdout), f"$ {command}\nexpected: {line}\n{done.stdout}{done.stderr}"
