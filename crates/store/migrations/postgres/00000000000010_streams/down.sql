DROP TABLE sinks;
DROP TABLE outbox;
