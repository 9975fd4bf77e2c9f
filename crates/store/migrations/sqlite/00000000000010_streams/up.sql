CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id BLOB NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    object TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE sinks (
    name TEXT PRIMARY KEY NOT NULL,
    settings TEXT NOT NULL,
    configured INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    next_try_at INTEGER,
    last_error TEXT,
    heard_at INTEGER,
    heartbeat_at INTEGER,
    skipped INTEGER NOT NULL,
    gap TEXT,
    off_since INTEGER,
    leased_by BLOB,
    leased_until INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
