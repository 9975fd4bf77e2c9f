DROP TABLE group_troubles;
DROP TABLE group_members;
DROP TABLE groups;
