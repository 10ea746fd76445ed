-- Step 2: segments that are merged, that are damaged, and what retention leaves behind.

-- When a segment was found to be unreadable, and how. Its events are not given to readers and do not count as there already; its batches stay.
ALTER TABLE segment ADD COLUMN damaged INTEGER;
ALTER TABLE segment ADD COLUMN damage TEXT;

-- What retention left of a batch's tree, as `chain::pruned` writes it down. A batch without a row has all its leaves.
CREATE TABLE pruned (
    batch INTEGER PRIMARY KEY REFERENCES batch (id),
    nodes BLOB NOT NULL
) STRICT;

-- What retention took, a row a transaction that took something: a signed note, and its numbers for those who ask. The batches are those of the
-- first and the last event; NULL where no event went.
CREATE TABLE tombstone (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    policy TEXT NOT NULL,
    who TEXT NOT NULL,
    events INTEGER NOT NULL,
    variants INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    first_batch INTEGER,
    last_batch INTEGER,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE tombstone_feed (
    tombstone INTEGER NOT NULL REFERENCES tombstone (id),
    feed INTEGER NOT NULL,
    events INTEGER NOT NULL,
    first INTEGER,
    last INTEGER,
    PRIMARY KEY (tombstone, feed)
) STRICT, WITHOUT ROWID;

-- Events older than this are not taken in: the last run of retention let their like go.
CREATE TABLE expiry (
    feed INTEGER PRIMARY KEY,
    before INTEGER NOT NULL
) STRICT;

-- How many events a page brought that were past that line.
ALTER TABLE batch ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;

-- The last whole run, one row. Unscrubbed: an older program deleted rows without overwriting them.
CREATE TABLE retained (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at INTEGER,
    policy TEXT NOT NULL,
    unscrubbed INTEGER NOT NULL
) STRICT;
INSERT INTO retained SELECT 1, NULL, '', count(*) > 0 FROM batch;

CREATE INDEX variant_seq ON variant (seq);
