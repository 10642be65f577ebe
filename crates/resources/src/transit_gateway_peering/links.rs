//! What makes an attachment carry traffic on one side: its route table, and the route to the other side. Decided here.
//!
//! Whatever is made of it is written into the claim before, so that what is no longer wanted is known to be ours.

use std::fmt;
use std::str::FromStr;

use cloud::{Association, AssociationState, GatewayRoute, GatewayRouteState};

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Follower,
    Leader,
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Follower => "follower",
            Self::Leader => "leader",
        })
    }
}

/// What one side shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) side: Side,
    pub(crate) table: String,
    pub(crate) cidr: String,
    /// The id of the attachment on this side.
    pub(crate) attachment: String,
}

impl Wanted {
    pub(crate) fn route(&self) -> Part {
        Part {
            side: self.side,
            table: self.table.clone(),
            attachment: self.attachment.clone(),
            cidr: Some(self.cidr.clone()),
        }
    }

    pub(crate) fn association(&self) -> Part {
        Part { cidr: None, ..self.route() }
    }
}

/// Something made beside the attachment: a route, or, without a range, an association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) side: Side,
    pub(crate) table: String,
    pub(crate) attachment: String,
    pub(crate) cidr: Option<String>,
}

/// As the claim has it: `leader tgw-rtb-1 tgw-attach-1 10.0.0.0/16`.
impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.side, self.table, self.attachment)?;
        self.cidr.iter().try_for_each(|cidr| write!(formatter, " {cidr}"))
    }
}

impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ').map(str::to_owned);
        let side = match words.next().as_deref() {
            Some("follower") => Side::Follower,
            Some("leader") => Side::Leader,
            Some(_) | None => return Err(()),
        };
        let (table, attachment) = (words.next().ok_or(())?, words.next().ok_or(())?);
        Ok(Self { side, table, attachment, cidr: words.next() })
    }
}

/// The one next step on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Associate the attachment with the wanted table.
    Associate,
    /// End the association with this table, which we made for an earlier wish.
    Disassociate(String),
    /// Make the route.
    CreateRoute,
    /// Remove the route: it leads to an attachment of ours that is gone.
    DeleteRoute,
    /// Look again later, for this reason.
    Wait(String),
    /// Nothing: it is so.
    Done,
    /// Nothing can follow: the route is somebody else's, and leads to this attachment, if to any.
    Taken(Option<String>),
}

/// Decides.
///
/// An association that we did not make is left as it is: the gateway's owner has chosen the table.
pub(crate) fn link(
    wanted: &Wanted,
    recorded: &[Part],
    route: Option<&GatewayRoute>,
    association: Option<&Association>,
) -> Link {
    if let Some(route) = route.filter(|_| !is_free(wanted, recorded, route)) {
        return Link::Taken(route.attachment.clone());
    }
    if let Some(step) = associated(wanted, recorded, association) {
        return step;
    }
    match route {
        None => Link::CreateRoute,
        Some(route) if route.attachment.as_ref() != Some(&wanted.attachment) => Link::DeleteRoute,
        Some(route) => match route.state {
            GatewayRouteState::Active => Link::Done,
            GatewayRouteState::Deleted => Link::CreateRoute,
            GatewayRouteState::Pending
            | GatewayRouteState::Blackhole
            | GatewayRouteState::Deleting
            | GatewayRouteState::Unknown(_) => Link::Wait(format!(
                "the route to {} on the {}'s side is {}",
                wanted.cidr, wanted.side, route.state
            )),
        },
    }
}

/// True when the range is nobody's in this table, or ours: the route leads to our attachment, or to one that it was made
/// for under our claim.
pub(crate) fn is_free(wanted: &Wanted, recorded: &[Part], route: Option<&GatewayRoute>) -> bool {
    let Some(route) = route else { return true };
    let made_for = |part: &&Part| {
        let is_same =
            (part.side, &part.table, part.cidr.as_ref()) == (wanted.side, &wanted.table, Some(&wanted.cidr));
        is_same && Some(&part.attachment) == route.attachment.as_ref()
    };
    route.state == GatewayRouteState::Deleted
        || route.attachment.as_ref() == Some(&wanted.attachment)
        || recorded.iter().any(|part| made_for(&part))
}

/// What is to be done about the association; none when it is right.
fn associated(wanted: &Wanted, recorded: &[Part], association: Option<&Association>) -> Option<Link> {
    let Some(Association { table, state }) = association else { return Some(Link::Associate) };
    let made_for_another_table = recorded.iter().any(|part| {
        part.cidr.is_none()
            && (part.side, &part.attachment, &part.table) == (wanted.side, &wanted.attachment, table)
            && *table != wanted.table
    });
    match state {
        AssociationState::Associated if made_for_another_table => Some(Link::Disassociate(table.clone())),
        AssociationState::Associated => None,
        AssociationState::Disassociated => Some(Link::Associate),
        AssociationState::Associating | AssociationState::Disassociating | AssociationState::Unknown(_) => {
            Some(Link::Wait(format!("{state} with {table} on the {}'s side", wanted.side)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            side: Side::Leader,
            table: "table".to_owned(),
            cidr: "10.2.0.0/16".to_owned(),
            attachment: "ours".to_owned(),
        }
    }

    fn route(attachment: Option<&str>, state: GatewayRouteState) -> GatewayRoute {
        GatewayRoute { attachment: attachment.map(str::to_owned), state }
    }

    fn association(table: &str, state: AssociationState) -> Association {
        Association { table: table.to_owned(), state }
    }

    #[track_caller]
    fn check(route: Option<&GatewayRoute>, association: Option<&Association>, expected: &Link) {
        let before = Part { attachment: "before".to_owned(), ..wanted().route() };
        let earlier = Part { table: "earlier".to_owned(), ..wanted().association() };
        let step = link(&wanted(), &[before, earlier], route, association);
        assert_eq!(step, *expected, "{route:?} with {association:?}");
    }

    #[test]
    fn every_route_with_every_association_has_its_step() {
        use AssociationState::{Associated, Associating, Disassociated, Disassociating};
        use GatewayRouteState::{Active, Blackhole, Deleted, Deleting, Pending};
        let wait = |text: &str| Some(Link::Wait(text.to_owned()));
        // What the association alone demands; none when it is right.
        let associations = [
            (None, Some(Link::Associate)),
            (Some(association("table", Associating)), wait("associating with table on the leader's side")),
            (Some(association("table", Associated)), None),
            (
                Some(association("table", Disassociating)),
                wait("disassociating with table on the leader's side"),
            ),
            (Some(association("table", Disassociated)), Some(Link::Associate)),
            (Some(association("earlier", Associated)), Some(Link::Disassociate("earlier".to_owned()))),
            (Some(association("their choice", Associated)), None),
        ];
        let waiting = |state| Link::Wait(format!("the route to 10.2.0.0/16 on the leader's side is {state}"));
        // What the route demands once the association is right.
        let routes = [
            (None, Link::CreateRoute),
            (Some(route(Some("ours"), Active)), Link::Done),
            (Some(route(Some("ours"), Pending)), waiting(Pending)),
            (Some(route(Some("ours"), Blackhole)), waiting(Blackhole)),
            (Some(route(Some("ours"), Deleting)), waiting(Deleting)),
            (Some(route(Some("ours"), Deleted)), Link::CreateRoute),
            (Some(route(Some("before"), Blackhole)), Link::DeleteRoute),
        ];
        for (association, first) in &associations {
            for (found, then) in &routes {
                check(found.as_ref(), association.as_ref(), first.as_ref().unwrap_or(then));
            }
            // Somebody else's route is refused before anything is touched.
            let theirs = route(Some("theirs"), Active);
            check(Some(&theirs), association.as_ref(), &Link::Taken(Some("theirs".to_owned())));
            check(Some(&route(None, Blackhole)), association.as_ref(), &Link::Taken(None));
        }
    }

    #[test]
    fn a_part_is_read_back_and_nothing_else_is() {
        for part in [wanted().route(), wanted().association()] {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        for text in ["", "leader", "leader table", "nobody table ours"] {
            assert_eq!(text.parse::<Part>(), Err(()), "{text}");
        }
    }
}
