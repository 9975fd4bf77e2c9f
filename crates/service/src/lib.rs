//! The rules, one module per thing the server does
