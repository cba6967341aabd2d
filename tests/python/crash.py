"""Kills a server under load, again and again, and looks for what is missing afterwards.

Writers put log events and datapoints without a pause and note what was acknowledged. At a random moment the process gets
SIGKILL. `watchkeep check` must find nothing damaged then; after the restart every acknowledged event and datapoint must be
there exactly once, and what was not acknowledged at most once. Beside them log groups come and go: one whose deletion was
acknowledged must not come back, nor its events under a new group of its name.
"""

import argparse
import collections
import datetime as dt
import random
import subprocess
import sys
import tempfile
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from server import BINARY, Server

GROUP = "/crash"
GONE = "/gone-"
LOG_WRITERS, METRIC_WRITERS = 3, 2
EVENTS_A_CALL, DATUMS_A_CALL = 20, 10
# Minutes of thirteen days, so many metrics: room for nearly a million datapoints that can all be read back.
METRICS = 50
ALIVE_SECONDS = (0.15, 1.2)
# Small journal files and quick sealing, so that kills fall into every part of a record's way.
ENVIRONMENT = {"WATCHKEEP_DATA_SEAL_AFTER": "1", "WATCHKEEP_DATA_JOURNAL_FILE": "1", "WATCHKEEP_DATA_DISK_FREE_MIN": "0"}


class Ledger:
    """What was sent, and what of it was acknowledged. Each item is a number that is sent once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = 0
        self.acknowledged = set()

    def take(self, count):
        with self.lock:
            first = self.sent
            self.sent += count
        return range(first, first + count)

    def acknowledge(self, numbers):
        with self.lock:
            self.acknowledged.update(numbers)


def write_until_gone(write, ledger, count, stop):
    while not stop.is_set():
        numbers = ledger.take(count)
        try:
            write(numbers)
        except (BotoCoreError, ClientError, OSError) as error:
            if stop.wait(0.01):
                return
            if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            continue
        ledger.acknowledge(numbers)


def log_writer(server, stream):
    logs = server.client("logs")

    def write(numbers):
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": f"event {number}"} for number in numbers]
        logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)

    return write


def metric_writer(server, epoch):
    cloudwatch = server.client("cloudwatch")

    def write(numbers):
        # Each number is a datapoint in a minute of its own, with itself as value: counted twice it would show.
        data = [
            {"MetricName": f"m{number % METRICS}", "Timestamp": epoch + dt.timedelta(minutes=number // METRICS), "Value": float(number)}
            for number in numbers
        ]
        cloudwatch.put_metric_data(Namespace="Crash", MetricData=data)

    return write


class Groups:
    """Log groups that come and go, one after the other."""

    def __init__(self):
        self.begun, self.created, self.leaving, self.gone = 0, set(), set(), set()

    def come_and_go(self, server, stop):
        logs = server.client("logs")
        while not stop.is_set():
            name = f"{GONE}{self.begun}"
            self.begun += 1
            try:
                logs.create_log_group(logGroupName=name)
                self.created.add(name)
                logs.create_log_stream(logGroupName=name, logStreamName="s")
                logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "event -1"}])
                self.leaving.add(name)
                logs.delete_log_group(logGroupName=name)
                self.gone.add(name)
            except (BotoCoreError, ClientError, OSError):
                if stop.wait(0.01):
                    return

    def compare(self, server):
        logs = server.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=GONE)
        there = {group["logGroupName"] for page in pages for group in page["logGroups"]}
        back, missing = there & self.gone, self.created - self.leaving - there
        if back or missing:
            raise SystemExit(f"FAILED: log groups: deleted and there {sorted(back)}, created and missing {sorted(missing)}")
        for name in sorted(self.gone)[-1:]:
            logs.create_log_group(logGroupName=name)
            if events := logs.filter_log_events(logGroupName=name)["events"]:
                raise SystemExit(f"FAILED: {name} was deleted, and a new group of its name has {events}")
            logs.delete_log_group(logGroupName=name)


def stored_events(server):
    found = collections.Counter()
    paginator = server.client("logs").get_paginator("filter_log_events")
    for page in paginator.paginate(logGroupName=GROUP):
        found.update(int(event["message"].split()[1]) for event in page["events"])
    return found


def stored_datapoints(server, epoch, sent):
    found = collections.Counter()
    cloudwatch = server.client("cloudwatch")
    minutes = sent // METRICS + 1
    for stat in ("SampleCount", "Sum"):
        queries = [
            {"Id": f"m{i}", "MetricStat": {"Metric": {"Namespace": "Crash", "MetricName": f"m{i}"}, "Period": 60, "Stat": stat}} for i in range(METRICS)
        ]
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=epoch, EndTime=epoch + dt.timedelta(minutes=minutes + 1)
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                for at, value in zip(result["Timestamps"], result["Values"]):
                    number = int((at - epoch).total_seconds()) // 60 * METRICS + int(result["Id"][1:])
                    if stat == "SampleCount":
                        found[number] += int(value)
                    else:
                        assert value == number * found[number], f"datapoint {number} has the sum {value}"
    return found


def compare(what, ledger, found):
    missing = sorted(number for number in ledger.acknowledged if number not in found)
    twice = sorted(number for number, count in found.items() if count != 1)
    unheard = sorted(number for number in found if number >= ledger.sent)
    if missing or twice or unheard:
        raise SystemExit(f"FAILED: {what}: missing {missing[:10]} ({len(missing)}), more than once {twice[:10]} ({len(twice)}), never sent {unheard[:10]}")


def check(directory):
    done = subprocess.run([BINARY, "check", "--data-dir", directory], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: watchkeep check: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def run(rounds, seed, directory):
    chance = random.Random(seed)
    epoch = dt.datetime.now(dt.timezone.utc).replace(second=0, microsecond=0) - dt.timedelta(days=13)
    events, datapoints, groups = Ledger(), Ledger(), Groups()
    server = Server(data_dir=directory, environment=ENVIRONMENT).start()
    logs = server.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    for number in range(LOG_WRITERS):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=f"s{number}")
    for number in range(rounds):
        stop = threading.Event()
        writers = [(log_writer(server, f"s{i}"), events, EVENTS_A_CALL) for i in range(LOG_WRITERS)]
        writers += [(metric_writer(server, epoch), datapoints, DATUMS_A_CALL) for _ in range(METRIC_WRITERS)]
        threads = [threading.Thread(target=write_until_gone, args=(*writer, stop)) for writer in writers]
        threads.append(threading.Thread(target=groups.come_and_go, args=(server, stop)))
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(*ALIVE_SECONDS))
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()
        check(directory)
        server.start()
        groups.compare(server)
        compare("log events", events, stored_events(server))
        compare("datapoints", datapoints, stored_datapoints(server, epoch, datapoints.sent))
        print(f"round {number + 1}/{rounds}: {len(events.acknowledged)} events and {len(datapoints.acknowledged)} datapoints acknowledged, all there once", flush=True)
    server.kill()
    print(check(directory))
    if not (events.acknowledged and datapoints.acknowledged and groups.gone):
        raise SystemExit("FAILED: nothing was ever acknowledged")
    print(f"{rounds} passed, 0 failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="watchkeep-crash-") as directory:
        run(options.rounds, options.seed, directory)


if __name__ == "__main__":
    sys.exit(main())
