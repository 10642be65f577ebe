//! Waking the NAT instance: a gate that any kind works behind.
//!
//! Where functions must live in a VPC, a NAT instance that sleeps is their only way out. Whoever needs it writes a lease
//! on it, as a tag, *then* looks: standing still, it is started; stopping, that is waited out; running, it is ready when
//! a TLS handshake gets through. The last one out stops it, if one of us started it.
//!
//! Nothing locks, and a holder may die at any call. Three rules keep two holders from hurting each other:
//! - A lease is written before looking, and the intent to stop is written before looking again: of two that meet, at
//!   least one sees the other, and the one that opens always wins.
//! - What was written is not visible at once, so the intent stands for [`closing::INTENT`] before anything is stopped.
//! - Every mark names what it speaks of (a delivery, a start), and is removed only while it still says so.
//!
//! What a dead holder leaves expires: its lease a minute after its invocation, and the instance halts itself when nobody
//! has held it for a while.

mod closing;
mod marks;
mod opening;
mod problem;
mod room;

use std::sync::Arc;
use std::time::Duration;

use cloud::{Instances, Reach};
use custom_resource::{Failure, Gate, Passage};

use marks::Lease;

/// The EC2 actions of the gate, on its instance, but for the last one, which knows no resource.
pub const EGRESS_PERMISSIONS: &[&str] =
    &["ec2:CreateTags", "ec2:DeleteTags", "ec2:StartInstances", "ec2:StopInstances", "ec2:DescribeInstances"];

/// A NAT instance that is awake while somebody holds a lease on it.
#[derive(Debug)]
pub struct Egress<C> {
    cloud: Arc<C>,
    instance: String,
}

impl<C> Egress<C> {
    /// The gate through this instance.
    pub fn new(cloud: Arc<C>, instance: impl Into<String>) -> Self {
        Self { cloud, instance: instance.into() }
    }
}

impl<C: Instances + Reach + 'static> Gate for Egress<C> {
    fn closing(&self) -> Duration {
        closing::TIME
    }

    async fn open(&self, passage: &Passage<'_>) -> Result<(), Failure> {
        let lease = Lease::of(passage);
        opening::open(self.cloud.as_ref(), &self.instance, &lease, passage).await
    }

    async fn close(&self, passage: &Passage<'_>) {
        let lease = Lease::of(passage);
        closing::close(self.cloud.as_ref(), &self.instance, &lease, passage).await;
    }
}

#[cfg(test)]
mod tests {
    use super::EGRESS_PERMISSIONS;

    /// The template of the provider grants what the file says.
    #[test]
    fn the_checked_in_permissions_are_those_of_the_gate() {
        let checked_in: Vec<String> =
            serde_json::from_str(include_str!("../egress-permissions.json")).unwrap();
        assert_eq!(EGRESS_PERMISSIONS, checked_in);
    }
}
