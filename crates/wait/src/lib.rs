//! Waiting until something is true.
//!
//! This crate is the only code that sleeps.
//! It owns the [`Deadline`] (how much time is left), the [`Pace`] (how often to look), [`until`] (look until ready) and
//! the [`Throttle`] (how fast something may go on).
//! It knows nothing of AWS or of CloudFormation: what "ready" means is the probe's business.

mod chain;
mod deadline;
mod pace;
mod throttle;
mod until;

pub use chain::chain;
pub use deadline::Deadline;
pub use pace::Pace;
pub use throttle::Throttle;
pub use until::{Probe, Retry, Retryable, TimedOut, WaitError, until};
