DROP TABLE rollout_devices;
DROP TABLE rollouts;
