//! `Custom::TransitGatewayPeering`: two transit gateways joined, and the routes on both sides that use it.
//!
//! CloudFormation can request a peering but not accept one. A connection between domains does not need this: the
//! service carries its traffic. Clients and functions that talk to the other Region's VPC domain do.
//!
//! Look, decide ([`next`], [`links`]), do one step, look again, as the connection does it.

mod apply;
mod cleanup;
mod linking;
mod links;
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

/// What the kind calls. `ec2:CreateTags` is part of the request, which is tagged from its first moment on.
pub(crate) const PERMISSIONS: Permissions = Permissions {
    follower: &[
        "ec2:AssociateTransitGatewayRouteTable",
        "ec2:CreateTags",
        "ec2:CreateTransitGatewayPeeringAttachment",
        "ec2:CreateTransitGatewayRoute",
        "ec2:DeleteTransitGatewayPeeringAttachment",
        "ec2:DeleteTransitGatewayRoute",
        "ec2:DescribeTransitGatewayAttachments",
        "ec2:DescribeTransitGatewayPeeringAttachments",
        "ec2:DisassociateTransitGatewayRouteTable",
        "ec2:SearchTransitGatewayRoutes",
    ],
    leader: &[
        "ec2:AcceptTransitGatewayPeeringAttachment",
        "ec2:AssociateTransitGatewayRouteTable",
        "ec2:CreateTransitGatewayRoute",
        "ec2:DeleteTransitGatewayRoute",
        "ec2:DescribeTransitGatewayAttachments",
        "ec2:DescribeTransitGatewayPeeringAttachments",
        "ec2:DisassociateTransitGatewayRouteTable",
        "ec2:SearchTransitGatewayRoutes",
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
pub struct TransitGatewayPeering<C> {
    cloud: Arc<C>,
}

impl<C: Cloud> TransitGatewayPeering<C> {
    /// The kind on this cloud.
    pub fn new(cloud: Arc<C>) -> Self {
        Self { cloud }
    }
}

impl<C: Cloud> Resource for TransitGatewayPeering<C> {
    const TYPE: &'static str = "Custom::TransitGatewayPeering";

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
