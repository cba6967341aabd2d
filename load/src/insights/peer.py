"""DuckDB or chDB, given the same lines and the same questions.

    python peer.py duckdb|chdb FOLDER < REQUEST > ANSWER

REQUEST is JSON: {"lines": FILE, "questions": [SQL or null, ...]}; the file holds an object a line with time (milliseconds), stream
and message. ANSWER is JSON: what loading them into a table of the database's own took, its bytes and this process' memory, and for
each question its rows and the least processor seconds and the median wall seconds of one go.
"""

import json
import os
import resource
import statistics
import sys
import time

# A round of goes lasts so long at least, so that the clock's ticks do not matter.
ROUND_SECONDS = 0.4
ROUNDS = 3
GOES_MAX = 200

FIELDS = {
    "level": "VARCHAR", "service": "VARCHAR", "host": "VARCHAR", "requestId": "VARCHAR", "method": "VARCHAR",
    "path": "VARCHAR", "status": "BIGINT", "latencyMs": "BIGINT", "bytes": "BIGINT",
}


class DuckDb:
    def __init__(self, folder):
        import duckdb

        self.file = os.path.join(folder, "lines.duckdb")
        self.db = duckdb.connect(self.file)
        self.db.execute("SET threads = 2")

    def load(self, lines):
        shape = json.dumps(FIELDS)
        self.db.execute(f"""
            CREATE TABLE lines AS SELECT make_timestamp(time * 1000) AS time, stream, message, unnest(json_transform(message, '{shape}'))
            FROM read_json('{lines}', format = 'newline_delimited',
                columns = {{time: 'BIGINT', stream: 'VARCHAR', message: 'VARCHAR'}})""")
        self.db.execute("CHECKPOINT")

    def ask(self, sql):
        return self.db.execute(sql).fetchall()

    def size(self):
        return os.path.getsize(self.file)


class ChDb:
    def __init__(self, folder):
        from chdb.session import Session

        self.session = Session(os.path.join(folder, "chdb"))
        self.session.query("SET max_threads = 2")
        # What a filter let pass the last time is no answer to a question that is asked once.
        self.session.query("SET use_query_condition_cache = 0")

    def load(self, lines):
        types = {"VARCHAR": "LowCardinality(String)", "BIGINT": "UInt32"}
        shape = {name: types[kind] for name, kind in FIELDS.items()} | {"requestId": "String", "path": "String"}
        columns = ", ".join(f"{name} {kind}" for name, kind in shape.items())
        self.session.query("CREATE DATABASE load ENGINE = Atomic")
        self.session.query(f"""
            CREATE TABLE load.lines (time DateTime64(3, 'UTC'), stream LowCardinality(String), message String, {columns})
            ENGINE = MergeTree ORDER BY (stream, time)""")
        parts = ", ".join(f"tupleElement(fields, '{name}')" for name in shape)
        self.session.query(f"""
            INSERT INTO load.lines SELECT fromUnixTimestamp64Milli(time, 'UTC'), stream, message, {parts}
            FROM (SELECT time, stream, message, JSONExtract(message, 'Tuple({columns})') AS fields
                FROM file('{lines}', 'JSONEachRow', 'time Int64, stream String, message String'))""")
        self.session.query("OPTIMIZE TABLE load.lines FINAL")

    def ask(self, sql):
        answer = self.session.query(sql.replace("FROM lines", "FROM load.lines"), "JSONCompact")
        return json.loads(str(answer))["data"]

    def size(self):
        # Parts that were merged into others lie there for some minutes more.
        return self.ask("SELECT toInt64(sum(bytes_on_disk)) FROM system.parts WHERE active AND table = 'lines'")[0][0]


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(database, sql):
    rows = database.ask(sql)
    walls, best, goes = [], None, 1
    for _ in range(ROUNDS + 1):
        before = cpu()
        for _ in range(goes):
            begun = time.perf_counter()
            database.ask(sql)
            walls.append(time.perf_counter() - begun)
        taken = cpu() - before
        if best is None:
            # The first round is one go, and tells how many a round needs.
            best = float("inf")
            goes = max(1, min(GOES_MAX, int(ROUND_SECONDS / max(taken, 1e-3)) + 1))
            walls.clear()
        else:
            best = min(best, taken / goes)
    return {"rows": [[str(value) for value in row] for row in rows], "cpu": best, "wall": statistics.median(walls)}


def main():
    kind, folder = sys.argv[1:]
    request = json.load(sys.stdin)
    before = cpu()
    database = {"duckdb": DuckDb, "chdb": ChDb}[kind](folder)
    database.load(request["lines"])
    load = cpu() - before
    answers = [sql and measured(database, sql) for sql in request["questions"]]
    with open("/proc/self/status") as status:
        memory = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
    json.dump({"load": load, "bytes": int(database.size()), "memory": memory, "answers": answers}, sys.stdout)


main()
