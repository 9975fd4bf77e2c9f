//! Messages that OpenSSL reads, and messages that OpenSSL wrote.
