ALTER TABLE commands DROP COLUMN sealed_body;
DROP TABLE reveals;
DROP TABLE data_keys;
