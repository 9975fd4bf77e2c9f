//! What the end to end and interop tests share: a started Ward, and its command line.
