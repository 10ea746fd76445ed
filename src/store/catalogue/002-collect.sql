-- Step 2: gaps that are filled again, sweeps, suppression.

-- Up to this time the service no longer had the events of the gap when it was to be filled; NULL where it had them all. A closed gap is
-- filled, but for that.
ALTER TABLE gap ADD COLUMN lost INTEGER;

-- What of a gap is read again: a row an account and feed. The gap is closed when all of them have ended.
CREATE TABLE refill (
    gap INTEGER NOT NULL REFERENCES gap (id),
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    by_tail INTEGER NOT NULL, -- 1: the tail began before the gap and reads on through it
    version INTEGER NOT NULL,
    cursor TEXT,
    pages INTEGER NOT NULL,
    found INTEGER NOT NULL,
    ended INTEGER,
    PRIMARY KEY (gap, account, feed)
) STRICT, WITHOUT ROWID;

-- Sweeps: the last days of a feed read again beside the tail. `late` are events that only the sweep found.
CREATE TABLE sweep (
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    began INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    version INTEGER NOT NULL,
    cursor TEXT,
    pages INTEGER NOT NULL,
    events INTEGER NOT NULL,
    late INTEGER NOT NULL,
    ended INTEGER,
    PRIMARY KEY (account, feed, began)
) STRICT, WITHOUT ROWID;

-- What rules kept out of sight or out of the store, by the day of arrival. Each event counts once, however often it comes.
CREATE TABLE suppressed (
    day INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES account (id),
    feed INTEGER NOT NULL,
    rule TEXT NOT NULL,
    action TEXT NOT NULL, -- hide, sample, discard
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (day, account, feed, rule, action)
) STRICT, WITHOUT ROWID;

-- The identities (64 bits of a hash) of discarded events, so that one that comes again is not counted again. Older ones than the service
-- keeps are dropped.
CREATE TABLE discarded (
    identity INTEGER PRIMARY KEY,
    day INTEGER NOT NULL
) STRICT;
ALTER TABLE batch ADD COLUMN discarded INTEGER NOT NULL DEFAULT 0;
