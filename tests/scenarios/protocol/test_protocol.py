"""The protocol, case by case: `cases/<name>/{event,world,expected}.json`, read by this runner.

`event.json` is one event or a list of events delivered one after the other, each laid over `envelope.json`: properties
are merged, `null` takes a field away, and what is not an object is delivered as it is.
`world.json` (may be missing) is what the function meets: the statuses the response bucket answers, the last of them for
ever (a list of lists: for each delivery), the seconds of an invocation, a state that is held, connections made by hand.
`expected.json` is how each delivery ends, what the bucket got, and what is there in the end.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..artifact import bootstrap
from ..aws import Place, create_domain
from ..connections import Connections
from .response_bucket import ResponseBucket
from .runtime_api import Function

ACCOUNT = "444444444444"
FOLLOWER, LEADER = Place(ACCOUNT, "us-west-2"), Place(ACCOUNT, "us-east-1")
HERE = Path(__file__).parent
CASES = sorted(path for path in (HERE / "cases").iterdir() if path.is_dir())
LARGEST_ANSWER = 4096


@pytest.fixture(scope="session")
def domains(aws):
    """A leader and a follower in an account of their own."""
    for place, name in ((FOLLOWER, "follower"), (LEADER, "leader")):
        create_domain(aws, place, name)


@pytest.fixture
def hands(sandbox, aws, domains, reset):
    """Both sides of the service in that account; what a case leaves is taken away, claims included."""
    hands = Connections(sandbox, aws, "follower", "leader", FOLLOWER, LEADER)
    yield hands
    reset()
    hands.take_away_everything_of(ACCOUNT)
    for claim in claims(aws):
        aws("ssm", FOLLOWER).delete_parameter(Name=claim)


@pytest.fixture
def bucket_of():
    made = []

    def make() -> ResponseBucket:
        made.append(ResponseBucket())
        return made[-1]

    yield make
    for bucket in made:
        bucket.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, sandbox, aws, hands, bucket_of):
    world = read(case / "world.json", {})
    expected = read(case / "expected.json")
    events = read(case / "event.json")
    events = events if isinstance(events, list) else [events]
    statuses = world.get("bucket", [200])
    statuses = statuses if isinstance(statuses[0], list) else [statuses] * len(events)
    bucket = bucket_of()
    for alias, state in world.get("hold", {}).items():
        hands.hold(state, alias)
    made = {alias: hands.make_by_hand(alias) for alias in world.get("made_by_hand", [])}
    environment = {
        "AWS_REGION": FOLLOWER.region,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_ENDPOINT_URL": sandbox.endpoint,
    }
    with Function(bootstrap(), environment, ACCOUNT) as function:
        for event, wanted, answered in zip(events, expected["deliveries"], statuses, strict=True):
            bucket.statuses = list(answered)
            delivered = envelope(event, bucket.url)
            before = len(bucket.puts)
            outcome = function.invoke(delivered, world.get("seconds", 900))
            check_outcome(outcome, wanted)
            check_answers(delivered, bucket.puts[before:], wanted)
        printed = function.output()
    check_log(printed, bucket, expected)
    for alias, status in expected.get("connections", {}).items():
        assert [row["status"] for row in hands.live(alias)] == ([status] if status else []), alias
    for alias, connection_id in made.items():
        assert hands.only(alias)["id"] == connection_id, "what was made by hand stays"
    assert len(claims(aws)) == expected.get("claims", 0), claims(aws)


def read(path: Path, default: object = None) -> object:
    return json.loads(path.read_text()) if path.exists() or default is None else default


def envelope(event: object, response_url: str) -> object:
    """The event as CloudFormation sends it."""
    if not isinstance(event, dict):
        return event
    whole = read(HERE / "envelope.json") | event
    if isinstance(event.get("ResourceProperties"), dict):
        whole["ResourceProperties"] = read(HERE / "envelope.json")["ResourceProperties"] | event["ResourceProperties"]
        whole["ResourceProperties"] = {k: v for k, v in whole["ResourceProperties"].items() if v is not None}
    whole = {name: value for name, value in whole.items() if value is not None}
    if "ResponseURL" in whole:
        whole["ResponseURL"] = whole["ResponseURL"].replace("{response-url}", response_url)
        whole["ResponseURL"] = whole["ResponseURL"].replace("{query}", response_url.partition("?")[2])
    return whole


def check_outcome(outcome, wanted: dict) -> None:
    assert outcome.kind == wanted.get("outcome", "response"), outcome
    if "error" in wanted:
        assert wanted["error"] in outcome.payload["errorMessage"], outcome
    if "within_seconds" in wanted:
        assert outcome.seconds < wanted["within_seconds"], outcome


def check_answers(event: object, puts: list, wanted: dict) -> None:
    if "answer" not in wanted:
        assert puts == []
        return
    assert puts, "no answer"
    if "tries" in wanted:
        assert [put.answered for put in puts] == wanted["tries"]
    for put in puts:
        assert put.path == event["ResponseURL"].partition("//")[2].partition("/")[1] + event["ResponseURL"].split("/", 3)[3]
        assert put.headers.get("content-type", "") == ""
        assert len(put.body.encode()) <= LARGEST_ANSWER
        assert put.body == puts[0].body, "one answer, however often it is sent"
    answer, given = wanted["answer"], json.loads(puts[0].body)
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert given[name] == event[name]
    assert given["Status"] == answer["Status"], given
    assert given["PhysicalResourceId"] == answer["PhysicalResourceId"]
    for part in answer.get("Reason", []):
        assert part in given["Reason"], given["Reason"]
    for part in answer.get("ReasonLacks", []):
        assert part not in given.get("Reason", ""), given["Reason"]
    assert ("Reason" in given) == (given["Status"] == "FAILED")
    assert {name: given.get("Data", {}).get(name) for name in answer.get("Data", {})} == answer.get("Data", {})


def check_log(printed: str, bucket: ResponseBucket, expected: dict) -> None:
    # D14: whoever has the query of the URL can answer in the function's place.
    for secret in (bucket.signature, "X-Amz-Signature", "X-Amz-Credential", *expected.get("log_lacks", [])):
        assert secret not in printed
    for part in expected.get("log", []):
        assert part in printed, printed
    for line in printed.splitlines():
        json.loads(line)


def claims(aws) -> list[str]:
    found = aws("ssm", FOLLOWER).get_parameters_by_path(Path="/tandem/claims", Recursive=True)["Parameters"]
    return [parameter["Name"] for parameter in found]


def test_d14_every_case_looks_for_the_query_of_the_response_url_in_what_the_program_prints(bucket_of):
    bucket = bucket_of()
    assert bucket.signature in bucket.url
    with pytest.raises(AssertionError):
        check_log(f'{{"message": "{bucket.url}"}}', bucket, {})
