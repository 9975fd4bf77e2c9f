CREATE TABLE groups (
    id BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    rule TEXT,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;
CREATE UNIQUE INDEX groups_name ON groups (name) WHERE archived_at IS NULL;

CREATE TABLE group_members (
    group_id BLOB NOT NULL REFERENCES groups (id),
    device_id BLOB NOT NULL REFERENCES devices (id),
    since INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (group_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_device_id ON group_members (device_id);

CREATE TABLE group_troubles (
    group_id BLOB NOT NULL REFERENCES groups (id),
    device_id BLOB NOT NULL REFERENCES devices (id),
    error TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (group_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_troubles_device_id ON group_troubles (device_id);
