//! The operators' JSON API, described by OpenAPI
