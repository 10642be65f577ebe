"""`tandem compare`, as a person runs it: the last word of every scenario."""

from __future__ import annotations

from dataclasses import dataclass

from opensearch import tandem
from opensearch.domains import Domain, Pair

# How long a difference is looked at again: the real plugin takes minutes to notice settings.
PATIENCE = 300


@dataclass
class Ends(Pair):
    """A pair, and the secret of the master user of both, with which the command reads them."""

    secret: str = ""

    def compare(self, leader_index: str, follower_index: str = "", *options: str, **sides: Domain) -> tandem.Compared:
        """`leader=` and `follower=` are other domains than those of the pair."""
        ends = {"leader": self.leader, "follower": self.follower, **sides}
        told = ["--index", leader_index, "--follower-index", follower_index or leader_index]
        for side, domain in ends.items():
            told += [f"--{side}", domain.endpoint, f"--{side}-region", domain.region, f"--{side}-secret", self.secret]
        return tandem.run(tandem.environment(self.follower), "compare", *told, *options)

    def must_equal(self, leader_index: str, follower_index: str = "", *options: str, **sides: Domain) -> dict:
        """The report of two indexes that are equal, sooner or later."""
        patient = ("--json", "--patience", str(PATIENCE), *options)
        compared = self.compare(leader_index, follower_index, *patient, **sides)
        assert compared.code == 0, f"{compared.printed}\n{compared.told}"
        report = compared.report
        assert (report["verdict"], report["differences"]) == ("equal", 0)
        return report
