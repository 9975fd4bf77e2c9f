//! Tower layers that every door shares
