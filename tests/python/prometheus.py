"""A real Prometheus beside the server under test, with samples of its own."""

import os
import pathlib
import shutil
import subprocess

import pytest
import requests

from server import free_port, until

PROMETHEUS = os.environ.get("WATCHKEEP_TEST_PROMETHEUS") or shutil.which("prometheus")

needs_prometheus = pytest.mark.skipif(
    not PROMETHEUS, reason="no `prometheus` on the path or in WATCHKEEP_TEST_PROMETHEUS: the package `prometheus` has it"
)


def promtool():
    """Prometheus's own command line, which lies beside it."""
    return str(pathlib.Path(shutil.which(PROMETHEUS)).with_name("promtool"))


class Prometheus:
    """A process with a configuration, and the samples of an OpenMetrics text if there is one."""

    def __init__(self, folder, configuration="", samples=None, port=None):
        self.folder, self.configuration, self.samples = folder, configuration, samples
        self.port = port or free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        (self.folder / "prometheus.yml").write_text(self.configuration)
        data = self.folder / "data"
        if self.samples:
            text = self.folder / "samples.txt"
            text.write_text(self.samples)
            made = subprocess.run(
                [promtool(), "tsdb", "create-blocks-from", "openmetrics", text, data], capture_output=True, text=True, timeout=120
            )
            assert made.returncode == 0, made.stderr
        self.log = (self.folder / "log").open("w")
        arguments = [PROMETHEUS, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={data}"]
        arguments.append(f"--web.listen-address=127.0.0.1:{self.port}")
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log)

        def is_ready():
            try:
                return requests.get(f"{self.endpoint}/-/ready", timeout=5).ok
            except requests.ConnectionError:
                return False

        try:
            until(is_ready, seconds_max=60, every=0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
