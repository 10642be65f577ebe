//! Connections on the OpenSearch configuration API.

#[cfg(test)]
mod tests;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::config::Builder;
use aws_sdk_opensearch::types;

use super::conversion;
use super::error::failed;
use super::once;
use super::role::Role;
use crate::{Connections, Error, Filter, Inbound, NewConnection, Outbound, Place};

/// The most the service gives.
const PAGE: i32 = 100;

/// Signed in to one account and Region. A clone is the same session.
#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    place: Place,
    role: Option<Role>,
}

impl Session {
    /// Makes no request.
    pub(super) fn new(config: &SdkConfig, place: &Place) -> Self {
        let role = place.role.as_ref().map(|role| Role::new(config, role));
        let mut builder =
            Builder::from(config).region(aws_sdk_opensearch::config::Region::new(place.region.clone()));
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

/// There is no client token and no conditional request, so a change is sent once: see `once`.
/// A removal may be repeated: its second answer is "not found", which is true.
impl Connections for Session {
    async fn request(&self, new: &NewConnection) -> Result<Outbound, Error> {
        let operation = "CreateOutboundConnection";
        let row = self
            .client
            .create_outbound_connection()
            .local_domain_info(conversion::domain_information(&new.local))
            .remote_domain_info(conversion::domain_information(&new.remote))
            .connection_alias(&new.alias)
            .connection_mode(conversion::mode(new.mode))
            .connection_properties(conversion::properties(new.skip_unavailable))
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed(operation))?;
        conversion::outbound(operation, conversion::wrapped(row), &self.place)
    }

    async fn outbound(&self, filter: Filter<'_>) -> Result<Vec<Outbound>, Error> {
        let operation = "DescribeOutboundConnections";
        let mut pages = self
            .client
            .describe_outbound_connections()
            .filters(api_filter(filter))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut connections = Vec::new();
        while let Some(page) = pages.next().await {
            for row in page.map_err(failed(operation))?.connections.unwrap_or_default() {
                connections.push(conversion::outbound(operation, row, &self.place)?);
            }
        }
        Ok(connections)
    }

    async fn inbound(&self, filter: Filter<'_>) -> Result<Vec<Inbound>, Error> {
        let operation = "DescribeInboundConnections";
        let mut pages = self
            .client
            .describe_inbound_connections()
            .filters(api_filter(filter))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut connections = Vec::new();
        while let Some(page) = pages.next().await {
            for row in page.map_err(failed(operation))?.connections.unwrap_or_default() {
                connections.push(conversion::inbound(operation, row, &self.place)?);
            }
        }
        Ok(connections)
    }

    async fn accept(&self, id: &str) -> Result<(), Error> {
        self.client
            .accept_inbound_connection()
            .connection_id(id)
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed("AcceptInboundConnection"))?;
        Ok(())
    }

    async fn reject(&self, id: &str) -> Result<(), Error> {
        self.client
            .reject_inbound_connection()
            .connection_id(id)
            .customize()
            .config_override(Builder::new().retry_config(once()))
            .send()
            .await
            .map_err(failed("RejectInboundConnection"))?;
        Ok(())
    }

    async fn delete_outbound(&self, id: &str) -> Result<(), Error> {
        self.client
            .delete_outbound_connection()
            .connection_id(id)
            .send()
            .await
            .map_err(failed("DeleteOutboundConnection"))?;
        Ok(())
    }

    async fn delete_inbound(&self, id: &str) -> Result<(), Error> {
        self.client
            .delete_inbound_connection()
            .connection_id(id)
            .send()
            .await
            .map_err(failed("DeleteInboundConnection"))?;
        Ok(())
    }
}

/// Both names are filters of either side. The list of names is gone from the present API reference; older SDKs' docs
/// (aws-sdk-js 2, `OpenSearch.describeInboundConnections`) have it.
fn api_filter(filter: Filter<'_>) -> types::Filter {
    let (name, value) = match filter {
        Filter::Id(id) => ("connection-id", id),
        Filter::LocalDomain(name) => ("local-domain-info.domain-name", name),
    };
    types::Filter::builder().name(name).values(value).build()
}
