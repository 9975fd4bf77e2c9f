CREATE TABLE device_facts (
    device_id BLOB NOT NULL REFERENCES devices (id),
    key TEXT NOT NULL,
    sort TEXT NOT NULL,
    value TEXT NOT NULL,
    observed_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    report_id BLOB NOT NULL,
    PRIMARY KEY (device_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_facts_key ON device_facts (key, sort, device_id);
