//! The promises of the protocol, each as a test, under paused time with a kind that does what the test says.

mod bench;
mod delivery;
mod endings;
mod gate;
mod hostile;
mod late;
mod requests;
