ALTER TABLE secrets DROP COLUMN confirmed_at;
