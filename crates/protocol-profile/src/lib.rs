//! Configuration profiles and payloads: built, checked, signed
