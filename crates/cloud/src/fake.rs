//! A world of accounts, Regions, domains and connections in memory, and a decorator that makes any cloud fail.
//!
//! [`World`] behaves as the services do, on tokio's clock, which tests pause: states take their time, what was just
//! made is not listed at once, aliases collide, deleted rows stay. Where nobody knows what the service does, the world
//! takes the harsher reading, and a [`Quirk`] takes another.
//! [`Faulty`] fails, throttles, delays, cancels or loses the response of chosen calls.
//! Nothing here knows what a kind wants, and no test here expects a sequence of calls: the state counts.

mod by_hand;
mod connection;
mod domains;
mod faults;
mod faulty;
mod gateway_session;
mod gateways;
mod leftovers;
mod nat;
mod nat_ports;
mod operation;
mod peering;
mod peers;
mod ports;
mod row;
mod rules;
mod search;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod world;

pub use connection::{Connection, Side};
pub use domains::DomainFeatures;
pub use faults::{Fault, Faults};
pub use faulty::Faulty;
pub use gateway_session::GatewaySession;
pub use leftovers::{Leftovers, Snapshot};
pub use nat::Nat;
pub use peering::GatewayPeering;
pub use peers::PeerSession;
pub use rules::{Quirk, Timing};
pub use search::{Document, SearchSession};
pub use session::Session;
pub use world::{Call, Invocation, World};

use std::time::Duration;

/// Lets this much of tokio's time pass.
async fn pause(span: Duration) {
    if !span.is_zero() {
        wait::Deadline::after(span).limit(std::future::pending::<()>()).await;
    }
}
