"""A receiver of webhooks that keeps each message with its path."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook:
    """The received messages; `room`, `latest` and `since` select those about regencies."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                print(self.path, body.decode())  # pytest shows it when a test fails
                webhook.messages.append((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """No log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def room(self, province: str) -> list[dict]:
        """Messages to the room about one province, oldest first."""
        return [m for path, m in self.messages if path == "/room" and m["groupLabels"] == {"province": province}]

    def latest(self, province: str) -> set[tuple[str, str, str]]:
        """(alert, regency, status) of the last message about a province."""
        return self.since(province, -1)

    def since(self, province: str, first: int) -> set[tuple[str, str, str]]:
        """(alert, regency, status) of the messages about a province from number `first` on."""
        return {_summary(alert) for message in self.room(province)[first:] for alert in message["alerts"]}


def _summary(alert: dict) -> tuple[str, str, str]:
    return alert["labels"]["alertname"], alert["labels"]["regency"], alert["status"]


@contextmanager
def listening() -> Iterator[Webhook]:
    """A webhook on a free loopback port."""
    webhook = Webhook()
    try:
        yield webhook
    finally:
        webhook.server.shutdown()
        webhook.server.server_close()
