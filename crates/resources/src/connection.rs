//! `Custom::CrossClusterConnection`: a connection from a follower domain to a leader domain.
//!
//! Look, decide ([`next`]), do one step, look again: both the making and the removing are one wait of that shape, so
//! stopping anywhere and starting again converges. Ownership is decided before every step (see `claim.rs`).

mod apply;
mod cleanup;
mod next;
mod ownership;
mod problem;
mod sides;
mod spec;

use std::sync::Arc;

use cloud::Cloud;
use custom_resource::{Applied, Context, Failure, Home, Properties, Resource};

pub use spec::{Identity, Spec};

use crate::Permissions;

/// What the kind calls. Each operation on connections has a deprecated twin in IAM under its former name, and the
/// service's authorization reference maps some operations to both: both are granted.
pub(crate) const PERMISSIONS: Permissions = Permissions {
    follower: &[
        "es:CreateOutboundConnection",
        "es:CreateOutboundCrossClusterSearchConnection",
        "es:DeleteOutboundConnection",
        "es:DeleteOutboundCrossClusterSearchConnection",
        "es:DescribeOutboundConnections",
        "es:DescribeOutboundCrossClusterSearchConnections",
    ],
    leader: &[
        "es:AcceptInboundConnection",
        "es:AcceptInboundCrossClusterSearchConnection",
        "es:DescribeInboundConnections",
        "es:DescribeInboundCrossClusterSearchConnections",
    ],
    function: &[
        "cloudformation:DescribeStackResource",
        "lambda:InvokeFunction",
        "ssm:DeleteParameter",
        "ssm:GetParameter",
        "ssm:PutParameter",
        "sts:AssumeRole",
    ],
};

/// The kind.
#[derive(Debug)]
pub struct Connection<C> {
    cloud: Arc<C>,
}

impl<C: Cloud> Connection<C> {
    /// The kind on this cloud.
    pub fn new(cloud: Arc<C>) -> Self {
        Self { cloud }
    }
}

impl<C: Cloud> Resource for Connection<C> {
    const TYPE: &'static str = "Custom::CrossClusterConnection";
    /// The AWS sample's template declares its connection with CloudFormation's generic type.
    const ALSO_SERVES: &'static [&'static str] = &["AWS::CloudFormation::CustomResource"];

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
