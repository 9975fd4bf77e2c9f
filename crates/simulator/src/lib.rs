//! Simulated devices and a simulated Apple, speaking the real protocols
