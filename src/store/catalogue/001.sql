-- Feeds: 1 signinattempts, 2 itemusages, 3 auditevents. Times: 100 ns ticks since 0001-01-01T00:00:00Z.

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE
) STRICT;

-- How far the store has come: one row.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    through INTEGER NOT NULL,
    batches INTEGER NOT NULL,
    root BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, zeroblob(32));

-- The ledger: a row a committed page that held items, never removed. Its root covers the root before.
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    source TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    variants INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    undated INTEGER NOT NULL,
    root BLOB NOT NULL
) STRICT;

-- Which events arrived again with a batch: their sequence numbers as LEB128, each less the one before (zigzag).
CREATE TABLE arrived_again (
    batch INTEGER PRIMARY KEY REFERENCES batch (id),
    seqs BLOB NOT NULL
) STRICT;

-- Fresh events: one row a page, or several small pages in one; an Arrow IPC stream, zstd. Pages tile the sequence numbers above
-- the segments.
CREATE TABLE page (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_seq INTEGER NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

-- The identities of fresh events.
CREATE TABLE fresh (
    account INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (account, feed, uuid)
) STRICT, WITHOUT ROWID;

-- Sealed events: a row a Parquet file. A superseded one stays until no query can still read it.
CREATE TABLE segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_timestamp INTEGER,
    last_timestamp INTEGER,
    first_generated INTEGER NOT NULL,
    last_generated INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    sealed INTEGER NOT NULL,
    superseded INTEGER
) STRICT;

-- The membership filter of a segment.
CREATE TABLE filter (
    segment INTEGER PRIMARY KEY REFERENCES segment (id) ON DELETE CASCADE,
    data BLOB NOT NULL
) STRICT;

-- Events by hour of their timestamp: of a segment, or of the fresh ones (segment 0). Outcome: 0 unknown, 1 success, 2 failure.
CREATE TABLE hour (
    segment INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (segment, hour, feed, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    cursor TEXT,
    previous TEXT,
    reading TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, feed, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE rejected_cursor (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    cursor TEXT,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Polls, summed over five minutes and status: a poll every ten seconds for a year is some 300,000 rows.
CREATE TABLE poll (
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    bin INTEGER NOT NULL,
    status INTEGER NOT NULL,
    polls INTEGER NOT NULL,
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    slowest INTEGER NOT NULL,
    last INTEGER NOT NULL,
    error TEXT,
    PRIMARY KEY (account, feed, bin, status)
) STRICT, WITHOUT ROWID;

-- Events whose identity was there with other bytes. The first to come is the primary and stands in the pages.
CREATE TABLE variant (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    source TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    arrivals INTEGER NOT NULL,
    raw BLOB NOT NULL,
    UNIQUE (account, feed, uuid, digest)
) STRICT;

-- Items that could not be read as events.
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    feed INTEGER NOT NULL, -- 0: unknown
    digest BLOB NOT NULL,
    source TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    arrivals INTEGER NOT NULL,
    place TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw BLOB NOT NULL,
    UNIQUE (digest, account, feed)
) STRICT;

-- Stretches whose events may be missing.
CREATE TABLE gap (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    feed INTEGER NOT NULL, -- 0: all
    first INTEGER,
    last INTEGER,
    why TEXT NOT NULL,
    noticed INTEGER NOT NULL,
    closed INTEGER
) STRICT;
