//! Each error of the service, and each reason of a failed validation.

use crate::fake::{DomainFeatures, Quirk, World};
use crate::{Cloud, Code, Connections, Filter, OutboundStatus, Place};

use super::{
    FOLLOWER, LEADER, ROLE, SECRET, at_follower, at_leader, code, connection, follower, followers_place,
    leader, leaders_place, request, seconds, sides, world,
};

fn with(follower_is: DomainFeatures, leader_is: DomainFeatures) -> World {
    World::new(FOLLOWER, "us-west-2").with_domain(follower(), follower_is).with_domain(leader(), leader_is)
}

#[tokio::test(start_paused = true)]
async fn domains_that_cannot_be_connected_end_in_validation_failed_with_the_reason() {
    let good = DomainFeatures::default;
    let version = |version: &str| DomainFeatures { version: version.to_owned(), ..good() };
    let unencrypted = DomainFeatures { node_to_node_encryption: false, ..good() };
    let uncontrolled = DomainFeatures { fine_grained_access_control: false, ..good() };
    let burstable = DomainFeatures { instance_type: "t3.small.search".to_owned(), ..good() };
    let alone = World::new(FOLLOWER, "us-west-2").with_domain(follower(), good());
    for (world, reason) in [
        (alone, "destination domain 111111111111/us-east-1/leader does not exist"),
        (with(good(), unencrypted.clone()), "Node-to-node encryption is not enabled on domain 111111111111"),
        (with(unencrypted, good()), "Node-to-node encryption is not enabled on domain 222222222222"),
        (with(good(), uncontrolled), "Fine-grained access control is not enabled"),
        (with(burstable, good()), "t3.small.search"),
        (with(version("OpenSearch_2.19"), version("OpenSearch_2.9")), "is newer than"),
        (with(version("OpenSearch_1.3"), version("Elasticsearch_7.10")), "cannot be connected"),
    ] {
        let here = at_follower(&world).await;
        let id = request(&here, "leader").await.unwrap();
        seconds(60).await;
        let listed = here.outbound(Filter::Id(&id)).await.unwrap();
        let message = listed[0].message.clone().unwrap_or_default();
        assert_eq!(sides(&world, &id), (Some(OutboundStatus::ValidationFailed), None));
        assert!(message.contains(reason), "{message}");
        here.delete_outbound(&id).await.unwrap();
        seconds(60).await;
        assert!(world.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_older_than_its_leader_is_connected() {
    let older = DomainFeatures { version: "OpenSearch_2.9".to_owned(), ..DomainFeatures::default() };
    let world = with(older, DomainFeatures::default());
    let id = request(&at_follower(&world).await, "leader").await.unwrap();
    seconds(60).await;
    assert_eq!(sides(&world, &id).0, Some(OutboundStatus::PendingAcceptance));
}

#[tokio::test(start_paused = true)]
async fn a_request_from_where_the_follower_is_not_finds_no_domain() {
    let world = world();
    let there = at_leader(&world).await;
    assert_eq!(code(request(&there, "leader").await), Some(Code::ResourceNotFound));
    let mut new = connection("leader");
    new.local.name = "nowhere".to_owned();
    assert_eq!(code(at_follower(&world).await.request(&new).await), Some(Code::ResourceNotFound));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_name_is_refused() {
    let here = at_follower(&world()).await;
    for alias in ["", "a", "1leader", "lea der", &"a".repeat(101)] {
        assert_eq!(code(request(&here, alias).await), Some(Code::Validation), "{alias}");
    }
    let mut new = connection("leader");
    new.remote.name = "Leader".to_owned();
    assert_eq!(code(here.request(&new).await), Some(Code::Validation));
}

#[tokio::test(start_paused = true)]
async fn an_alias_is_taken_until_its_connection_is_deleted() {
    for status in OutboundStatus::ALL {
        let world = world();
        let id = world.hand_made(connection("leader"), OutboundStatus::Active);
        world.hold(&id, status.clone());
        let again = code(request(&at_follower(&world).await, "leader").await);
        let expected = (*status != OutboundStatus::Deleted).then_some(Code::ResourceAlreadyExists);
        assert_eq!(again, expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_of_aliases_and_pairs_can_be_chosen() {
    let failed = world().with_quirk(Quirk::FailedFreesTheAlias);
    for status in [OutboundStatus::Rejected, OutboundStatus::ValidationFailed] {
        failed.hand_made(connection("leader"), status);
    }
    assert_eq!(code(request(&at_follower(&failed).await, "leader").await), None);

    let blind = world().with_quirk(Quirk::AliasCheckSeesOnlyWhatIsListed);
    let here = at_follower(&blind).await;
    assert_eq!(code(request(&here, "leader").await), None);
    assert_eq!(code(request(&here, "leader").await), None, "neither is listed yet");
    seconds(5).await;
    assert_eq!(code(request(&here, "leader").await), Some(Code::ResourceAlreadyExists));

    let strict = world().with_quirk(Quirk::OneConnectionPerPair);
    strict.hand_made(connection("leader"), OutboundStatus::Active);
    let second = code(request(&at_follower(&strict).await, "other").await);
    assert_eq!(second, Some(Code::ResourceAlreadyExists));
}

#[tokio::test(start_paused = true)]
async fn the_twenty_first_connection_of_a_domain_is_too_many() {
    let world = world();
    let here = at_follower(&world).await;
    for number in 1..=20 {
        request(&here, &format!("leader-{number}")).await.unwrap();
    }
    assert_eq!(code(request(&here, "leader-21").await), Some(Code::LimitExceeded));
    let full = world.with_limit(0);
    seconds(60).await;
    let id = full.live_connections()[0].id.clone();
    assert_eq!(code(at_leader(&full).await.accept(&id).await), Some(Code::LimitExceeded));
}

#[tokio::test(start_paused = true)]
async fn only_the_leader_accepts_once_and_when_it_sees_the_connection() {
    let world = world();
    let (here, there) = (at_follower(&world).await, at_leader(&world).await);
    let id = request(&here, "leader").await.unwrap();
    seconds(22).await;
    assert_eq!(sides(&world, &id).0, Some(OutboundStatus::PendingAcceptance));
    assert_eq!(code(there.accept(&id).await), Some(Code::ResourceNotFound), "not listed there yet");
    seconds(8).await;
    assert_eq!(code(here.accept(&id).await), Some(Code::ResourceNotFound), "wrong account and Region");
    let elsewhere = Place { region: "eu-west-1".to_owned(), ..leaders_place(Some(SECRET)) };
    let elsewhere = world.connections(&elsewhere).await.unwrap();
    assert_eq!(code(elsewhere.accept(&id).await), Some(Code::ResourceNotFound), "wrong Region");
    assert_eq!(code(there.accept("unknown").await), Some(Code::ResourceNotFound));
    assert_eq!(code(there.accept(&id).await), None);
    assert_eq!(
        code(there.accept(&id).await),
        Some(Code::DisabledOperation),
        "accepted, though it does not show"
    );
    assert_eq!(code(there.reject(&id).await), Some(Code::DisabledOperation));
    for status in OutboundStatus::ALL.iter().filter(|status| **status != OutboundStatus::PendingAcceptance) {
        world.hold(&id, status.clone());
        let refusal =
            if sides(&world, &id).1.is_some() { Code::DisabledOperation } else { Code::ResourceNotFound };
        assert_eq!(code(there.accept(&id).await), Some(refusal.clone()), "{status}");
        assert_eq!(code(there.reject(&id).await), Some(refusal), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_is_not_there_finds_nothing() {
    let world = world();
    let (here, there) = (at_follower(&world).await, at_leader(&world).await);
    let id = world.hand_made(connection("leader"), OutboundStatus::Active);
    assert_eq!(code(here.delete_outbound("unknown").await), Some(Code::ResourceNotFound));
    assert_eq!(code(there.delete_outbound(&id).await), Some(Code::ResourceNotFound), "not the follower");
    assert_eq!(code(here.delete_inbound(&id).await), Some(Code::ResourceNotFound), "not the leader");
    world.hold(&id, OutboundStatus::Deleted);
    assert_eq!(code(here.delete_outbound(&id).await), Some(Code::ResourceNotFound));
    assert_eq!(code(there.delete_inbound(&id).await), Some(Code::ResourceNotFound));
    world.hold(&id, OutboundStatus::Validating);
    assert_eq!(code(there.delete_inbound(&id).await), Some(Code::ResourceNotFound), "not the leader's yet");
}

#[tokio::test(start_paused = true)]
async fn either_side_deletes_and_twice_is_once() {
    let world = world();
    let there = at_leader(&world).await;
    let id = world.hand_made(connection("leader"), OutboundStatus::Active);
    assert_eq!(code(there.delete_inbound(&id).await), None);
    assert_eq!(code(there.delete_inbound(&id).await), None);
    seconds(60).await;
    assert!(world.is_clean());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_of_deletion_can_be_chosen() {
    let settling = world().with_quirk(Quirk::RefusesDeleteWhileSettling);
    for status in [OutboundStatus::Validating, OutboundStatus::Approved, OutboundStatus::Provisioning] {
        let id = settling.hand_made(connection("leader"), status.clone());
        let refused = code(at_follower(&settling).await.delete_outbound(&id).await);
        assert_eq!(refused, Some(Code::DisabledOperation), "{status}");
    }
    let deleting = world().with_quirk(Quirk::RefusesDeleteWhileDeleting);
    let id = deleting.hand_made(connection("leader"), OutboundStatus::Deleting);
    assert_eq!(code(at_follower(&deleting).await.delete_outbound(&id).await), Some(Code::DisabledOperation));

    for (world, expected) in
        [(world(), None), (world().with_quirk(Quirk::DeletesOnlyWhatIsListed), Some(Code::ResourceNotFound))]
    {
        let here = at_follower(&world).await;
        let id = request(&here, "leader").await.unwrap();
        assert_eq!(code(here.delete_outbound(&id).await), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn another_account_is_entered_by_a_role_with_its_external_id_and_not_otherwise() {
    let world = world();
    for external_id in [None, Some("a guess")] {
        let error = world.connections(&leaders_place(external_id)).await.unwrap_err();
        assert_eq!((error.operation, error.code), ("AssumeRole", Code::AccessDenied));
    }
    let without_role = Place { role: None, ..leaders_place(None) };
    assert_eq!(code(world.connections(&without_role).await), Some(Code::AccessDenied));
    assert_eq!(code(world.connections(&leaders_place(Some(SECRET))).await), None);
    world.delete_role(ROLE);
    assert_eq!(code(world.connections(&leaders_place(Some(SECRET))).await), Some(Code::AccessDenied));
}

#[tokio::test(start_paused = true)]
async fn a_role_leads_into_its_own_account_whatever_the_place_says() {
    let world = world();
    let id = world.hand_made(connection("leader"), OutboundStatus::PendingAcceptance);
    let mistaken = Place { account: "333333333333".to_owned(), ..leaders_place(Some(SECRET)) };
    let session = world.connections(&mistaken).await.unwrap();
    session.accept(&id).await.unwrap();
    assert_eq!(world.calls().last().unwrap().account, LEADER);
}

#[tokio::test(start_paused = true)]
async fn a_permission_taken_away_is_missing_until_it_is_given_back() {
    let world = world();
    let here = at_follower(&world).await;
    world.deny("CreateOutboundConnection");
    assert_eq!(code(request(&here, "leader").await), Some(Code::AccessDenied));
    world.allow("CreateOutboundConnection");
    assert_eq!(code(request(&here, "leader").await), None);
    assert_eq!(world.calls_of("CreateOutboundConnection"), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_above_the_rate_of_an_account_and_region_are_throttled() {
    let world = world().with_rate(5);
    let (here, there) = (at_follower(&world).await, at_leader(&world).await);
    let mut throttled = 0;
    for _ in 0..10 {
        throttled += u32::from(code(here.outbound(Filter::Id("any")).await) == Some(Code::Throttled));
    }
    assert_eq!(throttled, 5);
    assert_eq!(code(there.inbound(Filter::Id("any")).await), None, "another account's rate is its own");
    seconds(1).await;
    assert_eq!(code(here.outbound(Filter::Id("any")).await), None);
    assert_eq!(code(world.connections(&followers_place()).await), None);
}
