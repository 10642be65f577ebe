//! `Custom::ReplicationRule`: every index of the leader that matches a pattern is followed, those to come included.
//!
//! Look, decide ([`next`]), do one step, look again. Ownership is decided before every step (see `claim.rs`).

mod apply;
mod before;
mod cleanup;
mod followers;
mod naming;
mod next;
mod spec;

use std::sync::Arc;

use cloud::Cloud;
use custom_resource::{Applied, Context, Failure, Home, Properties, Resource};

pub use spec::{Identity, Spec};

use crate::Permissions;

/// What the kind calls: the follower's domain, and the leader's to see which indexes match and to read their documents.
pub(crate) const PERMISSIONS: Permissions = Permissions {
    follower: &["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpPost"],
    leader: &["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpPost"],
    function: &[
        "cloudformation:DescribeStackResource",
        "lambda:InvokeFunction",
        "secretsmanager:GetSecretValue",
        "ssm:DeleteParameter",
        "ssm:GetParameter",
        "ssm:PutParameter",
        "sts:AssumeRole",
    ],
};

/// The kind.
#[derive(Debug)]
pub struct ReplicationRule<C> {
    cloud: Arc<C>,
}

impl<C: Cloud> ReplicationRule<C> {
    /// The kind on this cloud.
    pub fn new(cloud: Arc<C>) -> Self {
        Self { cloud }
    }
}

impl<C: Cloud> Resource for ReplicationRule<C> {
    const TYPE: &'static str = "Custom::ReplicationRule";

    type Spec = Spec;
    type Identity = Identity;

    fn read(&self, properties: &mut Properties<'_>, home: &Home) -> Option<Spec> {
        Spec::read(properties, home)
    }

    fn identity(&self, spec: &Spec) -> Identity {
        spec.identity()
    }

    async fn apply(&self, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
        apply::apply(self.cloud.as_ref(), spec, context).await
    }

    async fn cleanup(
        &self,
        identity: &Identity,
        spec: Option<&Spec>,
        context: &Context,
    ) -> Result<(), Failure> {
        cleanup::cleanup(self.cloud.as_ref(), identity, spec, context).await
    }
}
