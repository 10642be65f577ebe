//! The exact requests of both sides, and what their answers become.

use std::collections::BTreeMap;

use aws_smithy_http_client::test_util::StaticReplayClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::super::replay::{
    FOLLOWER, LEADER, Resets, answer, answers, assumed, aws, leader, lines, own, signers, texts,
};
use crate::{
    Association, AssociationState, Cloud, Code, GatewayRoute, GatewayRouteState, NewPeering, Peering,
    PeeringState, Place, TransitGateway, TransitGateways,
};

const ID: &str = "tgw-attach-0a";

async fn session(http: &StaticReplayClient) -> impl TransitGateways + use<> {
    aws(http.clone()).transit_gateways(&own()).await.unwrap()
}

fn near() -> TransitGateway {
    TransitGateway { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), id: "tgw-0f".to_owned() }
}

fn far() -> TransitGateway {
    TransitGateway { account: LEADER.to_owned(), region: "us-east-1".to_owned(), id: "tgw-0e".to_owned() }
}

fn new_peering() -> NewPeering {
    let tags = BTreeMap::from([("tandem:stack".to_owned(), "arn:aws:one/stack".to_owned())]);
    NewPeering { local: near(), remote: far(), tags }
}

fn row(id: &str, state: &str) -> String {
    format!(
        "<transitGatewayAttachmentId>{id}</transitGatewayAttachmentId>\
         <requesterTgwInfo><transitGatewayId>tgw-0f</transitGatewayId><ownerId>{FOLLOWER}</ownerId>\
         <region>us-west-2</region></requesterTgwInfo>\
         <accepterTgwInfo><transitGatewayId>tgw-0e</transitGatewayId><ownerId>{LEADER}</ownerId>\
         <region>us-east-1</region></accepterTgwInfo>\
         <status><code>code</code><message>as it is</message></status><state>{state}</state>\
         <tagSet><item><key>tandem:stack</key><value>arn:aws:one/stack</value></item></tagSet>"
    )
}

fn peering(id: &str, state: PeeringState) -> Peering {
    let NewPeering { local, remote, tags } = new_peering();
    let message = Some("as it is".to_owned());
    Peering { id: id.to_owned(), accepter_id: None, local, remote, state, message, tags }
}

/// An answer of this operation.
fn done(operation: &str, content: &str) -> HttpResponse {
    answer(200, format!("<{operation}Response>{content}</{operation}Response>"))
}

/// An error as EC2 writes it.
fn refusal(code: &str, message: &str) -> HttpResponse {
    let errors = format!("<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>");
    let mut response = answer(400, format!("<Response>{errors}<RequestID>request-1</RequestID></Response>"));
    response.headers_mut().insert("x-amzn-requestid", "request-1");
    response
}

/// What was sent: the parameters, without the version of the API.
fn sent(http: &StaticReplayClient) -> Vec<String> {
    texts(http)
        .iter()
        .map(|text| text.replace("&Version=2016-11-15", "").replace("%3A", ":").replace("%2F", "/"))
        .collect()
}

#[tokio::test]
async fn a_request_names_both_gateways_and_carries_its_tags_and_no_options() {
    let content = format!(
        "<transitGatewayPeeringAttachment>{}</transitGatewayPeeringAttachment>",
        row(ID, "initiatingRequest")
    );
    let http = answers([done("CreateTransitGatewayPeeringAttachment", &content)]);
    let made = session(&http).await.request_peering(&new_peering()).await.unwrap();
    assert_eq!(made, peering(ID, PeeringState::InitiatingRequest));
    assert_eq!(lines(&http), ["POST https://ec2.us-west-2.amazonaws.com/"]);
    assert_eq!(signers(&http), ["AKIDOWN us-west-2 ec2"]);
    assert_eq!(
        sent(&http),
        ["Action=CreateTransitGatewayPeeringAttachment&TransitGatewayId=tgw-0f&PeerTransitGatewayId=tgw-0e\
          &PeerAccountId=111111111111&PeerRegion=us-east-1\
          &TagSpecification.1.ResourceType=transit-gateway-attachment\
          &TagSpecification.1.Tag.1.Key=tandem:stack&TagSpecification.1.Tag.1.Value=arn:aws:one/stack"]
    );
}

#[tokio::test]
async fn a_request_without_tags_has_no_list_of_them() {
    let content =
        format!("<transitGatewayPeeringAttachment>{}</transitGatewayPeeringAttachment>", row(ID, "pending"));
    let http = answers([done("CreateTransitGatewayPeeringAttachment", &content)]);
    let new = NewPeering { tags: BTreeMap::new(), ..new_peering() };
    session(&http).await.request_peering(&new).await.unwrap();
    assert!(!sent(&http)[0].contains("Tag"), "{:?}", sent(&http));
}

#[tokio::test]
async fn peerings_of_a_gateway_are_listed_to_the_last_page() {
    let page = |id: &str, state: &str, rest: &str| {
        let rows = format!(
            "<transitGatewayPeeringAttachments><item>{}</item></transitGatewayPeeringAttachments>{rest}",
            row(id, state)
        );
        done("DescribeTransitGatewayPeeringAttachments", &rows)
    };
    let http = answers([
        page(ID, "available", "<nextToken>more</nextToken>"),
        page("tgw-attach-0b", "hibernating", ""),
    ]);
    let listed = session(&http).await.peerings("tgw-0f").await.unwrap();
    let unknown = PeeringState::Unknown("hibernating".to_owned());
    assert_eq!(listed, [peering(ID, PeeringState::Available), peering("tgw-attach-0b", unknown)]);
    let first = "Action=DescribeTransitGatewayPeeringAttachments&Filter.1.Name=transit-gateway-id&Filter.1.Value.1=tgw-0f";
    assert_eq!(sent(&http), [first.to_owned(), format!("{first}&NextToken=more")]);
}

#[tokio::test]
async fn an_accepters_id_is_told_only_where_it_is_another_one() {
    let with = |accepter: &str| {
        let id =
            format!("<accepterTransitGatewayAttachmentId>{accepter}</accepterTransitGatewayAttachmentId>");
        let rows = format!(
            "<transitGatewayPeeringAttachments><item>{}{id}</item></transitGatewayPeeringAttachments>",
            row(ID, "available")
        );
        done("DescribeTransitGatewayPeeringAttachments", &rows)
    };
    for (written, expected) in [(ID, None), ("tgw-attach-0b", Some("tgw-attach-0b"))] {
        let http = answers([with(written)]);
        let listed = session(&http).await.peerings("tgw-0f").await.unwrap();
        assert_eq!(listed[0].accepter_id.as_deref(), expected);
    }
}

#[tokio::test]
async fn accepting_goes_to_the_leaders_account_and_region() {
    let http = answers([
        assumed("AKIDROLE", "2099-01-01T00:00:00Z"),
        done("AcceptTransitGatewayPeeringAttachment", ""),
    ]);
    let there = aws(http.clone()).transit_gateways(&leader(Some("stack-7"))).await.unwrap();
    there.accept_peering(ID).await.unwrap();
    assert_eq!(signers(&http), ["AKIDOWN us-west-2 sts", "AKIDROLE us-east-1 ec2"]);
    assert_eq!(lines(&http)[1], "POST https://ec2.us-east-1.amazonaws.com/");
    assert_eq!(
        sent(&http)[1],
        format!("Action=AcceptTransitGatewayPeeringAttachment&TransitGatewayAttachmentId={ID}")
    );
}

#[tokio::test]
async fn changes_name_what_they_change() {
    let http = answers(
        [
            "DeleteTransitGatewayPeeringAttachment",
            "AssociateTransitGatewayRouteTable",
            "DisassociateTransitGatewayRouteTable",
            "CreateTransitGatewayRoute",
            "DeleteTransitGatewayRoute",
        ]
        .map(|operation| done(operation, "")),
    );
    let session = session(&http).await;
    session.delete_peering(ID).await.unwrap();
    session.associate("tgw-rtb-01", ID).await.unwrap();
    session.disassociate("tgw-rtb-01", ID).await.unwrap();
    session.create_route("tgw-rtb-01", "10.1.0.0/16", ID).await.unwrap();
    session.delete_route("tgw-rtb-01", "10.1.0.0/16").await.unwrap();
    assert_eq!(
        sent(&http),
        [
            "Action=DeleteTransitGatewayPeeringAttachment&TransitGatewayAttachmentId=tgw-attach-0a",
            "Action=AssociateTransitGatewayRouteTable&TransitGatewayRouteTableId=tgw-rtb-01&TransitGatewayAttachmentId=tgw-attach-0a",
            "Action=DisassociateTransitGatewayRouteTable&TransitGatewayRouteTableId=tgw-rtb-01&TransitGatewayAttachmentId=tgw-attach-0a",
            "Action=CreateTransitGatewayRoute&DestinationCidrBlock=10.1.0.0/16&TransitGatewayRouteTableId=tgw-rtb-01&TransitGatewayAttachmentId=tgw-attach-0a",
            "Action=DeleteTransitGatewayRoute&TransitGatewayRouteTableId=tgw-rtb-01&DestinationCidrBlock=10.1.0.0/16",
        ]
    );
}

#[tokio::test]
async fn the_association_is_that_of_the_attachment_that_was_asked_for() {
    let rows = |rows: &str| {
        done(
            "DescribeTransitGatewayAttachments",
            &format!("<transitGatewayAttachments>{rows}</transitGatewayAttachments>"),
        )
    };
    let row = |id: &str, association: &str| {
        format!("<item><transitGatewayAttachmentId>{id}</transitGatewayAttachmentId>{association}</item>")
    };
    let associated = "<association><transitGatewayRouteTableId>tgw-rtb-01</transitGatewayRouteTableId><state>associating</state></association>";
    let expected = Association { table: "tgw-rtb-01".to_owned(), state: AssociationState::Associating };
    for (found, expected) in [
        (row(ID, associated), Some(expected)),
        (row(ID, ""), None),
        (row("tgw-attach-0b", associated), None),
        (String::new(), None),
    ] {
        let http = answers([rows(&found)]);
        assert_eq!(session(&http).await.association(ID).await.unwrap(), expected, "{found}");
        assert_eq!(
            sent(&http),
            [
                "Action=DescribeTransitGatewayAttachments&Filter.1.Name=transit-gateway-attachment-id&Filter.1.Value.1=tgw-attach-0a"
            ]
        );
    }
}

#[tokio::test]
async fn a_route_is_looked_for_by_its_exact_range_among_the_static_ones() {
    let routes = |routes: &str| {
        done(
            "SearchTransitGatewayRoutes",
            &format!(
                "<routeSet>{routes}</routeSet><additionalRoutesAvailable>false</additionalRoutesAvailable>"
            ),
        )
    };
    let to = "<item><destinationCidrBlock>10.1.0.0/16</destinationCidrBlock><transitGatewayAttachments><item>\
              <transitGatewayAttachmentId>tgw-attach-0a</transitGatewayAttachmentId></item></transitGatewayAttachments>\
              <type>static</type><state>active</state></item>";
    let drops = "<item><destinationCidrBlock>10.1.0.0/16</destinationCidrBlock><type>static</type><state>blackhole</state></item>";
    let route =
        |attachment: Option<&str>, state| GatewayRoute { attachment: attachment.map(str::to_owned), state };
    for (found, expected) in [
        (to, Some(route(Some(ID), GatewayRouteState::Active))),
        (drops, Some(route(None, GatewayRouteState::Blackhole))),
        ("", None),
    ] {
        let http = answers([routes(found)]);
        assert_eq!(session(&http).await.route("tgw-rtb-01", "10.1.0.0/16").await.unwrap(), expected);
        assert_eq!(
            sent(&http),
            ["Action=SearchTransitGatewayRoutes&TransitGatewayRouteTableId=tgw-rtb-01&Filter.1.Name=type\
              &Filter.1.Value.1=static&Filter.2.Name=route-search.exact-match&Filter.2.Value.1=10.1.0.0/16"]
        );
    }
}

#[tokio::test]
async fn refusals_are_told_apart_by_their_codes() {
    for (written, code) in [
        ("InvalidTransitGatewayAttachmentID.NotFound", Code::ResourceNotFound),
        ("IncorrectState", Code::DisabledOperation),
        ("RouteAlreadyExists", Code::ResourceAlreadyExists),
        ("UnauthorizedOperation", Code::AccessDenied),
        ("InvalidParameterValue", Code::Validation),
    ] {
        let http = answers([refusal(written, "in its words")]);
        let error = session(&http).await.create_route("tgw-rtb-01", "10.1.0.0/16", ID).await.unwrap_err();
        assert_eq!(error.code, code);
        assert_eq!(
            error.to_string(),
            format!("CreateTransitGatewayRoute failed: {code}: in its words (AWS request id request-1)")
        );
    }
}

#[tokio::test]
async fn an_attachment_without_an_id_is_an_answer_that_cannot_be_used() {
    for content in ["", "<transitGatewayPeeringAttachment></transitGatewayPeeringAttachment>"] {
        let http = answers([done("CreateTransitGatewayPeeringAttachment", content)]);
        let error = session(&http).await.request_peering(&new_peering()).await.unwrap_err();
        assert!(
            error.to_string().starts_with(
                "CreateTransitGatewayPeeringAttachment failed: Internal: the answer has no attachment"
            ),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_connection_breaks_is_not_sent_again_and_a_read_or_a_removal_is() {
    let network = Resets::default();
    let session = aws(network.clone()).transit_gateways(&own()).await.unwrap();
    let changes = [
        session.request_peering(&new_peering()).await.map(drop),
        session.accept_peering(ID).await,
        session.associate("tgw-rtb-01", ID).await,
        session.create_route("tgw-rtb-01", "10.1.0.0/16", ID).await,
    ];
    for change in changes {
        assert_eq!(change.unwrap_err().code, Code::NoAnswer);
    }
    assert_eq!(network.count(), 4);
    session.peerings("tgw-0f").await.unwrap_err();
    session.delete_peering(ID).await.unwrap_err();
    assert_eq!(network.count(), 4 + 2 * 3);
}

#[tokio::test]
async fn opening_a_session_with_the_functions_own_credentials_sends_nothing() {
    let http = answers([]);
    aws(http.clone()).transit_gateways(&Place { region: "us-east-1".to_owned(), ..own() }).await.unwrap();
    assert_eq!(lines(&http).len(), 0);
}
