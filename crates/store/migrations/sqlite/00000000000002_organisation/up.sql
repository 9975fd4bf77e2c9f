CREATE TABLE places (
    id BLOB PRIMARY KEY NOT NULL,
    parent_id BLOB REFERENCES places (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    code TEXT COLLATE NOCASE UNIQUE,
    created_at INTEGER NOT NULL,
    archived_at INTEGER,
    CHECK ((parent_id IS NULL) = (kind = 'organization'))
) STRICT;
CREATE INDEX places_parent_id ON places (parent_id);
-- There is one root.
CREATE UNIQUE INDEX places_root ON places (kind) WHERE parent_id IS NULL;

CREATE TABLE people (
    id BLOB PRIMARY KEY NOT NULL,
    external_id TEXT UNIQUE,
    name TEXT NOT NULL,
    email TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    left_at INTEGER
) STRICT;

CREATE TABLE placements (
    device_id BLOB PRIMARY KEY NOT NULL REFERENCES devices (id),
    place_id BLOB NOT NULL REFERENCES places (id),
    owner_id BLOB REFERENCES people (id),
    since INTEGER NOT NULL,
    changed_by TEXT NOT NULL
) STRICT;
CREATE INDEX placements_place_id ON placements (place_id);
CREATE INDEX placements_owner_id ON placements (owner_id);

CREATE TABLE placement_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    device_id BLOB NOT NULL REFERENCES devices (id),
    place_id BLOB NOT NULL REFERENCES places (id),
    owner_id BLOB REFERENCES people (id),
    at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    cause TEXT NOT NULL
) STRICT;
CREATE INDEX placement_events_device_id ON placement_events (device_id, id);
CREATE INDEX placement_events_owner_id ON placement_events (owner_id);

CREATE TABLE device_attributes (
    device_id BLOB NOT NULL REFERENCES devices (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (device_id, name)
) STRICT;
CREATE INDEX device_attributes_name ON device_attributes (name, value, device_id);

CREATE TABLE place_variables (
    place_id BLOB NOT NULL REFERENCES places (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (place_id, name)
) STRICT;

-- Where a device goes that enrols by a link, and whose it becomes.
CREATE TABLE link_placements (
    link_id BLOB PRIMARY KEY NOT NULL REFERENCES enrollment_links (id),
    place_id BLOB REFERENCES places (id),
    owner_id BLOB REFERENCES people (id)
) STRICT;
