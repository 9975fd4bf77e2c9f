//! Ward, an Apple MDM server for hospitals
