"""Which clock needs its entries put in order, and by how many shards' word."""

from agents.settings import Settings
from schemas.topics import INPUTS
from streams.admission import ClockMode
from streams.event_time.sequencer import Sequencer


def sequencer_of(settings: Settings) -> Sequencer | None:
    """What puts a ledger partition in event-time order, None with the wall clock."""
    if settings.clock is not ClockMode.EVENT:
        return None
    return Sequencer(len(INPUTS) * settings.partitions)
