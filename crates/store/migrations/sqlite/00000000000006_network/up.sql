CREATE TABLE network_identities (
    id BLOB PRIMARY KEY NOT NULL,
    fingerprint BLOB NOT NULL UNIQUE,
    serial_hex TEXT NOT NULL,
    authority_id BLOB NOT NULL REFERENCES authorities (id),
    issuance_id BLOB NOT NULL UNIQUE REFERENCES issuances (id),
    device_id BLOB NOT NULL REFERENCES devices (id),
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    subject TEXT NOT NULL,
    der BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT,
    revoked_by TEXT,
    UNIQUE (authority_id, serial_hex)
) STRICT;
CREATE INDEX network_identities_device_id ON network_identities (device_id);
CREATE INDEX network_identities_enrollment_id ON network_identities (enrollment_id, id);
CREATE INDEX network_identities_revoked_at ON network_identities (authority_id, revoked_at);

CREATE TABLE network_holds (
    device_id BLOB PRIMARY KEY NOT NULL REFERENCES devices (id),
    reason TEXT NOT NULL,
    note TEXT,
    since INTEGER NOT NULL,
    held_by TEXT NOT NULL
) STRICT;

CREATE TABLE network_renewals (
    device_id BLOB PRIMARY KEY NOT NULL REFERENCES devices (id),
    count INTEGER NOT NULL,
    asked_at INTEGER NOT NULL
) STRICT;

ALTER TABLE issuances ADD COLUMN topic TEXT;
ALTER TABLE issuances ADD COLUMN profile_digest BLOB;
