//! Queries as clients and proxies write them.
