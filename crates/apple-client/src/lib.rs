//! Every outbound call to Apple: push
