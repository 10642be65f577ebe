//! Comparing two clusters in memory.

#![allow(clippy::allow_attributes, clippy::unwrap_used, reason = "tests may panic")]

mod complete;
mod histories;
mod side;
mod support;
mod tampered;
