"""Faust's plain producer with the connection options of the app."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from .patches.faust_transport import Producer
from .retry import start_with_retry

if TYPE_CHECKING:
    from .app import BatchApp


class BatchProducer(Producer):
    """For what an app sends outside of the lanes' transactions."""

    async def on_start(self) -> None:
        """Connect; retry while the broker does not answer."""
        await start_with_retry(super().on_start, self.stop_half_started)

    def connection_options(self) -> Mapping[str, Any]:
        """The app's options for every Kafka client."""
        return cast("BatchApp", self.app).batching.client
