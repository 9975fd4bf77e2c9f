PRAGMA defer_foreign_keys = ON;
DROP TABLE link_placements;
DROP TABLE place_variables;
DROP TABLE device_attributes;
DROP TABLE placement_events;
DROP TABLE placements;
DROP TABLE people;
DROP TABLE places;
