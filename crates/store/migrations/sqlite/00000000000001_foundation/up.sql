CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE authorities (
    id BLOB PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    certificate_der BLOB NOT NULL,
    sealed_key BLOB NOT NULL,
    ra_certificate_der BLOB,
    sealed_ra_key BLOB,
    not_after INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    active INTEGER NOT NULL
) STRICT;

CREATE TABLE push_certificates (
    id BLOB PRIMARY KEY NOT NULL,
    topic TEXT NOT NULL,
    certificate_der BLOB NOT NULL,
    sealed_key BLOB NOT NULL,
    not_after INTEGER NOT NULL,
    installed_at INTEGER NOT NULL,
    replaced_at INTEGER
) STRICT;
CREATE UNIQUE INDEX push_certificates_topic ON push_certificates (topic) WHERE replaced_at IS NULL;

CREATE TABLE enrollment_links (
    id BLOB PRIMARY KEY NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    label TEXT,
    owner TEXT,
    ownership TEXT NOT NULL,
    uses_limit INTEGER,
    uses INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    stopped_at INTEGER,
    stopped_reason TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

CREATE TABLE devices (
    id BLOB PRIMARY KEY NOT NULL,
    udid TEXT UNIQUE,
    serial_number TEXT,
    name TEXT,
    platform TEXT,
    product_name TEXT,
    model TEXT,
    model_name TEXT,
    os_version TEXT,
    build_version TEXT,
    supervised INTEGER,
    lost_mode INTEGER,
    first_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_serial_number ON devices (serial_number);

CREATE TABLE enrollments (
    id BLOB PRIMARY KEY NOT NULL,
    device_id BLOB NOT NULL REFERENCES devices (id),
    apple_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ownership TEXT NOT NULL,
    owner TEXT,
    state TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    previous_id BLOB REFERENCES enrollments (id),
    link_id BLOB REFERENCES enrollment_links (id),
    topic TEXT NOT NULL,
    access_rights INTEGER NOT NULL,
    identity_id BLOB REFERENCES identities (id),
    awaiting_configuration INTEGER NOT NULL,
    quarantine_reason TEXT,
    profile_digest BLOB,
    authenticated_at INTEGER NOT NULL,
    enrolled_at INTEGER,
    ended_at INTEGER,
    end_reason TEXT,
    superseded_by BLOB REFERENCES enrollments (id),
    UNIQUE (device_id, epoch)
) STRICT;
CREATE INDEX enrollments_apple_id ON enrollments (apple_id);
CREATE INDEX enrollments_state ON enrollments (state);
CREATE INDEX enrollments_identity_id ON enrollments (identity_id);
CREATE INDEX enrollments_link_id ON enrollments (link_id);

CREATE TABLE channels (
    id BLOB PRIMARY KEY NOT NULL,
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    user_id TEXT,
    user_short_name TEXT,
    user_long_name TEXT,
    push_token BLOB,
    push_magic BLOB,
    topic TEXT NOT NULL,
    token_updated_at INTEGER,
    token_update_tally INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    push_dead_at INTEGER,
    last_pushed_at INTEGER,
    last_seen_at INTEGER,
    UNIQUE (enrollment_id, key)
) STRICT;
CREATE INDEX channels_key ON channels (key);

CREATE TABLE identities (
    id BLOB PRIMARY KEY NOT NULL,
    fingerprint BLOB NOT NULL UNIQUE,
    serial_hex TEXT NOT NULL,
    authority_id BLOB NOT NULL REFERENCES authorities (id),
    issuance_id BLOB NOT NULL REFERENCES issuances (id),
    enrollment_id BLOB REFERENCES enrollments (id),
    subject TEXT NOT NULL,
    der BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    first_seen_at INTEGER,
    last_seen_at INTEGER,
    revoked_at INTEGER,
    revoked_reason TEXT,
    UNIQUE (authority_id, serial_hex)
) STRICT;
CREATE INDEX identities_enrollment_id ON identities (enrollment_id);
CREATE INDEX identities_issuance_id ON identities (issuance_id);
CREATE INDEX identities_not_after ON identities (not_after);
CREATE INDEX identities_revoked_at ON identities (revoked_at);

CREATE TABLE issuances (
    id BLOB PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    challenge_hash BLOB NOT NULL UNIQUE,
    link_id BLOB REFERENCES enrollment_links (id),
    enrollment_id BLOB REFERENCES enrollments (id),
    delivery_seq INTEGER,
    ownership TEXT NOT NULL,
    owner TEXT,
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    transaction_id BLOB,
    key_digest BLOB,
    first_used_at INTEGER,
    identity_id BLOB REFERENCES identities (id),
    revoked_at INTEGER
) STRICT;
CREATE INDEX issuances_enrollment_id ON issuances (enrollment_id);
CREATE INDEX issuances_link_id ON issuances (link_id);
CREATE INDEX issuances_delivery_seq ON issuances (delivery_seq);

CREATE TABLE secrets (
    id BLOB PRIMARY KEY NOT NULL,
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    from_before INTEGER NOT NULL,
    removed_at INTEGER
) STRICT;
CREATE INDEX secrets_enrollment_id ON secrets (enrollment_id, kind);

CREATE TABLE commands (
    id BLOB PRIMARY KEY NOT NULL,
    uuid TEXT NOT NULL UNIQUE,
    request_type TEXT NOT NULL,
    class TEXT NOT NULL,
    secret_id BLOB REFERENCES secrets (id),
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    reason TEXT,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    command_id BLOB NOT NULL REFERENCES commands (id),
    channel_id BLOB NOT NULL REFERENCES channels (id),
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    lane INTEGER NOT NULL,
    enqueued_at INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (command_id, channel_id)
) STRICT;
CREATE INDEX deliveries_channel_id ON deliveries (channel_id);

CREATE TABLE pending (
    seq INTEGER PRIMARY KEY NOT NULL REFERENCES deliveries (seq),
    channel_id BLOB NOT NULL
) STRICT;
CREATE INDEX pending_channel_id ON pending (channel_id);

CREATE TABLE delivery_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    seq INTEGER NOT NULL REFERENCES deliveries (seq),
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    identity_id BLOB,
    class TEXT,
    detail TEXT,
    result_digest BLOB,
    facts_json TEXT,
    result BLOB
) STRICT;
CREATE INDEX delivery_events_seq ON delivery_events (seq);

CREATE TABLE reports (
    id BLOB PRIMARY KEY NOT NULL,
    device_id BLOB NOT NULL REFERENCES devices (id),
    enrollment_id BLOB NOT NULL REFERENCES enrollments (id),
    source TEXT NOT NULL,
    command_uuid TEXT,
    observed_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX reports_device_id ON reports (device_id, source, observed_at);

CREATE TABLE jobs (
    id BLOB PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    payload TEXT NOT NULL,
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    leased_until INTEGER,
    again INTEGER NOT NULL,
    last_error TEXT,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_open ON jobs (kind, key) WHERE state <> 'dead';
CREATE INDEX jobs_due ON jobs (state, run_at);

CREATE TABLE api_tokens (
    id BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE idempotency_keys (
    token_id BLOB NOT NULL REFERENCES api_tokens (id),
    key TEXT NOT NULL,
    request_digest BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (token_id, key)
) STRICT;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    class TEXT,
    target TEXT,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_events_target ON audit_events (target);
CREATE INDEX audit_events_action ON audit_events (action, at);

CREATE TABLE quarantined (
    id BLOB PRIMARY KEY NOT NULL,
    apple_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (apple_id, fingerprint)
) STRICT;
