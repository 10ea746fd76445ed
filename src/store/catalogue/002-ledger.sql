-- Step 2: what a batch's leaves hash to, and signed statements about the chain.

-- The tree hash of the batch's leaves; NULL in batches of older programs. With it the chain can be followed without the events.
ALTER TABLE batch ADD COLUMN tree BLOB;

-- The keys that checkpoints were signed with, as C2SP verifier keys: `name+hash+base64`. One, unless its file was lost.
CREATE TABLE signer (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
) STRICT;

-- Signed heads. Each transaction signs its own, which takes the place of the one before it in the same five minutes: a later head covers
-- every earlier one. `bin`: the five minutes since 0001-01-01T00:00:00Z.
CREATE TABLE checkpoint (
    bin INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    through INTEGER NOT NULL,
    root BLOB NOT NULL,
    at INTEGER NOT NULL,
    signer INTEGER NOT NULL REFERENCES signer (id),
    signature BLOB NOT NULL
) STRICT;

-- Batches that no key was there to sign when they were committed, and when a later program signed them all the same.
CREATE TABLE signed_late (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- The SHA-256 of a segment's file, signed: with it the columns of the file need not be held to the events' text one by one.
CREATE TABLE attested (
    segment INTEGER PRIMARY KEY REFERENCES segment (id) ON DELETE CASCADE,
    sha256 BLOB NOT NULL,
    signer INTEGER NOT NULL REFERENCES signer (id),
    signature BLOB NOT NULL
) STRICT;
