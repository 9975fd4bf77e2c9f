-- When the device showed that it has the secret that Ward made for it; for secrets that devices told, when Ward could open it.
ALTER TABLE secrets ADD COLUMN confirmed_at INTEGER;
