//! "Leaves nothing behind and touches nothing of others", as a value.

use crate::fake::Side;
use crate::{Claims, Cloud, Connections, OutboundStatus};

use super::{at_follower, connection, request, seconds, world};

#[tokio::test(start_paused = true)]
async fn what_was_made_since_and_not_deleted_is_left() {
    let world = world();
    world.hand_made(connection("other"), OutboundStatus::Active);
    let before = world.snapshot();
    let id = request(&at_follower(&world).await, "leader").await.unwrap();
    world.claims().create("mine", "text").await.unwrap();
    let leftovers = world.leftovers(&before);
    assert_eq!((leftovers.connections.len(), leftovers.claims.len()), (1, 1));
    assert_eq!((leftovers.touched.len(), leftovers.lost_claims.len()), (0, 0));
    assert!(leftovers.to_string().starts_with("connection left: connection-0002 (leader)"), "{leftovers}");
    at_follower(&world).await.delete_outbound(&id).await.unwrap();
    world.claims().remove("mine").await.unwrap();
    seconds(60).await;
    assert_eq!(world.leftovers(&before).to_string(), "nothing");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_others_is_touched_by_calls_and_not_by_time_or_by_its_owner() {
    let world = world();
    let id = world.hand_made(connection("other"), OutboundStatus::Provisioning);
    world.claim_by_hand("theirs", "text");
    let before = world.snapshot();
    seconds(90).await;
    world.delete_by_hand(&id, Side::Follower);
    assert!(world.leftovers(&before).is_nothing());
    world.hold(&id, OutboundStatus::Active);
    at_follower(&world).await.delete_outbound(&id).await.unwrap();
    world.claims().write("theirs", "mine").await.unwrap();
    let leftovers = world.leftovers(&before);
    assert_eq!(leftovers.touched.len(), 1);
    assert_eq!(
        leftovers.lost_claims.into_iter().collect::<Vec<_>>(),
        [("theirs".to_owned(), "text".to_owned())]
    );
}
