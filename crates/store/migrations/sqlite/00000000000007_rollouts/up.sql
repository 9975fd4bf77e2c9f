CREATE TABLE rollouts (
    id BLOB PRIMARY KEY NOT NULL,
    assignment_id BLOB NOT NULL REFERENCES assignments (id),
    assignment_version INTEGER NOT NULL,
    item_id BLOB NOT NULL REFERENCES items (id),
    item_version_id BLOB NOT NULL REFERENCES item_versions (id),
    ring INTEGER NOT NULL,
    state TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ring_started_at INTEGER NOT NULL,
    halted_at INTEGER,
    halted_reason TEXT,
    ended_at INTEGER,
    UNIQUE (assignment_id, assignment_version)
) STRICT;
CREATE INDEX rollouts_running ON rollouts (state) WHERE state = 'running';

CREATE TABLE rollout_devices (
    rollout_id BLOB NOT NULL REFERENCES rollouts (id),
    device_id BLOB NOT NULL REFERENCES devices (id),
    ring INTEGER,
    released_at INTEGER,
    sent_at INTEGER,
    confirmed_at INTEGER,
    woken_at INTEGER,
    PRIMARY KEY (rollout_id, device_id)
) STRICT, WITHOUT ROWID;
