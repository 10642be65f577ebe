//! Making an available peering carry traffic: associations and routes on both sides, one step at a look.

use cloud::Cloud;

use super::apply::{Sides, Work};
use super::links::{Link, Part, Side, Wanted, link};
use super::problem::Problem;
use super::sides::GatewaySide;

impl<C: Cloud> Work<'_, C> {
    /// Sees to the associations and the routes of both sides, one step at a time; none when all is as wanted.
    ///
    /// All is looked at before anything is changed, and what is new is made before what is old is removed.
    pub(super) async fn link(
        &self,
        sides: &Sides<C>,
        wanted: &[Wanted; 2],
    ) -> Result<Option<String>, Problem> {
        let recorded = self.parts();
        let mut steps = Vec::new();
        for (side, wanted) in sides.iter().zip(wanted) {
            let route = side.route(&wanted.table, &wanted.cidr).await?;
            let association = side.association(&wanted.attachment).await?;
            match link(wanted, &recorded, route.as_ref(), association.as_ref()) {
                Link::Taken(attachment) => {
                    return Err(Problem::RouteTaken { wanted: Box::new(wanted.clone()), attachment });
                }
                step @ (Link::Associate
                | Link::Disassociate(_)
                | Link::CreateRoute
                | Link::DeleteRoute
                | Link::Wait(_)
                | Link::Done) => steps.push((side, wanted, step)),
            }
        }
        for (side, wanted, step) in steps {
            if let Some(status) = self.perform(side, wanted, step).await? {
                return Ok(Some(status));
            }
        }
        self.drop_stale(sides, wanted).await
    }

    /// The one step on one side; none when there is nothing to do.
    async fn perform(
        &self,
        side: &GatewaySide<C::TransitGateways>,
        wanted: &Wanted,
        step: Link,
    ) -> Result<Option<String>, Problem> {
        let Wanted { side: which, table, cidr, attachment } = wanted;
        let (done, refused) = match step {
            Link::Associate => {
                self.record(wanted.association()).await?;
                self.ensure_fresh().await?;
                (format!("associated with `{table}` on the {which}'s side"), side.associate(wanted).await?)
            }
            Link::Disassociate(from) => {
                self.ensure_fresh().await?;
                let refused = side.disassociate(&from, attachment).await?;
                (format!("taken out of `{from}` on the {which}'s side"), refused)
            }
            Link::CreateRoute => {
                self.record(wanted.route()).await?;
                self.ensure_fresh().await?;
                (format!("route to {cidr} made on the {which}'s side"), side.create_route(wanted).await?)
            }
            Link::DeleteRoute => {
                self.ensure_fresh().await?;
                let refused = side.delete_route(table, cidr).await?;
                (format!("route to {cidr} replaced on the {which}'s side"), refused)
            }
            Link::Wait(why) => (why, None),
            // A route to our attachment that the claim does not know is ours from now on.
            Link::Done | Link::Taken(_) => {
                self.record(wanted.route()).await?;
                return Ok(None);
            }
        };
        Ok(Some(refused.map_or(done, |why| format!("available; {why}"))))
    }

    /// Removes the routes that were made for an earlier wish, and forgets what is no more.
    async fn drop_stale(&self, sides: &Sides<C>, wanted: &[Wanted; 2]) -> Result<Option<String>, Problem> {
        let kept = |part: &Part| wanted.iter().any(|one| *part == one.route() || *part == one.association());
        let [follower, leader] = sides;
        for part in self.parts().into_iter().filter(|part| !kept(part)) {
            let side = match part.side {
                Side::Follower => follower,
                Side::Leader => leader,
            };
            if let (Some(cidr), Some(_)) = (&part.cidr, side.route_of(&part).await?) {
                self.ensure_fresh().await?;
                let refused = side.delete_route(&part.table, cidr).await?;
                let why = refused.map(|why| format!(": {why}")).unwrap_or_default();
                return Ok(Some(format!(
                    "removing the earlier route to {cidr} on the {}'s side{why}",
                    part.side
                )));
            }
            let rest: Vec<_> =
                self.hold.ledger.parts().into_iter().filter(|text| *text != part.to_string()).collect();
            self.rewrite(rest).await?;
        }
        Ok(None)
    }

    /// What the claim says was made beside the attachment.
    pub(super) fn parts(&self) -> Vec<Part> {
        self.hold.ledger.parts().iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Writes down what is about to be made.
    async fn record(&self, part: Part) -> Result<(), Problem> {
        let (mut parts, text) = (self.hold.ledger.parts(), part.to_string());
        if parts.contains(&text) {
            return Ok(());
        }
        parts.push(text);
        self.rewrite(parts).await
    }

    /// Writes the claim with other parts, in the phase that it has.
    async fn rewrite(&self, parts: Vec<String>) -> Result<(), Problem> {
        let Some(phase) = self.claim().await? else { return Ok(()) };
        self.hold.ledger.set_parts(parts);
        self.note(phase).await
    }
}
