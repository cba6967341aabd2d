"""A real Watchkeep process for a test, and stock clients that talk to it."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

BINARY = os.environ.get("WATCHKEEP_BINARY", str(pathlib.Path(__file__).parents[2] / "target/debug/watchkeep"))
REGION = "us-east-1"
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
START_SECONDS_MAX = 30


class Server:
    """One process. It listens on a port that the system chose, which it prints."""

    def __init__(self, *flags, data_dir=None, environment=None, command="serve", listen="127.0.0.1:0"):
        self.flags, self.data_dir, self.environment, self.command = flags, data_dir, environment or {}, command
        self.listen = listen
        self.process = self.endpoint = None

    def start(self):
        arguments = [BINARY, self.command, "--listen", self.listen, *self.flags]
        arguments += ["--data-dir", str(self.data_dir)] if self.data_dir else ["--ephemeral"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WATCHKEEP_"))}
        environment.update(self.environment)
        # Signals stay as Python has them: a write beyond a limit of file sizes is then an error, not the end of the process.
        self.process = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, restore_signals=False
        )
        self.output = []
        for line in self.process.stdout:
            self.output.append(line)
            if found := re.search(r"listening on (https?://\S+)", line):
                self.endpoint = found.group(1)
                break
        else:
            self.process.wait(START_SECONDS_MAX)
            raise AssertionError(f"the server ended ({self.process.returncode}): {''.join(self.output)}")
        os.set_blocking(self.process.stdout.fileno(), False)
        return self

    def stop(self, how=signal.SIGTERM, seconds_max=30):
        """Ends the process; its exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds_max)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.output.append(self.process.stdout.read() or "")
            self.process.stdout.close()

    def kill(self):
        return self.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        status = self.stop()
        if sys.exc_info()[0] is None:
            assert status == 0, f"the server ended with {status}: {''.join(self.output)}"

    def client(self, service, protocol=None, key_id=KEY_ID, secret=SECRET, region=REGION, **config):
        """A boto3 client; `protocol` makes it load a model that offers only that one."""
        config.setdefault("retries", {"total_max_attempts": 1})
        config.setdefault("parameter_validation", True)
        session = boto3.Session(aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=region)
        if protocol:
            force_protocol(session, service, protocol)
        return session.client(service, endpoint_url=self.endpoint, config=Config(**config), verify=False)

    def admin(self, verb, **body):
        """POST /_watchkeep/<verb>; the answer."""
        request = urllib.request.Request(
            f"{self.endpoint}/_watchkeep/{verb}", data=json.dumps(body).encode(), headers={"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def cli(self, *arguments, check=True, **extra):
        """Runs the AWS CLI as a person would; its output as JSON, or the finished process if `check` is off."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            **extra,
        }
        aws = [sys.executable, "-m", "awscli", *map(str, arguments), "--output", "json"]
        done = subprocess.run(aws, env=environment, capture_output=True, text=True, timeout=60)
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


def force_protocol(session, service, protocol):
    """Rewrites the service's model as it is loaded, so that the client has no choice."""
    loader = session._session.get_component("data_loader")
    original = loader.load_service_model

    def load(name, type_name, api_version=None):
        model = original(name, type_name, api_version)
        if name == service and type_name == "service-2":
            model = {**model, "metadata": {**model["metadata"], "protocol": protocol, "protocols": [protocol]}}
        return model

    loader.load_service_model = load


def free_port():
    """A port that is free for TCP and for UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def until(ready, seconds_max=15, every=0.05):
    """Waits until `ready()` returns something true, and returns it."""
    ends = time.monotonic() + seconds_max
    while True:
        if found := ready():
            return found
        assert time.monotonic() < ends, f"nothing after {seconds_max} s"
        time.sleep(every)


@contextlib.contextmanager
def raises(client, code, message=None):
    """The block must fail with this AWS error code (and, if given, this message)."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        assert told["Code"] == code, told
        assert message is None or told["Message"] == message, told
        assert error.response["ResponseMetadata"]["RequestId"], error.response
    else:
        raise AssertionError(f"no {code}")
