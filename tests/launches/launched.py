"""A deployment with data: launched by the project's own Sceptre configuration, with people who look at both domains."""

from __future__ import annotations

from opensearch.domains import until
from sandbox.process import Sandbox
from scenarios.aws import Aws, Place
from scenarios.deployment import Deployment

from .administered import Administered, Administrator


class Launched:
    """Two domains that somebody administers, and whatever the vars file launches beside them."""

    def __init__(self, sandbox: Sandbox, aws: Aws, deployment: Deployment):
        self.sandbox, self.aws, self.deployment = sandbox, aws, deployment
        self._administrators: dict[str, Administrator] = {}
        for side in ("leader", "follower"):
            name = f"{deployment.project}-{side}-people"
            self._administrators[side] = Administrator.make(aws, self.place(side), name)
            deployment.variables[side]["administrators"] = self._administrators[side].arn

    def place(self, side: str) -> Place:
        return getattr(self.deployment, side)

    def change(self, changes: dict) -> None:
        """`leader__region` is the key `region` of `leader`."""
        for path, value in changes.items():
            group, _, key = path.rpartition("__")
            (self.deployment.variables[group] if group else self.deployment.variables)[key] = value

    def domain(self, side: str) -> Administered:
        """As its administrator, once its role mappings are there."""
        place, name = self.place(side), self.deployment.variables[side]["domain_name"]
        endpoint = self.deployment.outputs(f"{side}/domain")["DomainEndpoint"]
        keys = self._administrators[side].credentials
        return Administered(self.sandbox, place.account, place.region, name, endpoint, credentials=keys)

    def until_equal(self, index: str, leader: str = "leader", follower: str = "follower") -> dict:
        """Wait until both sides hold the same documents in the same versions; answers them."""
        there, here = self.domain(leader), self.domain(follower)

        def equal() -> dict | None:
            if here("GET", f"/{index}").status != 200:
                return None
            documents = there.documents(index)
            return {"documents": documents} if documents == here.documents(index) else None

        return until(equal, 600)["documents"]

    def delete(self) -> None:
        """Everything, and then the people."""
        try:
            self.deployment.delete("")
        finally:
            for side, administrator in self._administrators.items():
                administrator.delete(self.aws, self.place(side))

    def left(self) -> list[str]:
        accounts = (self.deployment.leader.account, self.deployment.follower.account)
        return [item for item in self.sandbox.control("/leftovers")["items"] if item.startswith(accounts)]
