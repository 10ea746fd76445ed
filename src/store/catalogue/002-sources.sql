-- Step 2: names, and how far imports came.

-- Names that events told with a UUID. Kinds: 1 user, 2 vault, 3 item, 4 group, 5 device. What the newest event says counts; `at` is its
-- time, to a day.
CREATE TABLE learned_name (
    account INTEGER NOT NULL REFERENCES account (id),
    kind INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, kind, uuid)
) STRICT, WITHOUT ROWID;

-- Files whose import was broken off, and up to which byte their events are in the store. A row goes when its file was read to the end.
CREATE TABLE import_place (
    file BLOB PRIMARY KEY, -- a digest of its length, when it was changed and how it begins, of account and feed
    bytes INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
