"""`EmbeddedCluster`: several Apache Kafka nodes on this machine, each broker and controller, as one cluster."""

import json
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from apps.embedded import private
from apps.embedded.broker import READY_WITHIN_S, STOP_GRACE_S, EmbeddedBroker
from apps.embedded.config import Extra, Member, new_cluster_id
from apps.embedded.home import BrokerError, disk_error
from apps.embedded.jars import Progress, fetch_jars
from apps.embedded.ports import free_port, is_free

HEAP = "256m"
#: What Java says of a port that another program has, and how often other ports are chosen then.
ADDRESS_TAKEN, PORT_TRIES = "Address already in use", 4


class EmbeddedCluster:
    """`count` nodes below `directory`, in `node-1`, `node-2`, ...; each is an EmbeddedBroker and can be stopped, killed
    and started by itself.

    A topic has three replicas of which two must have a record, where there are three nodes. `ports` are those of the
    brokers; without them the ports of the last run are taken, or free ones. `extras` by node id add listeners and
    properties; `controllers_seen` are ports at which the controllers are to be reached other than their own. Start it
    from a thread that lives as long as it should: the nodes die with that thread, also when it is killed."""

    def __init__(
        self,
        directory: Path | str,
        count: int = 3,
        ports: tuple[int, ...] = (),
        heap: str = HEAP,
        extras: Mapping[int, Extra] | None = None,
        controllers_seen: Mapping[int, int] | None = None,
        controllers: Mapping[int, int] | None = None,
    ) -> None:
        self.directory, self._heap = Path(directory).absolute(), heap
        self._nodes = range(1, count + 1)
        self._wanted_ports = dict(zip(self._nodes, ports, strict=False))
        self._extras, self._seen, self._controllers = extras or {}, controllers_seen or {}, controllers or {}
        self.brokers: list[EmbeddedBroker] = []

    @property
    def bootstrap(self) -> str:
        """`host:port,host:port,...` for clients."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    @property
    def running(self) -> bool:
        """Whether every node runs."""
        return bool(self.brokers) and all(broker.running for broker in self.brokers)

    def start(self, ready_within_s: float = READY_WITHIN_S, progress: Progress | None = None) -> Self:
        """Start the nodes that do not run, and return once each answers. Raises BrokerError.

        At the first start a port that was free when it was chosen may be taken by the time a node listens: then others
        are chosen."""
        fetch_jars(progress=progress)
        is_first, tries = not self.brokers and not self._wanted_ports, 0
        while True:
            if not self.brokers:
                self.brokers = self._load()
            try:
                return self._started(ready_within_s)
            except BrokerError as error:
                tries += 1
                if not is_first or tries == PORT_TRIES or ADDRESS_TAKEN not in str(error):
                    raise
                self.brokers = []

    def _started(self, ready_within_s: float) -> Self:
        absent = [broker for broker in self.brokers if not broker.running]
        with ThreadPoolExecutor(len(self.brokers)) as threads:
            list(threads.map(lambda broker: broker.prepare(), absent))
        deadline = time.monotonic() + ready_within_s
        try:
            for broker in absent:
                broker.launch()
            for broker in absent:
                broker.wait_ready(deadline)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """SIGTERM to all at once, SIGKILL to those that still run after the grace: the last ones find no controller to
        take leave of."""
        deadline = time.monotonic() + grace_s
        for broker in self.brokers:
            broker.terminate()
        for broker in self.brokers:
            broker.stop(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """SIGKILL to all at once."""
        for broker in self.brokers:
            broker.kill()

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _load(self) -> list[EmbeddedBroker]:
        """The nodes, with the cluster id and the ports of the last run where these are free."""
        try:
            private.make_directory(self.directory)
            kept = self._kept()
            ports = self._ports(kept["ports"], self._wanted_ports)
            controllers = self._ports(kept["controllers"], {}, ports.values())
            controllers |= self._controllers
            cluster = {"cluster": kept["cluster"], "ports": ports, "controllers": controllers}
            private.write_text(self.directory / "cluster.json", json.dumps(cluster))
        except OSError as error:
            raise disk_error(self.directory, error) from None
        seen = controllers | dict(self._seen)
        return [
            EmbeddedBroker(
                self.directory / f"node-{node}",
                ports[node],
                self._heap,
                self._extras.get(node),
                member=Member(node, kept["cluster"], seen, controllers[node]),
            )
            for node in self._nodes
        ]

    def _kept(self) -> dict[str, Any]:
        path = self.directory / "cluster.json"
        try:
            kept = cast(dict[str, Any], json.loads(path.read_text(encoding="ascii")))
        except FileNotFoundError:
            return {"cluster": new_cluster_id(), "ports": {}, "controllers": {}}
        except ValueError:
            raise BrokerError(f"{path} is damaged; use another directory") from None
        if len(kept["controllers"]) != len(self._nodes):
            raise BrokerError(
                f"{self.directory} holds a cluster of {len(kept['controllers'])} brokers, not {len(self._nodes)}; "
                "use another directory"
            )
        return kept

    def _ports(self, kept: Mapping[str, int], wanted: Mapping[int, int], taken: Collection[int] = ()) -> dict[int, int]:
        """A port for each node, none of `taken`: the wanted one, else that of the last run if it is free, else a free
        one."""
        chosen: dict[int, int] = {}
        for node in self._nodes:
            before = kept.get(str(node))
            port = wanted.get(node) or (before if before is not None and is_free(before) else free_port())
            while port in chosen.values() or port in taken:
                port = free_port()
            chosen[node] = port
        return chosen
