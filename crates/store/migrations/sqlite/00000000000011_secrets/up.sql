-- The keys that seal columns, each wrapped by the key-encrypting key, which is not in the database. The one that nothing has replaced
-- seals. A retired one was proved to be in use no more; of a destroyed one only the name is left.
CREATE TABLE data_keys (
    id TEXT PRIMARY KEY NOT NULL,
    wrapped BLOB,
    created_at INTEGER NOT NULL,
    replaced_at INTEGER,
    resealed_at INTEGER,
    resealed INTEGER NOT NULL,
    retired_at INTEGER,
    destroyed_at INTEGER
) STRICT;

-- What was shown to whom, why, and what became of it: a value that a person has seen is changed where Apple allows it.
CREATE TABLE reveals (
    id BLOB PRIMARY KEY NOT NULL,
    secret_id BLOB NOT NULL,
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    revealed_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    earlier INTEGER NOT NULL,
    rotation TEXT NOT NULL,
    rotate_by INTEGER,
    command_id BLOB,
    rotated_at INTEGER,
    detail TEXT
) STRICT;
CREATE INDEX reveals_by_secret ON reveals (secret_id);
CREATE INDEX reveals_by_rotation ON reveals (rotation, rotate_by);
CREATE INDEX reveals_by_enrollment ON reveals (enrollment_id, kind);

-- The body of a command that holds what an operator must not be shown again; its `body` then has the places blanked out.
ALTER TABLE commands ADD COLUMN sealed_body BLOB;
