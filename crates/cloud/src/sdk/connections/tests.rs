//! The exact requests of both sides, and what their answers become.

use std::time::Duration;

use aws_smithy_http_client::test_util::NeverClient;
use serde_json::{Value, json};

use super::super::replay::{
    FOLLOWER, LEADER, Resets, answer, answers, aws, bodies, leader, lines, own, refusal, session, signers,
};
use crate::{
    Cloud, Code, Connections, Domain, Filter, Inbound, InboundStatus, Mode, NewConnection, Outbound,
    OutboundStatus, Place, SkipUnavailable,
};

const ID: &str = "abcdefghij";

fn follower_domain() -> Domain {
    Domain { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), name: "follower".to_owned() }
}

fn leader_domain() -> Domain {
    Domain { account: LEADER.to_owned(), region: "us-east-1".to_owned(), name: "leader".to_owned() }
}

fn new_connection() -> NewConnection {
    NewConnection {
        alias: "to-leader".to_owned(),
        local: follower_domain(),
        remote: leader_domain(),
        mode: Mode::Direct,
        skip_unavailable: SkipUnavailable::Disabled,
    }
}

fn domain_info(domain: &Domain) -> Value {
    json!({ "AWSDomainInformation": {
        "OwnerId": domain.account, "DomainName": domain.name, "Region": domain.region,
    }})
}

fn row(id: &str, status: &str) -> Value {
    json!({
        "ConnectionId": id,
        "ConnectionAlias": "to-leader",
        "LocalDomainInfo": domain_info(&follower_domain()),
        "RemoteDomainInfo": domain_info(&leader_domain()),
        "ConnectionStatus": { "StatusCode": status, "Message": "as it is" },
        "ConnectionMode": "DIRECT",
        "ConnectionProperties": { "CrossClusterSearch": { "SkipUnavailable": "DISABLED" } },
    })
}

fn outbound(id: &str, status: OutboundStatus) -> Outbound {
    Outbound {
        id: id.to_owned(),
        alias: "to-leader".to_owned(),
        local: follower_domain(),
        remote: leader_domain(),
        status,
        message: Some("as it is".to_owned()),
        mode: Some(Mode::Direct),
        skip_unavailable: Some(SkipUnavailable::Disabled),
        endpoint: None,
    }
}

#[tokio::test]
async fn a_request_names_both_domains_fully_and_reads_the_flat_answer() {
    let http = answers([answer(200, row(ID, "VALIDATING"))]);
    let made = session(http.clone()).await.request(&new_connection()).await.unwrap();
    assert_eq!(made, outbound(ID, OutboundStatus::Validating));
    assert_eq!(
        lines(&http),
        ["POST https://es.us-west-2.amazonaws.com/2021-01-01/opensearch/cc/outboundConnection"]
    );
    assert_eq!(signers(&http), ["AKIDOWN us-west-2 es"]);
    assert_eq!(
        bodies(&http),
        [json!({
            "LocalDomainInfo": domain_info(&follower_domain()),
            "RemoteDomainInfo": domain_info(&leader_domain()),
            "ConnectionAlias": "to-leader",
            "ConnectionMode": "DIRECT",
            "ConnectionProperties": { "CrossClusterSearch": { "SkipUnavailable": "DISABLED" } },
        })]
    );
}

#[tokio::test]
async fn the_other_mode_and_setting_are_sent_and_read() {
    let mut made = row(ID, "ACTIVE");
    made["ConnectionMode"] = json!("VPC_ENDPOINT");
    made["ConnectionProperties"] = json!({
        "Endpoint": "leader.example", "CrossClusterSearch": { "SkipUnavailable": "ENABLED" },
    });
    let http = answers([answer(200, made)]);
    let wanted = NewConnection {
        mode: Mode::VpcEndpoint,
        skip_unavailable: SkipUnavailable::Enabled,
        ..new_connection()
    };
    let made = session(http.clone()).await.request(&wanted).await.unwrap();
    assert_eq!(made.mode, Some(Mode::VpcEndpoint));
    assert_eq!(made.skip_unavailable, Some(SkipUnavailable::Enabled));
    assert_eq!(made.endpoint.as_deref(), Some("leader.example"));
    assert_eq!(bodies(&http)[0]["ConnectionMode"], "VPC_ENDPOINT");
    assert_eq!(
        bodies(&http)[0]["ConnectionProperties"],
        json!({ "CrossClusterSearch": { "SkipUnavailable": "ENABLED" } })
    );
}

#[tokio::test]
async fn outbound_connections_are_listed_to_the_last_page() {
    let http = answers([
        answer(200, json!({ "Connections": [row("firstfirst", "ACTIVE")], "NextToken": "more" })),
        answer(200, json!({ "Connections": [row("secondsecond", "DELETED")] })),
    ]);
    let listed = session(http.clone()).await.outbound(Filter::LocalDomain("follower")).await.unwrap();
    assert_eq!(
        listed,
        [outbound("firstfirst", OutboundStatus::Active), outbound("secondsecond", OutboundStatus::Deleted)]
    );
    let line = "POST https://es.us-west-2.amazonaws.com/2021-01-01/opensearch/cc/outboundConnection/search";
    assert_eq!(lines(&http), [line, line]);
    let filters = json!([{ "Name": "local-domain-info.domain-name", "Values": ["follower"] }]);
    assert_eq!(
        bodies(&http),
        [
            json!({ "Filters": filters, "MaxResults": 100 }),
            json!({ "Filters": filters, "MaxResults": 100, "NextToken": "more" }),
        ]
    );
}

#[tokio::test]
async fn inbound_connections_are_listed_to_the_last_page_where_the_leader_is() {
    let http = answers([
        answer(200, json!({ "Connections": [row("firstfirst", "PENDING_ACCEPTANCE")], "NextToken": "more" })),
        answer(200, json!({ "Connections": [row("secondsecond", "ACTIVE")] })),
    ]);
    let place = Place { region: "us-east-1".to_owned(), ..own() };
    let listed = aws(http.clone()).connections(&place).await.unwrap().inbound(Filter::Id(ID)).await.unwrap();
    let inbound = |id: &str, status| Inbound {
        id: id.to_owned(),
        local: follower_domain(),
        remote: leader_domain(),
        status,
        message: Some("as it is".to_owned()),
    };
    assert_eq!(
        listed,
        [
            inbound("firstfirst", InboundStatus::PendingAcceptance),
            inbound("secondsecond", InboundStatus::Active)
        ]
    );
    let line = "POST https://es.us-east-1.amazonaws.com/2021-01-01/opensearch/cc/inboundConnection/search";
    assert_eq!(lines(&http), [line, line]);
    assert_eq!(signers(&http), ["AKIDOWN us-east-1 es", "AKIDOWN us-east-1 es"]);
    let filters = json!([{ "Name": "connection-id", "Values": [ID] }]);
    assert_eq!(
        bodies(&http),
        [
            json!({ "Filters": filters, "MaxResults": 100 }),
            json!({ "Filters": filters, "MaxResults": 100, "NextToken": "more" }),
        ]
    );
}

#[tokio::test]
async fn accept_goes_to_the_leaders_region() {
    let http = answers([answer(200, json!({ "Connection": row(ID, "APPROVED") }))]);
    let place = Place { region: "us-east-1".to_owned(), ..own() };
    aws(http.clone()).connections(&place).await.unwrap().accept(ID).await.unwrap();
    assert_eq!(
        lines(&http),
        [format!(
            "PUT https://es.us-east-1.amazonaws.com/2021-01-01/opensearch/cc/inboundConnection/{ID}/accept"
        )]
    );
    assert_eq!(signers(&http), ["AKIDOWN us-east-1 es"]);
    assert_eq!(bodies(&http), [Value::Null]);
}

#[tokio::test]
async fn the_other_changes_name_the_connection_in_the_path() {
    let done = || answer(200, json!({ "Connection": row(ID, "DELETING") }));
    let http = answers([done(), done(), done()]);
    let session = session(http.clone()).await;
    session.reject(ID).await.unwrap();
    session.delete_outbound(ID).await.unwrap();
    session.delete_inbound(ID).await.unwrap();
    let base = "https://es.us-west-2.amazonaws.com/2021-01-01/opensearch/cc";
    assert_eq!(
        lines(&http),
        [
            format!("PUT {base}/inboundConnection/{ID}/reject"),
            format!("DELETE {base}/outboundConnection/{ID}"),
            format!("DELETE {base}/inboundConnection/{ID}"),
        ]
    );
    assert_eq!(bodies(&http), [Value::Null, Value::Null, Value::Null]);
}

#[tokio::test]
async fn account_and_region_that_the_service_leaves_out_are_the_sessions_own() {
    let bare = json!({
        "ConnectionId": ID,
        "LocalDomainInfo": { "AWSDomainInformation": { "DomainName": "follower" } },
        "RemoteDomainInfo": { "AWSDomainInformation": { "DomainName": "leader", "Region": "us-east-1" } },
    });
    let http = answers([answer(200, json!({ "Connections": [bare] }))]);
    let listed = session(http).await.outbound(Filter::Id(ID)).await.unwrap();
    assert_eq!(listed[0].local, follower_domain());
    assert_eq!(listed[0].remote, Domain { account: FOLLOWER.to_owned(), ..leader_domain() });
    assert_eq!(listed[0].status, OutboundStatus::Unknown("no status".to_owned()));
    assert_eq!((listed[0].mode, listed[0].skip_unavailable, &listed[0].endpoint), (None, None, &None));
}

#[tokio::test]
async fn a_status_newer_than_this_program_is_kept_as_written() {
    let http = answers([
        answer(200, json!({ "Connections": [row(ID, "HIBERNATING")] })),
        answer(200, json!({ "Connections": [row(ID, "HIBERNATING")] })),
    ]);
    let session = session(http).await;
    let unknown = "HIBERNATING".to_owned();
    assert_eq!(
        session.outbound(Filter::Id(ID)).await.unwrap()[0].status,
        OutboundStatus::Unknown(unknown.clone())
    );
    assert_eq!(session.inbound(Filter::Id(ID)).await.unwrap()[0].status, InboundStatus::Unknown(unknown));
}

#[tokio::test]
async fn no_connections_are_an_empty_list() {
    let http = answers([answer(200, json!({})), answer(200, json!({ "Connections": [], "NextToken": "" }))]);
    let session = session(http.clone()).await;
    assert_eq!(session.outbound(Filter::Id(ID)).await.unwrap(), []);
    assert_eq!(session.inbound(Filter::Id(ID)).await.unwrap(), []);
    assert_eq!(lines(&http).len(), 2);
}

#[tokio::test]
async fn a_connection_without_an_id_is_an_answer_that_cannot_be_used() {
    let http = answers([answer(200, json!({ "ConnectionAlias": "to-leader" }))]);
    let error = session(http).await.request(&new_connection()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "CreateOutboundConnection failed: Internal: the answer has no connection id"
    );
}

#[tokio::test]
async fn an_error_on_the_second_page_is_the_error_of_the_list() {
    let http = answers([
        answer(200, json!({ "Connections": [row(ID, "ACTIVE")], "NextToken": "more" })),
        refusal(400, "InvalidPaginationTokenException", "expired"),
    ]);
    let error = session(http).await.outbound(Filter::Id(ID)).await.unwrap_err();
    assert_eq!(error.code, Code::Other("InvalidPaginationTokenException".to_owned()));
}

#[tokio::test]
async fn an_empty_id_is_refused_before_anything_is_sent() {
    let http = answers([]);
    let error = session(http.clone()).await.delete_outbound("").await.unwrap_err();
    assert_eq!((error.operation, error.code), ("DeleteOutboundConnection", Code::Validation));
    assert_eq!(lines(&http).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_connection_breaks_is_not_sent_again() {
    let network = Resets::default();
    let session = session(network.clone()).await;
    let changes = [
        session.request(&new_connection()).await.map(drop),
        session.accept(ID).await,
        session.reject(ID).await,
    ];
    for change in changes {
        assert_eq!(change.unwrap_err().code, Code::NoAnswer);
    }
    assert_eq!(network.count(), 3);
    assert_eq!(network.connect_timeout(), Some(Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn a_read_or_a_removal_whose_connection_breaks_is_sent_three_times() {
    let network = Resets::default();
    let session = session(network.clone()).await;
    let read = session.outbound(Filter::Id(ID)).await.unwrap_err();
    assert_eq!(read.to_string(), "DescribeOutboundConnections failed: NoAnswer: connection reset by peer");
    assert_eq!(network.count(), 3);
    let removal = session.delete_outbound(ID).await.unwrap_err();
    assert_eq!(removal.to_string(), "DeleteOutboundConnection failed: NoAnswer: connection reset by peer");
    assert_eq!(network.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_never_answered_ends_after_ten_seconds_and_a_read_after_twenty_five() {
    let started = tokio::time::Instant::now();
    let silence = NeverClient::new();
    let error = session(silence.clone()).await.request(&new_connection()).await.unwrap_err();
    assert_eq!(error.code, Code::NoAnswer);
    assert!(error.message.ends_with("after 10s"), "{}", error.message);
    assert_eq!((started.elapsed().as_secs(), silence.num_calls()), (10, 1));

    let started = tokio::time::Instant::now();
    let error = session(NeverClient::new()).await.outbound(Filter::Id(ID)).await.unwrap_err();
    assert_eq!(error.code, Code::NoAnswer);
    assert!(error.message.ends_with("after 25s"), "{}", error.message);
    assert_eq!(started.elapsed().as_secs(), 25);
}

#[tokio::test]
async fn opening_a_session_with_the_functions_own_credentials_sends_nothing() {
    let http = answers([]);
    let aws = aws(http.clone());
    aws.connections(&own()).await.unwrap();
    aws.connections(&Place { role: None, ..leader(None) }).await.unwrap();
    assert_eq!(lines(&http).len(), 0);
}
