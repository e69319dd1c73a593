"""A deployment in which every process signs in as the user of its role, with that role's rights."""

from pathlib import Path
from typing import Self

from tests.agents.deployment import Deployment
from tests.apps.cli.siaga import Siaga
from tests.security.guarded import ADMIN, Guarded

#: A user for each role, and one who may sign in and nothing more.
USERS = {
    "publisher": "kpu",
    "processor": "mesin",
    "reader": "papan",
    "sender": "kurir",
    "decider": "rapat",
    "operator": "jaga",
}
STRANGER = "orang-asing"


class GuardedDeployment(Deployment):
    """Workers run as the processor. What the tests read, they read by the plain listener."""

    def __init__(self, guarded: Guarded, prefix: str, directory: Path, **settings: str) -> None:
        self.guarded = guarded
        processor = guarded.settings(USERS["processor"])
        super().__init__(guarded.broker.bootstrap, prefix, directory, **processor, **settings)

    def __enter__(self) -> Self:
        granted = self.grant("--quota", str(1 << 30))  # by default a publisher may send less than some tests do
        assert granted.returncode == 0, granted.stderr
        return self

    def grant(self, *options: str):
        """`siaga topics --acls` for all roles, as the administrator."""
        named = [word for role, user in USERS.items() for word in (f"--{role}", user)]
        return self.run("topics", "--acls", *named, *options, check=False, **self.guarded.settings(ADMIN))

    def siaga(self, role: str) -> Siaga:
        """The command, run by the user of a role."""
        return Siaga(
            self.guarded.settings(USERS.get(role, role))
            | {
                "SIAGA_TOPIC_PREFIX": self.prefix,
                "SIAGA_PARTITIONS": str(self.partitions),
                "SIAGA_GROUP": self.group,
                "SIAGA_DATA_DIR": str(self.directory / "data"),
            }
        )
