//! `Custom::RoleMapping`: entries in the mapping of a role on a domain, beside everybody else's.
//!
//! Look, decide ([`plan`]), write, look again. What was there before stays whose it is; what we added is recorded in the
//! claim before it is written, and only that is ever removed.

mod apply;
mod cleanup;
mod plan;
mod side;
mod spec;

use std::sync::Arc;

use cloud::{Caller, Cloud};
use custom_resource::{Applied, Context, Failure, Home, Properties, Resource};

pub use spec::{Identity, Spec};

use crate::Permissions;

/// What the kind calls: it works on one domain, whichever side that is.
pub(crate) const PERMISSIONS: Permissions = Permissions {
    follower: &["es:ESHttpGet", "es:ESHttpPatch"],
    leader: &[],
    function: &[
        "cloudformation:DescribeStackResource",
        "lambda:InvokeFunction",
        "secretsmanager:GetSecretValue",
        "ssm:DeleteParameter",
        "ssm:GetParameter",
        "ssm:PutParameter",
    ],
};

/// The kind.
#[derive(Debug)]
pub struct RoleMapping<C> {
    cloud: Arc<C>,
}

impl<C: Cloud> RoleMapping<C> {
    /// The kind on this cloud.
    pub fn new(cloud: Arc<C>) -> Self {
        Self { cloud }
    }
}

impl<C: Cloud> Resource for RoleMapping<C> {
    const TYPE: &'static str = "Custom::RoleMapping";

    type Spec = Spec;
    type Identity = Identity;

    fn read(&self, properties: &mut Properties<'_>, home: &Home) -> Option<Spec> {
        Spec::read(properties, home)
    }

    fn identity(&self, spec: &Spec) -> Identity {
        spec.identity.clone()
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
        let caller = spec.map_or(&Caller::Own, |spec| &spec.caller);
        cleanup::cleanup(self.cloud.as_ref(), identity, caller, context).await
    }
}
