//! Chains that lead to a root, and chains that do not.
