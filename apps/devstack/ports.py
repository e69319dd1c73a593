"""The ports of one run, checked before anything starts."""

from dataclasses import dataclass

from apps.devstack.run_directory import UpError
from apps.embedded.ports import free_port, is_free

WORKERS = 2


@dataclass(frozen=True)
class Ports:
    brokers: tuple[int, ...]
    board: int
    metrics: tuple[int, ...]


def choose_ports(broker: int, board: int, metrics: int, brokers: int = 1) -> Ports:
    """0 takes a free port; brokers and workers after the first take the ports after `broker` and `metrics`.

    Raises UpError for a port in use."""
    taken: set[int] = set()

    def choose(wanted: int, what: str, flag: str) -> int:
        port = wanted or next(port for port in iter(free_port, None) if port not in taken)
        if port in taken or not is_free(port):
            raise UpError(f"port {port}, for {what}, is in use; choose another with {flag} (0 takes a free one)")
        taken.add(port)
        return port

    return Ports(
        brokers=tuple(
            choose(broker and broker + number, f"broker {number + 1}" if number else "the broker", "--broker-port")
            for number in range(brokers)
        ),
        board=choose(board, "the board", "--board-port"),
        metrics=tuple(
            choose(metrics and metrics + number, f"the metrics of worker {number + 1}", "--metrics-port")
            for number in range(WORKERS)
        ),
    )
