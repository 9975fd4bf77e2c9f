PRAGMA defer_foreign_keys = ON;
ALTER TABLE issuances DROP COLUMN profile_digest;
ALTER TABLE issuances DROP COLUMN topic;
DROP TABLE network_renewals;
DROP TABLE network_holds;
DROP TABLE network_identities;
