DROP TABLE device_facts;
