-- Names that this person imported: of vaults, items, groups, users and devices, by their UUID. Kinds as in the catalogue: 1 user, 2 vault,
-- 3 item, 4 group, 5 device.
CREATE TABLE imported_name (
    kind INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    vault TEXT NOT NULL, -- of an item, its vault's UUID
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, uuid)
) STRICT, WITHOUT ROWID;
