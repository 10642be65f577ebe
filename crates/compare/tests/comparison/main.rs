//! Comparing two clusters in memory.

#![allow(clippy::allow_attributes, clippy::unwrap_used, reason = "tests may panic")]

mod histories;
mod side;
mod support;
