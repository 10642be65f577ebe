//! Between the OpenSearch API's types and ours.

use aws_sdk_opensearch::operation::create_outbound_connection::CreateOutboundConnectionOutput;
use aws_sdk_opensearch::types;

use super::error::incomplete;
use crate::{Domain, Error, Inbound, InboundStatus, Mode, Outbound, OutboundStatus, Place, SkipUnavailable};

/// What a status reads when the service gives none: something to wait through.
const NO_STATUS: &str = "no status";

pub(super) fn domain_information(domain: &Domain) -> types::DomainInformationContainer {
    let information = types::AwsDomainInformation::builder()
        .owner_id(&domain.account)
        .region(&domain.region)
        .domain_name(&domain.name)
        .build()
        .ok();
    types::DomainInformationContainer::builder().set_aws_domain_information(information).build()
}

pub(super) fn mode(mode: Mode) -> types::ConnectionMode {
    match mode {
        Mode::Direct => types::ConnectionMode::Direct,
        Mode::VpcEndpoint => types::ConnectionMode::VpcEndpoint,
    }
}

pub(super) fn properties(skip_unavailable: SkipUnavailable) -> types::ConnectionProperties {
    let skip_unavailable = match skip_unavailable {
        SkipUnavailable::Enabled => types::SkipUnavailableStatus::Enabled,
        SkipUnavailable::Disabled => types::SkipUnavailableStatus::Disabled,
    };
    types::ConnectionProperties::builder()
        .cross_cluster_search(
            types::CrossClusterSearchConnectionProperties::builder()
                .skip_unavailable(skip_unavailable)
                .build(),
        )
        .build()
}

/// `CreateOutboundConnection` answers with the fields alone where every other operation has a `Connection`.
pub(super) fn wrapped(flat: CreateOutboundConnectionOutput) -> types::OutboundConnection {
    types::OutboundConnection::builder()
        .set_connection_id(flat.connection_id)
        .set_connection_alias(flat.connection_alias)
        .set_local_domain_info(flat.local_domain_info)
        .set_remote_domain_info(flat.remote_domain_info)
        .set_connection_status(flat.connection_status)
        .set_connection_mode(flat.connection_mode)
        .set_connection_properties(flat.connection_properties)
        .build()
}

pub(super) fn outbound(
    operation: &'static str,
    row: types::OutboundConnection,
    place: &Place,
) -> Result<Outbound, Error> {
    let status = row.connection_status;
    let properties = row.connection_properties;
    Ok(Outbound {
        id: row.connection_id.ok_or_else(|| incomplete(operation, "connection id"))?,
        alias: row.connection_alias.unwrap_or_default(),
        local: domain(row.local_domain_info, place),
        remote: domain(row.remote_domain_info, place),
        status: OutboundStatus::parse(
            status.as_ref().and_then(|status| status.status_code()).map_or(NO_STATUS, |code| code.as_str()),
        ),
        message: status.and_then(|status| status.message),
        mode: row.connection_mode.and_then(|mode| parse_mode(mode.as_str())),
        skip_unavailable: properties
            .as_ref()
            .and_then(|properties| properties.cross_cluster_search()?.skip_unavailable())
            .and_then(|skip_unavailable| parse_skip_unavailable(skip_unavailable.as_str())),
        endpoint: properties.and_then(|properties| properties.endpoint),
    })
}

pub(super) fn inbound(
    operation: &'static str,
    row: types::InboundConnection,
    place: &Place,
) -> Result<Inbound, Error> {
    let status = row.connection_status;
    Ok(Inbound {
        id: row.connection_id.ok_or_else(|| incomplete(operation, "connection id"))?,
        local: domain(row.local_domain_info, place),
        remote: domain(row.remote_domain_info, place),
        status: InboundStatus::parse(
            status.as_ref().and_then(|status| status.status_code()).map_or(NO_STATUS, |code| code.as_str()),
        ),
        message: status.and_then(|status| status.message),
    })
}

/// Account and Region are optional in the API and mean the caller's own. A domain without a name matches none.
fn domain(information: Option<types::DomainInformationContainer>, place: &Place) -> Domain {
    let information = information.and_then(|container| container.aws_domain_information);
    let (account, region, name) = information.map_or_else(Default::default, |information| {
        (information.owner_id, information.region, information.domain_name)
    });
    Domain {
        account: account.unwrap_or_else(|| place.account.clone()),
        region: region.unwrap_or_else(|| place.region.clone()),
        name,
    }
}

fn parse_mode(text: &str) -> Option<Mode> {
    match text {
        "DIRECT" => Some(Mode::Direct),
        "VPC_ENDPOINT" => Some(Mode::VpcEndpoint),
        _ => None,
    }
}

fn parse_skip_unavailable(text: &str) -> Option<SkipUnavailable> {
    match text {
        "ENABLED" => Some(SkipUnavailable::Enabled),
        "DISABLED" => Some(SkipUnavailable::Disabled),
        _ => None,
    }
}
