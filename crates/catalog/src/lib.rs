//! What Apple's commands and payloads accept, on which devices, and the effect class of each
