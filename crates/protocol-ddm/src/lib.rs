//! Declarations, tokens and status reports of declarative device management
