"""A subscription into a real search domain: OpenSearch, one node of it, in a Java process of its own (tests/opensearch)."""

import json
import pathlib
import shutil
import subprocess
import urllib.request
import warnings

import pytest

from server import free_port, until
from test_subscriptions import SEARCH, group, put, serve

SOURCES = pathlib.Path(__file__).parents[1] / "opensearch"
# Once for all runs; a new list of jars makes a new folder.
JARS = pathlib.Path(__file__).parents[2] / "target/opensearch"


def missing(what):
    warnings.warn(f"NOT TESTED against a real OpenSearch: {what}", stacklevel=2)
    pytest.skip(what)


def jars():
    """The folder of OpenSearch's jars, from Maven's registry."""
    wanted = (SOURCES / "pom.xml").read_text()
    installed = JARS / "installed.xml"
    if not installed.exists() or installed.read_text() != wanted:
        shutil.rmtree(JARS, ignore_errors=True)
        JARS.mkdir(parents=True)
        copy = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(SOURCES / "pom.xml"), copy, f"-DoutputDirectory={JARS}"],
            capture_output=True, text=True, timeout=600,
        )
        if done.returncode:
            missing(f"Maven could not fetch it: {done.stdout[-500:]}")
        installed.write_text(wanted)
    return JARS


class OpenSearch:
    def __init__(self, home):
        (home / "config").mkdir()
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.log = (home / "output").open("w+")
        self.process = subprocess.Popen(
            ["java", "-Xmx512m", "-cp", f"{jars()}/*", str(SOURCES / "Domain.java"), str(home), str(port)],
            stdout=self.log, stderr=subprocess.STDOUT,
        )
        until(self.answers, seconds_max=120, every=0.5)

    def answers(self):
        assert self.process.poll() is None, pathlib.Path(self.log.name).read_text()
        try:
            return self.ask("GET", "/")["version"]["distribution"] == "opensearch"
        except OSError:
            return False

    def ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def search(self, query):
        """The documents that a query finds in all days' indexes."""
        self.ask("POST", "/_refresh")
        found = self.ask("POST", "/cwl-*/_search?ignore_unavailable=true", {"query": query, "size": 10_000})
        return [hit["_source"] for hit in found["hits"]["hits"]]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    for program in ("java", "mvn"):
        if not shutil.which(program):
            missing(f"there is no {program}")
    opensearch = OpenSearch(tmp_path_factory.mktemp("opensearch"))
    yield opensearch
    opensearch.stop()


def test_every_line_is_found_once(domain, tmp_path):
    lines = [f"order {number} of client c{number % 7}" for number in range(2_000)]
    server = serve(domain, data_dir=tmp_path)
    with server:
        logs = server.client("logs")
        group(logs)
        logs.put_subscription_filter(logGroupName="g", filterName="s", filterPattern="-secret", destinationArn=SEARCH)
        put(logs, *lines[:500])
        put(logs, "secret", 'took {"ms": 12, "user": "eve"}')
        server.kill()
        server.start()
        logs = server.client("logs")
        for start in range(500, 2_000, 500):
            put(logs, *lines[start:start + 500])
        until(lambda: len(domain.search({"match_all": {}})) >= 2_001, seconds_max=120, every=0.5)
        found = [document["@message"] for document in domain.search({"match_all": {}})]
        assert sorted(found) == sorted([*lines, 'took {"ms": 12, "user": "eve"}'])
        # Its fields are indexed by what they are.
        (document,) = domain.search({"range": {"ms": {"gte": 10}}})
        assert (document["user"], document["@log_group"], document["@log_stream"]) == ("eve", "g", "s")
        assert len(domain.search({"match_phrase": {"@message": "client c3"}})) == len([line for line in lines if line.endswith("c3")])
