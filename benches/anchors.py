#!/usr/bin/env python3
"""The anchors of benches/anchors.rs, asked of DuckDB over the same Parquet files.

    pip install duckdb
    cargo bench --bench anchors | tee /tmp/ours && python3 benches/anchors.py /tmp/ours

Prints our seconds, DuckDB's and the ratio; both warm, the least of five runs. Development only.
"""
import glob
import os
import sys
import time

import duckdb

ROWS = os.environ.get("VAULTSCOPE_ROWS", "1000000")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "anchors", ROWS)
DAY = 864_000_000_000
NOW = 739_000 * DAY + DAY // 2
HOUR = DAY // 24

ANCHORS = {
    "hourly": f"SELECT timestamp - timestamp % {HOUR} AS h, count(*) FROM ev WHERE timestamp >= {NOW - DAY} GROUP BY 1 ORDER BY 1",
    "top-failures": """SELECT "target_user.email" AS email, count(*) AS n FROM ev
        WHERE feed = 'signinattempts' AND category <> 'success' GROUP BY 1 ORDER BY n DESC LIMIT 20""",
    "mass-access": f"""SELECT "user.email" AS email, timestamp - timestamp % {HOUR} AS h, count(DISTINCT item_uuid) AS d FROM ev
        WHERE feed = 'itemusages' GROUP BY 1, 2 HAVING d >= 20 ORDER BY d DESC""",
    "addresses": """SELECT "location.country" AS c, count(DISTINCT "client.ip_address") AS d FROM ev GROUP BY 1 ORDER BY d DESC""",
    "contains": "SELECT count(*) FROM ev WHERE raw ILIKE '%Firefox/%'",
}


def main():
    ours = {}
    if len(sys.argv) > 1:
        for line in open(sys.argv[1], encoding="utf-8"):
            parts = line.split("\t")
            if len(parts) > 2:
                ours[parts[0]] = (float(parts[1]), parts[2].split()[0])
    files = glob.glob(os.path.join(HERE, "**", "*.parquet"), recursive=True)
    if not files:
        sys.exit(f"no Parquet files under {HERE}: run the bench first")
    db = duckdb.connect(config={"threads": os.cpu_count()})
    db.execute("CREATE VIEW ev AS SELECT * FROM read_parquet($1)".replace("$1", repr(files)))
    for name, text in ANCHORS.items():
        best, rows = float("inf"), 0
        for _ in range(5):
            start = time.perf_counter()
            rows = len(db.execute(text).fetchall())
            best = min(best, time.perf_counter() - start)
        mine = ours.get(name)
        ratio = f"{mine[0]:.4f}\t{mine[0] / best:.2f}" if mine else "-\t-"
        print(f"{name}\tduckdb {best:.4f} ({rows} rows)\tours {ratio}" + (f" ({mine[1]} rows)" if mine else ""))


if __name__ == "__main__":
    main()
