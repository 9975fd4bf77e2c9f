CREATE TABLE items (
    id BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE TABLE item_versions (
    id BLOB PRIMARY KEY NOT NULL,
    item_id BLOB NOT NULL REFERENCES items (id),
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    sealed_source BLOB NOT NULL,
    sealed_template BLOB NOT NULL,
    digest BLOB NOT NULL,
    identifier TEXT NOT NULL,
    payload_types TEXT NOT NULL,
    carries_network INTEGER NOT NULL,
    class TEXT NOT NULL,
    class_reason TEXT NOT NULL,
    lint TEXT NOT NULL,
    override_reason TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (item_id, version)
) STRICT;

CREATE TABLE assignments (
    id BLOB PRIMARY KEY NOT NULL,
    item_id BLOB NOT NULL REFERENCES items (id),
    item_version_id BLOB NOT NULL REFERENCES item_versions (id),
    group_id BLOB,
    place_id BLOB,
    excluded TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    confirmed_by TEXT NOT NULL,
    confirmed_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assignments_item ON assignments (item_id);
CREATE INDEX assignments_active ON assignments (state) WHERE state = 'active';

CREATE TABLE assignment_versions (
    assignment_id BLOB NOT NULL REFERENCES assignments (id),
    version INTEGER NOT NULL,
    item_version_id BLOB NOT NULL REFERENCES item_versions (id),
    group_id BLOB,
    place_id BLOB,
    excluded TEXT NOT NULL,
    state TEXT NOT NULL,
    confirmed_by TEXT NOT NULL,
    confirmed_count INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (assignment_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE device_items (
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    item_id BLOB NOT NULL REFERENCES items (id),
    device_id BLOB NOT NULL REFERENCES devices (id),
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    desired_version_id BLOB REFERENCES item_versions (id),
    desired_uuid TEXT,
    profile_identifier TEXT NOT NULL,
    sent_version_id BLOB REFERENCES item_versions (id),
    sent_uuid TEXT,
    sent_at INTEGER,
    command_id BLOB,
    answered_at INTEGER,
    observed_uuid TEXT,
    observed_at INTEGER,
    losses INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at INTEGER,
    last_error TEXT,
    left_at INTEGER,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (enrollment_id, item_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_items_item ON device_items (item_id, state);
CREATE INDEX device_items_device ON device_items (device_id);
CREATE INDEX device_items_left ON device_items (item_id, left_at) WHERE left_at IS NOT NULL;
CREATE INDEX device_items_command ON device_items (command_id) WHERE command_id IS NOT NULL;

CREATE TABLE removal_allowances (
    id BLOB PRIMARY KEY NOT NULL,
    item_id BLOB NOT NULL REFERENCES items (id),
    devices INTEGER NOT NULL,
    granted_at INTEGER NOT NULL,
    granted_by TEXT NOT NULL
) STRICT;
CREATE INDEX removal_allowances_item ON removal_allowances (item_id, granted_at);

CREATE TABLE incidents (
    id BLOB PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    device_id BLOB REFERENCES devices (id),
    item_id BLOB REFERENCES items (id),
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    closed_by TEXT,
    closed_reason TEXT
) STRICT;
CREATE INDEX incidents_open ON incidents (kind, subject) WHERE closed_at IS NULL;

CREATE TABLE actions (
    id BLOB PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    request TEXT NOT NULL,
    preview TEXT NOT NULL,
    preview_digest BLOB NOT NULL,
    devices INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    applied_at INTEGER,
    applied_by TEXT
) STRICT;
CREATE INDEX actions_state ON actions (state, id);

CREATE TABLE item_secrets (
    name TEXT PRIMARY KEY NOT NULL,
    sealed BLOB NOT NULL,
    version INTEGER NOT NULL,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL
) STRICT;
