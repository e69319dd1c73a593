"""Health of a sender, which has two kinds of trouble: its own, and its receiver's.

Its own (Kafka, its log) is `stuck`: /healthz answers 503, the probes may restart it, and after END_AFTER_S it ends. The
receiver's is `waiting`: no restart repairs a receiver, so /healthz stays 200 and lists it, and alerts and the log say
so."""

from agents.health import Health, Stuck


class SenderHealth(Health):
    """`receiver` holds what waits for the receiver, with the same calls."""

    def __init__(self, role: str, deployment: str) -> None:
        super().__init__(role, deployment)
        self.receiver = Health(role, deployment)

    def waiting(self) -> list[Stuck]:
        """What the receiver does not take."""
        return self.receiver.stuck()

    def report(self) -> dict[str, object]:
        """The body of /healthz: `status` is `ok`, `waiting` (for the receiver) or `stuck`."""
        waiting = [one.fields() for one in self.waiting()]
        report = super().report() | {"waiting": waiting}
        return report | {"status": "waiting"} if waiting and report["status"] == "ok" else report
