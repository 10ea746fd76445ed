#!/usr/bin/env python3
"""The same pages into DuckDB by plain insert, and the ratios to ours.

    VAULTSCOPE_PAGES=target/intake cargo bench --bench intake > ours.txt    # writes each page as a file of JSON lines
    pip install duckdb
    python3 benches/intake/beside_duckdb.py target/intake ours.txt

A table with a unique identity, a transaction a page, read by DuckDB's own JSON reader. Development only.
"""
import glob
import os
import shutil
import sys
import tempfile
import time

import duckdb

pages, ours = sys.argv[1], {}
with open(sys.argv[2], encoding="utf-8") as file:
    for line in file:
        parts = line.split("\t")
        if len(parts) >= 3:
            ours[parts[0]] = (float(parts[1]), float(parts[2]))
home = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(pages)))
db = duckdb.connect(os.path.join(home, "plain.duckdb"), config={"threads": 2})
db.execute("CREATE TABLE event (feed VARCHAR, uuid VARCHAR, timestamp VARCHAR, raw VARCHAR, PRIMARY KEY (feed, uuid))")
began, cpu = time.monotonic(), time.process_time()
for path in sorted(glob.glob(os.path.join(pages, "*.ndjson"))):
    feed = os.path.basename(path).split(".")[1]
    db.execute(
        "INSERT OR IGNORE INTO event SELECT ?, json->>'uuid', json->>'timestamp', CAST(json AS VARCHAR) "
        "FROM read_ndjson_objects(?)",
        [feed, path],
    )
wall, cpu = time.monotonic() - began, time.process_time() - cpu
rows = db.execute("SELECT count(*) FROM event").fetchone()[0]
db.execute("CHECKPOINT")
size = sum(os.path.getsize(os.path.join(home, name)) for name in os.listdir(home))
print(f"DuckDB {duckdb.__version__}: {rows} rows, {rows / wall:.0f} a second, {cpu * 1e6 / rows:.1f} µs of CPU and {size / rows:.0f} bytes an event")
for name, (rate, micros) in ours.items():
    print(f"{name}: {rate * wall / rows:.2f} of DuckDB's rate, {micros / (cpu * 1e6 / rows):.2f} of its CPU")
shutil.rmtree(home)
