//! SCEP messages: RFC 8894 as Apple devices speak it
