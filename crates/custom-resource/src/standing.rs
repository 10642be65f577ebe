//! Whether a request is still what CloudFormation waits for.
//!
//! Lambda delivers at least once and retries for hours: a Create may arrive, or still run, when its stack is long gone.
//! CloudFormation itself knows, so it is asked instead of guessing from what is there.

use crate::PhysicalId;
use crate::event::Request;

/// What CloudFormation says of the resource now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackResource {
    /// `CREATE_IN_PROGRESS`, …
    pub status: String,
    /// The id it has on record.
    pub physical_id: Option<String>,
}

/// The verdict about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// CloudFormation waits for it, or nothing speaks against it.
    Current,
    /// It was answered, or given up: doing it now would change what nobody asked for.
    Over {
        /// The status that says so.
        status: String,
    },
    /// The resource is being deleted or is deleted: what the request made must go.
    Abandoned {
        /// The status that says so.
        status: String,
    },
}

/// Decides for a request whose resource has the identity `id`. `None` means CloudFormation does not know the resource,
/// which speaks against nothing.
pub(crate) fn standing(request: &Request, id: &PhysicalId, seen: Option<&StackResource>) -> Standing {
    let Some(StackResource { status, physical_id }) = seen else { return Standing::Current };
    let over = || Standing::Over { status: status.clone() };
    // Skipped means kept: by a DeletionPolicy, or because somebody gave up deleting it.
    let is_kept = status == "DELETE_SKIPPED";
    let is_deleted = status.starts_with("DELETE_") && !is_kept;
    match request {
        Request::Create { .. } | Request::Update { .. } if is_deleted => {
            Standing::Abandoned { status: status.clone() }
        }
        Request::Create { .. } if status == "CREATE_IN_PROGRESS" => Standing::Current,
        Request::Update { .. } if status == "UPDATE_IN_PROGRESS" => Standing::Current,
        // A replacement that the stack does not have: it was rolled back, and CloudFormation may never have heard of the
        // new id, so nobody else takes it away.
        Request::Update { physical_id: before, .. }
            if before != id && !is_on_record(physical_id.as_deref(), id) =>
        {
            Standing::Abandoned { status: status.clone() }
        }
        Request::Create { .. } | Request::Update { .. } => over(),
        // A Delete of what the stack has in good use is a late duplicate: the id was replaced once and came back.
        Request::Delete { .. } => {
            let in_use = is_kept
                || matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_IN_PROGRESS");
            if in_use && is_on_record(physical_id.as_deref(), id) { over() } else { Standing::Current }
        }
    }
}

fn is_on_record(on_record: Option<&str>, id: &PhysicalId) -> bool {
    on_record == Some(id.as_str())
}

/// Whether CloudFormation has its answer, whoever gave it.
pub(crate) fn is_answered(request: &Request, id: &PhysicalId, seen: Option<&StackResource>) -> bool {
    let is_deleted =
        || seen.is_some_and(|seen| matches!(seen.status.as_str(), "DELETE_COMPLETE" | "DELETE_FAILED"));
    standing(request, id, seen) != Standing::Current
        || (matches!(request, Request::Delete { .. }) && is_deleted())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(request: &Request, id: &str, status: &str, on_record: &str, expected: &str) {
        let seen = StackResource { status: status.to_owned(), physical_id: Some(on_record.to_owned()) };
        let verdict = match standing(request, &PhysicalId::new(id), Some(&seen)) {
            Standing::Current => "current",
            Standing::Over { .. } => "over",
            Standing::Abandoned { .. } => "abandoned",
        };
        assert_eq!(verdict, expected, "{} of {id} while {status} with {on_record}", request.name());
    }

    #[test]
    fn a_request_stands_only_while_cloudformation_waits_for_it() {
        let create = Request::Create { properties: Value::Null };
        let update = Request::Update { physical_id: PhysicalId::new("a"), properties: Value::Null };
        let delete = Request::Delete { physical_id: PhysicalId::new("a"), properties: Value::Null };
        for (status, of_create, of_update, of_delete) in [
            ("CREATE_IN_PROGRESS", "current", "over", "current"),
            ("CREATE_COMPLETE", "over", "over", "over"),
            ("CREATE_FAILED", "over", "over", "current"),
            ("UPDATE_IN_PROGRESS", "over", "current", "over"),
            ("UPDATE_COMPLETE", "over", "over", "over"),
            ("UPDATE_FAILED", "over", "over", "current"),
            ("DELETE_IN_PROGRESS", "abandoned", "abandoned", "current"),
            ("DELETE_FAILED", "abandoned", "abandoned", "current"),
            ("DELETE_COMPLETE", "abandoned", "abandoned", "current"),
            ("DELETE_SKIPPED", "over", "over", "over"),
        ] {
            check(&create, "a", status, "a", of_create);
            check(&update, "a", status, "a", of_update);
            check(&delete, "a", status, "a", of_delete);
            check(&delete, "a", status, "another", "current");
            assert_eq!(standing(&create, &PhysicalId::new("a"), None), Standing::Current);
        }
    }

    #[test]
    fn a_replacement_that_the_stack_does_not_have_is_abandoned() {
        let replacement = Request::Update { physical_id: PhysicalId::new("a"), properties: Value::Null };
        for (status, with_the_old, with_the_new) in [
            ("UPDATE_IN_PROGRESS", "current", "current"),
            ("UPDATE_COMPLETE", "abandoned", "over"),
            ("UPDATE_FAILED", "abandoned", "over"),
            ("CREATE_COMPLETE", "abandoned", "over"),
        ] {
            check(&replacement, "b", status, "a", with_the_old);
            check(&replacement, "b", status, "b", with_the_new);
        }
    }
}
