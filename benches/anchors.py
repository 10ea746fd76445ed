#!/usr/bin/env python3
"""The anchors asked of DuckDB, over the same rows in Parquet files, and set beside ours.

    cargo bench --bench anchors > ours.tsv             # ours: writes the events once, then asks
    pip install duckdb
    python3 benches/anchors.py ours.tsv [NAME]         # DuckDB's, and the ratios

`VAULTSCOPE_ROWS` says how many events (1000000), `VAULTSCOPE_EVENTS` where they lie (target/anchors/ROWS). A question is a pair of files in
benches/anchors: KQL and SQL; the KQL of a hunt is the one that ships. Both are warm, on two threads, in process. Columns: wall seconds (the
least), CPU seconds a run (user and system, the least of the rounds), each with ours / DuckDB's; rows of both, which should agree. CPU seconds are
what to look at on a machine that does other work too. Development only.
"""
import glob
import os
import re
import sys
import time

import duckdb

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = os.environ.get("VAULTSCOPE_ROWS", "1000000")
EVENTS = os.environ.get("VAULTSCOPE_EVENTS", os.path.join(HERE, "..", "target", "anchors", ROWS))
DAY = 864_000_000_000
NOW = 739_000 * DAY + DAY // 2
ROUNDS, LEAST = 5, 0.3

MACROS = f"""
CREATE MACRO now_() AS CAST({NOW} AS BIGINT);
CREATE MACRO days(n) AS CAST(n AS BIGINT) * {DAY};
CREATE MACRO hours(n) AS CAST(n AS BIGINT) * {DAY // 24};
CREATE MACRO minutes(n) AS CAST(n AS BIGINT) * {DAY // 1440};
"""


def questions():
    for path in sorted(glob.glob(os.path.join(HERE, "anchors", "*.sql")) + glob.glob(os.path.join(HERE, "anchors", "hunts", "*.sql"))):
        with open(path, encoding="utf-8") as file:
            yield os.path.splitext(os.path.basename(path))[0], file.read()


def ours_of(path):
    """Name → wall, CPU, rows; and the values that took the places of names in capitals."""
    ours, values = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            parts = line.rstrip("\n").split("\t")
            if parts[0] == "value":
                values[parts[1]] = parts[2]
            elif len(parts) >= 4:
                ours[parts[0]] = (float(parts[1]), float(parts[2]), int(parts[3]))
    return ours, values


def ask(db, text):
    """Wall and CPU seconds of a run: the least of the rounds, each long enough to be measured."""
    rows = len(db.execute(text).fetchall())
    wall, cpu = float("inf"), float("inf")
    for _ in range(ROUNDS):
        began, runs = time.process_time(), 0
        while runs == 0 or time.process_time() - began < LEAST:
            start = time.perf_counter()
            db.execute(text).fetchall()
            wall = min(wall, time.perf_counter() - start)
            runs += 1
        cpu = min(cpu, (time.process_time() - began) / runs)
    return wall, cpu, rows


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ours, values = ours_of(sys.argv[1])
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    files = glob.glob(os.path.join(EVENTS, "plain", "*.parquet"))
    if not files:
        sys.exit(f"no Parquet files under {EVENTS}/plain: run the bench first")
    db = duckdb.connect(config={"threads": 2})
    db.execute(MACROS)
    db.execute(f"CREATE VIEW ev AS SELECT * FROM read_parquet({files!r})")
    print(f"{'question':32} {'wall':>8} {'duckdb':>8} {'ratio':>6} {'cpu':>8} {'duckdb':>8} {'ratio':>6} {'rows':>8}")
    for name, text in questions():
        if name not in ours or only not in name:
            continue
        for key, value in values.items():
            text = re.sub(rf"\b{key}\b", value, text)
        wall, cpu, rows = ask(db, text)
        mine = ours[name]
        agree = str(rows) if rows == mine[2] else f"{mine[2]} != {rows}"
        print(f"{name:32} {mine[0]:8.4f} {wall:8.4f} {mine[0] / wall:6.2f} {mine[1]:8.4f} {cpu:8.4f} {mine[1] / cpu:6.2f} {agree:>8}", flush=True)


if __name__ == "__main__":
    main()
