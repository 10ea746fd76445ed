-- Feeds: 0 none, 1 signinattempts, 2 itemusages, 3 auditevents. Times: 100 ns ticks since 0001-01-01T00:00:00Z.

CREATE TABLE query (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL,
    params TEXT NOT NULL, -- JSON: [[name, value], …]
    engine TEXT NOT NULL,
    rows INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    error TEXT
) STRICT;

CREATE TABLE mark (
    account TEXT NOT NULL,
    feed INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    PRIMARY KEY (account, feed, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
    account TEXT NOT NULL,
    feed INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (account, feed, uuid, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    feed INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE session (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hunt_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hunt TEXT NOT NULL,
    at INTEGER NOT NULL,
    through INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    error TEXT
) STRICT;
