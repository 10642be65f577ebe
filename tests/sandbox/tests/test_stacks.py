"""CloudFormation's behaviour towards custom resources, with a stand-in function."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from .conftest import until


def test_create_and_delete_show_their_status_and_data(stack):
    resources = {
        "Thing": {"Echo": "hello", "Flag": True, "Number": 7, "OnCreate": "sleep=0.3", "OnDelete": "sleep=0.2"}
    }
    outputs = {"Outputs": {"Echo": {"Value": {"Fn::GetAtt": ["Thing", "Echo"]}}}}
    stack.create(resources, wait=False, template=outputs)
    detail = until(lambda: stack.resource("Thing"))
    assert (detail["ResourceStatus"], detail.get("PhysicalResourceId", "")) == ("CREATE_IN_PROGRESS", "")
    assert stack.settled() == "CREATE_COMPLETE"
    detail = stack.resource("Thing")
    assert (detail["ResourceStatus"], detail["PhysicalResourceId"]) == ("CREATE_COMPLETE", "id/Thing")
    described = stack.client.describe_stacks(StackName=stack.name)["Stacks"][0]
    assert described["Outputs"][0]["OutputValue"] == "hello"
    (event,) = stack.sent()
    properties = event["event"]["ResourceProperties"]
    assert (properties["Flag"], properties["Number"], properties["ServiceTimeout"]) == ("true", "7", "20")
    assert properties["ServiceToken"] == stack.token
    assert "ResponseURL" not in event["event"]
    stack.delete(wait=False)
    until(lambda: stack.resource("Thing")["ResourceStatus"] == "DELETE_IN_PROGRESS")
    assert stack.settled("DELETE") == "DELETE_COMPLETE"
    assert stack.resource("Thing")["ResourceStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        stack.client.describe_stack_resource(StackName=stack.name, LogicalResourceId="Thing")
    assert stack.events() == [("Create", None), ("Delete", "id/Thing")]


def test_a_failed_create_is_deleted_with_the_id_of_its_answer(stack):
    assert stack.create({"Thing": {"OnCreate": "fail id=mine"}}) == "ROLLBACK_COMPLETE"
    assert stack.events() == [("Create", None), ("Delete", "mine")]
    reason = next(r for r in stack.reasons("Thing") if r)
    assert re.fullmatch(
        r"Received response status \[FAILED\] from custom resource\. "
        r"Message returned: asked to fail \(RequestId: [0-9a-f-]{36}\)",
        reason,
    )
    assert stack.resource("Thing")["ResourceStatus"] == "DELETE_COMPLETE"


def test_a_failed_create_without_id_loses_its_reason_and_gets_an_invented_id(stack):
    assert stack.create({"Thing": {"OnCreate": "fail no-id"}}) == "ROLLBACK_COMPLETE"
    assert "Invalid PhysicalResourceId" in stack.reasons("Thing")
    (_, invented) = stack.events()[1]
    assert re.fullmatch(rf"{stack.name}-Thing-[A-Z0-9]{{13}}", invented)


def test_a_create_that_never_answers_ends_at_its_service_timeout(stack):
    assert stack.create({"Thing": {"OnCreate": "silent", "ServiceTimeout": 1}}) == "ROLLBACK_COMPLETE"
    assert any(r.startswith("CloudFormation did not receive a response") for r in stack.reasons("Thing"))
    assert stack.events()[1][1].startswith(f"{stack.name}-Thing-")


def test_a_sibling_failure_deletes_concurrently_what_is_still_being_created(stack):
    status = stack.create({"Slow": {"OnCreate": "sleep=1.5"}, "Bad": {"OnCreate": "sleep=0.3 fail"}})
    assert status == "ROLLBACK_COMPLETE"
    create, delete = stack.sent("Slow")
    assert delete["request_type"] == "Delete"
    assert delete["physical_id"].startswith(f"{stack.name}-Slow-")
    assert "Resource creation cancelled" in stack.reasons("Slow")
    answers = stack.sandbox.control("/journal?kind=answer")["entries"]
    late = until(
        lambda: [
            a
            for a in stack.sandbox.control("/journal?kind=answer")["entries"]
            if a["request_id"] == create["request_id"]
        ]
    )
    assert late[0]["http_status"] == 403
    assert create["request_id"] not in [a["request_id"] for a in answers if a["at"] < delete["at"]]


def test_independent_resources_are_created_in_parallel(stack, sandbox):
    names = {f"Thing{n}": {"OnCreate": "sleep=0.5"} for n in range(20)}
    assert stack.create(names) == "CREATE_COMPLETE"
    sent = stack.sent()
    assert max(e["at"] for e in sent) - min(e["at"] for e in sent) < 0.5
    pids = {stack.client.describe_stack_resource(StackName=stack.name, LogicalResourceId=n) and n for n in names}
    assert len(pids) == 20


def test_dependent_resources_wait_and_are_deleted_first(stack):
    stack.create({"First": {}, "Second": {"DependsOn": "First"}})
    stack.delete()
    order = [(e["request_type"], e["logical_id"]) for e in stack.sent()]
    assert order == [("Create", "First"), ("Create", "Second"), ("Delete", "Second"), ("Delete", "First")]


def test_an_update_that_changes_the_id_is_a_replacement_cleaned_up_afterwards(stack):
    stack.create({"Thing": {"Name": "one"}})
    assert stack.update({"Thing": {"Name": "two"}}) == "UPDATE_COMPLETE"
    assert stack.events() == [("Create", None), ("Update", "id/one"), ("Delete", "id/one")]
    update, delete = stack.sent()[1:]
    assert update["event"]["OldResourceProperties"]["Name"] == "one"
    assert delete["event"]["ResourceProperties"]["Name"] == "one"
    assert stack.resource("Thing")["PhysicalResourceId"] == "id/two"


def test_only_changed_properties_cause_an_update(stack):
    stack.create({"Thing": {"Name": "same"}, "Other": {"Echo": "a"}})
    stack.update({"Thing": {"Name": "same"}, "Other": {"Echo": "b"}})
    assert stack.events("Thing") == [("Create", None)]
    assert stack.events("Other") == [("Create", None), ("Update", "id/Other")]


def test_a_failed_update_is_followed_by_one_with_swapped_properties(stack):
    stack.create({"Thing": {"Echo": "old"}})
    status = stack.update({"Thing": {"Echo": "new", "OnUpdate": "fail"}})
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    failed, back = stack.sent()[1:]
    assert (failed["event"]["ResourceProperties"]["Echo"], back["event"]["ResourceProperties"]["Echo"]) == (
        "new",
        "old",
    )
    assert back["event"]["OldResourceProperties"]["Echo"] == "new"
    assert stack.resource("Thing")["ResourceStatus"] == "UPDATE_COMPLETE"


def test_a_rolled_back_replacement_deletes_the_new_id(stack):
    stack.create({"Thing": {"Name": "one"}, "Last": {"DependsOn": "Thing"}})
    status = stack.update({"Thing": {"Name": "two"}, "Last": {"DependsOn": "Thing", "OnUpdate": "fail"}})
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.events("Thing") == [("Create", None), ("Update", "id/one"), ("Update", "id/two"), ("Delete", "id/two")]
    assert stack.resource("Thing")["PhysicalResourceId"] == "id/one"
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.events("Thing")[-1] == ("Delete", "id/one")


def test_what_a_failed_update_created_is_deleted(stack):
    stack.create({"Thing": {}})
    stack.update({"Thing": {"OnUpdate": "sleep=0.3 fail"}, "Extra": {}})
    assert stack.events("Extra") == [("Create", None), ("Delete", "id/Extra")]


def test_a_removed_resource_is_deleted_in_the_cleanup(stack):
    stack.create({"Thing": {}, "Extra": {}})
    assert stack.update({"Thing": {}}) == "UPDATE_COMPLETE"
    assert stack.events("Extra") == [("Create", None), ("Delete", "id/Extra")]
    assert stack.resource("Extra")["ResourceStatus"] == "DELETE_COMPLETE"


def test_a_delete_that_fails_blocks_the_stack_and_can_be_repeated(stack):
    stack.create({"Thing": {"OnDelete": "fail"}, "Base": {}})
    assert stack.delete() == "DELETE_FAILED"
    assert stack.resource("Thing")["ResourceStatus"] == "DELETE_FAILED"
    assert "asked to fail" in stack.resource("Thing")["ResourceStatusReason"]
    stack.client.delete_stack(StackName=stack.name, RetainResources=["Thing"])
    until(lambda: stack.status() == "DELETE_COMPLETE")


def test_a_delete_in_the_cleanup_may_fail_without_failing_the_update(stack):
    stack.create({"Thing": {"Name": "one", "OnDelete": "fail"}})
    assert stack.update({"Thing": {"Name": "two"}}) == "UPDATE_COMPLETE"
    assert stack.resource("Thing")["PhysicalResourceId"] == "id/two"


def test_changing_the_service_token_is_refused_without_an_event(stack):
    stack.create({"Thing": {}})
    status = stack.update({"Thing": {"ServiceToken": stack.token + "2"}})
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "Modifying service token is not allowed." in stack.reasons("Thing")
    assert stack.events() == [("Create", None)]


def test_deleting_a_stack_that_is_being_created_stops_the_creation(stack):
    stack.create({"Slow": {"OnCreate": "sleep=3"}}, wait=False)
    until(lambda: stack.events())
    assert stack.delete() == "DELETE_COMPLETE"
    assert [kind for kind, _ in stack.events()] == ["Create", "Delete"]


def test_a_stack_rolled_back_must_be_deleted_before_its_name_is_free(stack):
    stack.create({"Thing": {"OnCreate": "fail"}})
    with pytest.raises(ClientError, match="already exists"):
        stack.client.create_stack(StackName=stack.name, TemplateBody=stack.template({"Thing": {}}))
    stack.delete()
    first = stack.id
    assert stack.create({"Thing": {}}) == "CREATE_COMPLETE"
    assert stack.client.describe_stacks(StackName=first)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_rollback_can_be_disabled_and_asked_for_later(stack):
    assert stack.create({"Thing": {"OnCreate": "fail"}}, DisableRollback=True) == "CREATE_FAILED"
    assert stack.resource("Thing")["ResourceStatus"] == "CREATE_FAILED"
    assert stack.events() == [("Create", None)]
    stack.client.rollback_stack(StackName=stack.name)
    until(lambda: stack.status() == "ROLLBACK_COMPLETE")
    assert stack.events()[1] == ("Delete", "id/Thing")


def test_a_rollback_that_fails_can_be_continued_without_the_resource(stack):
    stack.create({"Thing": {"Echo": "old", "OnUpdate": "fail"}})
    status = stack.update({"Thing": {"Echo": "new", "OnUpdate": "fail"}})
    assert status == "UPDATE_ROLLBACK_FAILED"
    assert [kind for kind, _ in stack.events()] == ["Create", "Update", "Update"]
    stack.client.continue_update_rollback(StackName=stack.name)
    until(lambda: len(stack.events()) == 4)
    assert stack.settled() == "UPDATE_ROLLBACK_FAILED"
    stack.client.continue_update_rollback(StackName=stack.name, ResourcesToSkip=["Thing"])
    until(lambda: stack.status() == "UPDATE_ROLLBACK_COMPLETE")


def test_an_update_can_be_cancelled(stack):
    stack.create({"Thing": {"Echo": "old"}})
    stack.update({"Thing": {"Echo": "new", "OnUpdate": "sleep=5"}}, wait=False)
    until(lambda: len(stack.events()) == 2)
    stack.client.cancel_update_stack(StackName=stack.name)
    assert until(lambda: stack.settled()) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.sent()[2]["event"]["ResourceProperties"]["Echo"] == "old"


def test_a_failed_update_may_leave_the_previous_id_in_force(stack, sandbox):
    stack.create({"Thing": {"Name": "one"}})
    sandbox.control("/behaviour", {"failed_update_id": "previous"})
    stack.update({"Thing": {"Name": "two", "OnUpdate": "fail"}})
    assert stack.events() == [("Create", None), ("Update", "id/one"), ("Update", "id/one")]
    sandbox.control("/behaviour", {"failed_update_id": "answer"})
    stack.update({"Thing": {"Name": "two", "OnUpdate": "fail"}})
    assert stack.events()[3:] == [("Update", "id/one"), ("Update", "id/two"), ("Delete", "id/two")]


@pytest.mark.parametrize(("policy", "left"), [("Retain", True), ("Delete", False)])
def test_deletion_policies_are_honoured(stack, policy, left):
    thing = {
        "Type": "Custom::Thing",
        "DeletionPolicy": policy,
        "Properties": {"ServiceToken": stack.token, "ServiceTimeout": 20},
    }
    stack.create({"Thing": thing})
    assert stack.delete() == "DELETE_COMPLETE"
    assert (len(stack.events()) == 1) == left


def test_notification_arns_are_shown(stack):
    arn = "arn:aws:sns:us-west-2:222222222222:topic"
    stack.create({"Thing": {}}, NotificationARNs=[arn])
    assert stack.client.describe_stacks(StackName=stack.name)["Stacks"][0]["NotificationARNs"] == [arn]
