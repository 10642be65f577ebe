"""The Sceptre project renders in every layout, and everything it refers to exists."""

import re
import shutil

import pytest
import yaml
from project import EXAMPLE, LAYOUTS, SCEPTRE, example, launched, outputs_asked_for, parameters, render, template_of
from sceptre.config.graph import StackGraph
from sceptre.exceptions import CircularDependenciesError, DependencyDoesNotExistError

layouts = pytest.mark.parametrize("variables", LAYOUTS.values(), ids=LAYOUTS)


def findings(variables, project=SCEPTRE):
    """What does not fit together between the stacks of one layout."""
    stacks = launched(render(variables, project))
    found = []
    for name, stack in stacks.items():
        declared = template_of(stack, project).section("Parameters")
        given = parameters(stack)
        found += [f"{name}: the template has no parameter {key}" for key in given if key not in declared]
        found += [
            f"{name}: parameter {key} is not given"
            for key, parameter in declared.items()
            if "Default" not in parameter and key not in given
        ]
        for target, output in outputs_asked_for(stack):
            if target not in stacks:
                found.append(f"{name}: refers to {target}, which is not launched")
            elif output not in template_of(stacks[target], project).section("Outputs"):
                found.append(f"{name}: {target} has no output {output}")
    return found


@layouts
def test_d19_everything_a_stack_refers_to_exists(variables):
    assert findings(variables) == []


@layouts
def test_stacks_are_launched_in_an_order_that_exists(variables):
    # A cycle raises.
    StackGraph(set(render(variables).values()))


@layouts
def test_nothing_that_is_launched_waits_for_something_that_is_not(variables):
    for stack in launched(render(variables)).values():
        assert [other.name for other in stack.dependencies if other.ignore or other.obsolete] == []


def test_two_accounts_get_an_accepter_role_and_one_does_not():
    assert set(launched(render(LAYOUTS["two accounts"]))) == {
        "leader/domain",
        "leader/accepter-role",
        "follower/domain",
        "follower/artifacts",
        "follower/provider",
        "follower/connection",
    }
    one = launched(render(LAYOUTS["one account"]))
    assert set(one) == {
        "leader/domain",
        "follower/domain",
        "follower/artifacts",
        "follower/provider",
        "follower/connection",
    }
    assert not {"AccepterRoleArn", "AccepterExternalId", "LeaderAccountId"} & set(parameters(one["follower/connection"]))


def test_existing_domains_are_not_launched():
    assert set(launched(render(LAYOUTS["existing domains in one account"]))) == {
        "follower/artifacts",
        "follower/provider",
        "follower/connection",
    }


def test_values_given_on_the_command_line_mean_what_they_say():
    # Sceptre passes --var values on as strings, and "false" would be true.
    stacks = launched(render(example(existing_domains="false", leader__account_id=222222222222)))
    assert "leader/domain" in stacks
    assert "leader/accepter-role" not in stacks
    assert ("leader/domain", "DomainName") in outputs_asked_for(stacks["follower/connection"])


def test_each_side_is_in_its_own_account_and_region():
    stacks = render(LAYOUTS["two accounts"])
    for name, stack in stacks.items():
        side = name.split("/")[0]
        variables = LAYOUTS["two accounts"][side]
        assert (stack.profile, stack.region) == (variables["profile"], variables["region"])


def test_every_stack_is_named_like_its_template_and_carries_the_tags():
    for name, stack in render(LAYOUTS["two accounts"]).items():
        # What is launched for data beside the same for control is named so.
        assert stack._template_handler_config["path"] == f"{name.split('/')[1].removeprefix('data-')}.yaml"
        assert stack.tags == {"Project": "tandem", "ManagedBy": "Tandem"}
        assert stack.external_name == f"tandem-{name.replace('/', '-')}"


def test_two_deployments_in_one_account_share_no_name():
    first, second = (launched(render(example(project=project))) for project in ("tandem", "other"))
    for name in ("FunctionName", "AccepterRoleName"):
        values = [parameters(stacks["follower/provider"])[name] for stacks in (first, second)]
        assert len(set(values)) == 2


def test_all_deployments_in_one_account_share_their_claims():
    # Or the connection of one deployment would look to another like one that no stack manages.
    for project in ("tandem", "other"):
        stacks = launched(render(example(project=project)))
        assert "ClaimsPath" not in parameters(stacks["follower/provider"])


def test_provider_and_accepter_role_agree_on_the_name_of_the_role():
    stacks = render(LAYOUTS["two accounts"])
    provider, accepter = stacks["follower/provider"], stacks["leader/accepter-role"]
    assert parameters(provider)["AccepterRoleName"] == parameters(accepter)["RoleName"]


REPLICATING = example(pattern="logs-*", reverse_pattern="orders-*")
OPTIONAL = {
    "adopt_existing": ("follower/connection", "AdoptExisting", True, "true"),
    "connection_mode": ("follower/connection", "ConnectionMode", "VPC_ENDPOINT", "VPC_ENDPOINT"),
    "skip_unavailable": ("follower/connection", "SkipUnavailable", "DISABLED", "DISABLED"),
    "connection_timeout_seconds": ("follower/connection", "TimeoutSeconds", 1800, "1800"),
    "function_timeout_seconds": ("follower/provider", "FunctionTimeoutSeconds", 300, "300"),
    "follower_replicas": ("follower/replication", "NumberOfReplicas", 0, "0"),
    "follower_index_pattern": ("follower/replication", "FollowerIndexPattern", "{{leader_index}}-copy", "{{leader_index}}-copy"),
    "follower_index_name": ("follower/replication", "FollowerIndexName", "orders-copy", "orders-copy"),
    "rule_name_prefix": ("follower/replication", "RuleNamePrefix", "second-", "second-"),
    "reseed_when_lost": ("follower/replication", "ReseedWhenLost", True, "true"),
    "wait_for": ("follower/replication", "WaitFor", "Syncing", "Syncing"),
    "equal_up_to_documents": ("follower/replication", "EqualUpToDocuments", 5, "5"),
    "compare_documents_per_second": ("follower/replication", "CompareDocumentsPerSecond", 7, "7"),
    "when_rule_deleted": ("follower/replication", "WhenRuleDeleted", "Stop", "Stop"),
    "when_index_deleted": ("follower/replication", "WhenIndexDeleted", "StopAndDelete", "StopAndDelete"),
    "replication_timeout_seconds": ("follower/replication", "TimeoutSeconds", 60, "60"),
    "reverse_alias": ("leader/connection", "ConnectionAlias", "copies", "copies"),
    "leader_role": ("leader/role-mappings", "LeaderRole", "mine", "mine"),
    "follower_role": ("follower/role-mappings", "FollowerRole", "mine", "mine"),
    "operator_role": ("follower/role-mappings", "OperatorRole", "mine", "mine"),
}


@pytest.mark.parametrize("key", OPTIONAL)
def test_an_optional_key_reaches_its_parameter_and_is_the_templates_default_without(key):
    stack, parameter, value, expected = OPTIONAL[key]
    # The alias of the other way is the one that is always said: the template's connection has none of its own.
    assert parameters(render(REPLICATING)[stack]).get(parameter) in (None, "follower")
    changed = {**REPLICATING, key: value}
    assert parameters(render(changed)[stack])[parameter] == expected
    assert findings(changed) == []


@pytest.mark.parametrize("key", ["rule_name_prefix", "reseed_when_lost"])
def test_what_holds_for_both_directions_reaches_the_other_one_too(key):
    _, parameter, value, expected = OPTIONAL[key]
    assert parameters(render({**REPLICATING, key: value})["leader/replication"])[parameter] == expected


def test_every_variable_that_is_read_is_in_the_example():
    variables = yaml.safe_load(EXAMPLE.read_text())
    shown = {*variables, *re.findall(r"^# ([a-z_]+): \S+$", EXAMPLE.read_text(), re.MULTILINE)}
    for path in configuration():
        for group, key in re.findall(r"\bvar\.(?:(leader|follower|domain)\.)?([a-z_]+)", path.read_text()):
            assert key in (variables[group] if group else shown), f"{path}: {group}.{key}"


def test_who_needs_the_function_to_go_stays_until_it_is_gone():
    everything = example(pattern="logs-*", reverse_pattern="orders-*", network=True, transit_gateway=True, wait_for="Syncing")
    stacks = {name: stack for name, stack in launched(render(everything)).items() if "ProviderFunctionArn" in parameters(stack)}
    assert len(stacks) == 7
    # Or Sceptre would go on to delete the function, and what the stack made would be nobody's.
    assert [name for name, stack in stacks.items() if "after_delete" not in stack.hooks] == []


def test_the_example_shows_every_optional_key_commented_out_below_its_sentence():
    lines = EXAMPLE.read_text().splitlines()
    shown = {}
    for above, line in zip(lines, lines[1:], strict=False):
        if match := re.match(r"# ([a-z_]+): \S+$", line):
            assert above.startswith("# Optional: ") and above.endswith("."), line
            shown[match[1]] = yaml.safe_load(line.removeprefix("# "))[match[1]]
    assert shown.keys() == OPTIONAL.keys()
    assert findings(example(**shown)) == []


# ---- The configuration itself -------------------------------------------------------------------------------------


def configuration():
    return sorted((SCEPTRE / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", configuration(), ids=lambda path: str(path.relative_to(SCEPTRE)))
def test_d19_no_account_no_region_and_no_stack_name_is_written_down(path):
    text = path.read_text()
    assert not re.search(r"[0-9]{12}", text)
    assert not re.search(r"\b[a-z]{2}-[a-z]+-[0-9]\b", text)
    assert "stack_output_external" not in text
    assert not re.search(r"^\s*(profile|region): (?!{{ var\.)", text, re.MULTILINE)


def test_keys_of_a_stack_are_in_the_same_order_everywhere():
    order = ["template", "ignore", "obsolete", "dependencies", "parameters", "stack_tags", "hooks"]
    for path in configuration():
        if path.name != "config.yaml":
            keys = re.findall(r"^([a-z_]+):", path.read_text(), re.MULTILINE)
            assert keys == [key for key in order if key in keys], path


def test_every_line_of_the_example_has_its_sentence():
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.strip() and not line.strip().startswith("#"):
            above = lines[number - 1].strip()
            assert above.startswith("# ") and above.endswith("."), f"line {number + 1}: {line}"


def test_d17_the_example_holds_nothing_secret():
    keys = []

    def walk(value):
        for key, inner in value.items():
            keys.append(key)
            if isinstance(inner, dict):
                walk(inner)

    walk(yaml.safe_load(EXAMPLE.read_text()))
    assert not [key for key in keys if re.search(r"password|secret|token|external_id", key)]


# ---- These checks can fail ----------------------------------------------------------------------------------------


@pytest.fixture(name="project")
def copy_of_the_project(tmp_path):
    project = tmp_path / "sceptre"
    shutil.copytree(SCEPTRE, project, symlinks=True, ignore=shutil.ignore_patterns("templates"))
    (project / "templates").symlink_to(SCEPTRE / "templates", target_is_directory=True)
    return project


def change(project, path, old, new):
    file = project / "config" / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_d19_a_misspelt_stack_is_found(project):
    # The sample's: the directory is es-leader-crossacount, the references say es-leader-crossaccount.
    change(project, "follower/connection.yaml", "leader/accepter-role.yaml", "leeder/accepter-role.yaml")
    with pytest.raises(DependencyDoesNotExistError):
        findings(LAYOUTS["two accounts"], project)


def test_d19_a_missing_output_is_found(project):
    # The sample's: us-west-2/vpc.yaml::OriginAccount does not exist.
    change(project, "follower/connection.yaml", "provider.yaml::FunctionArn", "provider.yaml::OriginAccount")
    assert findings(LAYOUTS["two accounts"], project) == [
        "follower/connection: follower/provider has no output OriginAccount"
    ]


def test_a_missing_output_in_a_hook_is_found(project):
    in_hook = "          - !stack_output follower/artifacts.yaml::Bucket"
    change(project, "follower/provider.yaml", f"{in_hook}Name", in_hook)
    assert "follower/provider: follower/artifacts has no output Bucket" in findings(LAYOUTS["one account"], project)


def test_a_reference_to_a_stack_that_is_not_launched_is_found(project):
    change(project, "follower/connection.yaml", "{%- if settings.two_accounts %}", "{%- if true %}")
    assert (
        "follower/connection: refers to leader/accepter-role, which is not launched"
        in findings(LAYOUTS["one account"], project)
    )


def test_a_misspelt_and_a_missing_parameter_are_found(project):
    change(project, "leader/domain.yaml", "DomainName:", "Domain:")
    assert findings(LAYOUTS["two accounts"], project) == [
        "leader/domain: the template has no parameter Domain",
        "leader/domain: parameter DomainName is not given",
    ]


def test_a_cycle_is_found(project):
    change(project, "follower/artifacts.yaml", "stack_tags:", "dependencies: [follower/connection.yaml]\nstack_tags:")
    with pytest.raises(CircularDependenciesError):
        StackGraph(set(render(LAYOUTS["two accounts"], project).values()))
