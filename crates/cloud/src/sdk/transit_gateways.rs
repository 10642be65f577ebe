//! Transit gateways on the EC2 API.

#[cfg(test)]
mod tests;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Builder, Region};
use aws_sdk_ec2::types::{
    Filter, PeeringTgwInfo, ResourceType, Tag, TagSpecification, TransitGatewayAttachment,
    TransitGatewayPeeringAttachment,
};

use super::error::{failed, incomplete};
use super::once;
use super::role::Role;
use crate::{
    Association, AssociationState, Error, GatewayRoute, GatewayRouteState, NewPeering, Peering, PeeringState,
    Place, TransitGateway, TransitGateways,
};

/// What a state reads when the service gives none: something to wait through.
const NO_STATE: &str = "no state";

/// Signed in to one account and Region. A clone is the same session.
#[derive(Clone, Debug)]
pub struct Gateways {
    client: Client,
    place: Place,
    role: Option<Role>,
}

impl Gateways {
    /// Makes no request.
    pub(super) fn new(config: &SdkConfig, place: &Place) -> Self {
        let role = place.role.as_ref().map(|role| Role::new(config, role));
        let mut builder = Builder::from(config).region(Region::new(place.region.clone()));
        if let Some(role) = role.clone() {
            builder = builder.credentials_provider(role).identity_cache(IdentityCache::no_cache());
        }
        Self { client: Client::from_conf(builder.build()), place: place.clone(), role }
    }

    /// Has credentials, or says why not.
    pub(super) async fn sign_in(&self) -> Result<(), Error> {
        if let Some(role) = &self.role {
            role.credentials().await?;
        }
        Ok(())
    }
}

/// None of these operations has a client token, so a change is sent once: see `once`.
/// A removal may be repeated: its second answer is "not found" or "incorrect state", and whoever called looks again.
impl TransitGateways for Gateways {
    async fn request_peering(&self, new: &NewPeering) -> Result<Peering, Error> {
        let operation = "CreateTransitGatewayPeeringAttachment";
        let answer = self
            .client
            .create_transit_gateway_peering_attachment()
            .transit_gateway_id(&new.local.id)
            .peer_transit_gateway_id(&new.remote.id)
            .peer_account_id(&new.remote.account)
            .peer_region(&new.remote.region)
            .set_tag_specifications(tag_specifications(new))
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed(operation))?;
        let row = answer.transit_gateway_peering_attachment;
        peering(operation, row.ok_or_else(|| incomplete(operation, "attachment"))?, &self.place)
    }

    async fn peerings(&self, gateway: &str) -> Result<Vec<Peering>, Error> {
        let operation = "DescribeTransitGatewayPeeringAttachments";
        let mut pages = self
            .client
            .describe_transit_gateway_peering_attachments()
            .filters(filter("transit-gateway-id", gateway))
            .into_paginator()
            .send();
        let mut peerings = Vec::new();
        while let Some(page) = pages.next().await {
            let rows = page.map_err(failed(operation))?.transit_gateway_peering_attachments;
            for row in rows.unwrap_or_default() {
                peerings.push(peering(operation, row, &self.place)?);
            }
        }
        Ok(peerings)
    }

    async fn accept_peering(&self, id: &str) -> Result<(), Error> {
        self.client
            .accept_transit_gateway_peering_attachment()
            .transit_gateway_attachment_id(id)
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed("AcceptTransitGatewayPeeringAttachment"))?;
        Ok(())
    }

    async fn delete_peering(&self, id: &str) -> Result<(), Error> {
        self.client
            .delete_transit_gateway_peering_attachment()
            .transit_gateway_attachment_id(id)
            .send()
            .await
            .map_err(failed("DeleteTransitGatewayPeeringAttachment"))?;
        Ok(())
    }

    async fn association(&self, attachment: &str) -> Result<Option<Association>, Error> {
        let operation = "DescribeTransitGatewayAttachments";
        let answer = self
            .client
            .describe_transit_gateway_attachments()
            .filters(filter("transit-gateway-attachment-id", attachment))
            .send()
            .await
            .map_err(failed(operation))?;
        let rows = answer.transit_gateway_attachments.unwrap_or_default();
        let is_it = |row: &TransitGatewayAttachment| row.transit_gateway_attachment_id() == Some(attachment);
        let mut associations = rows.into_iter().filter(is_it).filter_map(|row| row.association);
        Ok(associations.find_map(|row| {
            let state = row.state.as_ref().map_or(NO_STATE, |state| state.as_str());
            Some(Association {
                table: row.transit_gateway_route_table_id?,
                state: AssociationState::parse(state),
            })
        }))
    }

    async fn associate(&self, table: &str, attachment: &str) -> Result<(), Error> {
        self.client
            .associate_transit_gateway_route_table()
            .transit_gateway_route_table_id(table)
            .transit_gateway_attachment_id(attachment)
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed("AssociateTransitGatewayRouteTable"))?;
        Ok(())
    }

    async fn disassociate(&self, table: &str, attachment: &str) -> Result<(), Error> {
        self.client
            .disassociate_transit_gateway_route_table()
            .transit_gateway_route_table_id(table)
            .transit_gateway_attachment_id(attachment)
            .send()
            .await
            .map_err(failed("DisassociateTransitGatewayRouteTable"))?;
        Ok(())
    }

    async fn route(&self, table: &str, cidr: &str) -> Result<Option<GatewayRoute>, Error> {
        let operation = "SearchTransitGatewayRoutes";
        let answer = self
            .client
            .search_transit_gateway_routes()
            .transit_gateway_route_table_id(table)
            .filters(filter("type", "static"))
            .filters(filter("route-search.exact-match", cidr))
            .send()
            .await
            .map_err(failed(operation))?;
        let found = answer.routes.unwrap_or_default().into_iter().next();
        Ok(found.map(|row| {
            let state = row.state.as_ref().map_or(NO_STATE, |state| state.as_str());
            let mut attachments = row.transit_gateway_attachments.unwrap_or_default().into_iter();
            GatewayRoute {
                attachment: attachments.find_map(|attachment| attachment.transit_gateway_attachment_id),
                state: GatewayRouteState::parse(state),
            }
        }))
    }

    async fn create_route(&self, table: &str, cidr: &str, attachment: &str) -> Result<(), Error> {
        self.client
            .create_transit_gateway_route()
            .transit_gateway_route_table_id(table)
            .destination_cidr_block(cidr)
            .transit_gateway_attachment_id(attachment)
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed("CreateTransitGatewayRoute"))?;
        Ok(())
    }

    async fn delete_route(&self, table: &str, cidr: &str) -> Result<(), Error> {
        self.client
            .delete_transit_gateway_route()
            .transit_gateway_route_table_id(table)
            .destination_cidr_block(cidr)
            .send()
            .await
            .map_err(failed("DeleteTransitGatewayRoute"))?;
        Ok(())
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// None without tags: the service refuses an empty list of them.
fn tag_specifications(new: &NewPeering) -> Option<Vec<TagSpecification>> {
    let tags: Vec<_> =
        new.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let specification = TagSpecification::builder()
        .resource_type(ResourceType::TransitGatewayAttachment)
        .set_tags(Some(tags));
    (!new.tags.is_empty()).then(|| vec![specification.build()])
}

fn peering(
    operation: &'static str,
    row: TransitGatewayPeeringAttachment,
    place: &Place,
) -> Result<Peering, Error> {
    let id = row.transit_gateway_attachment_id.ok_or_else(|| incomplete(operation, "attachment id"))?;
    let state = row.state.as_ref().map_or(NO_STATE, |state| state.as_str());
    let tags = row.tags.unwrap_or_default().into_iter();
    Ok(Peering {
        accepter_id: row.accepter_transit_gateway_attachment_id.filter(|accepter| *accepter != id),
        id,
        local: gateway(row.requester_tgw_info, place),
        remote: gateway(row.accepter_tgw_info, place),
        state: PeeringState::parse(state),
        message: row.status.and_then(|status| status.message).filter(|message| !message.is_empty()),
        tags: tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect(),
    })
}

/// Account and Region are optional in the API. A gateway without an id matches none.
fn gateway(information: Option<PeeringTgwInfo>, place: &Place) -> TransitGateway {
    let (id, account, region) =
        information.map_or_else(Default::default, |it| (it.transit_gateway_id, it.owner_id, it.region));
    TransitGateway {
        account: account.unwrap_or_else(|| place.account.clone()),
        region: region.unwrap_or_else(|| place.region.clone()),
        id: id.unwrap_or_default(),
    }
}
