"""From escalation records, in an order that is always the same, to CAP documents with references to earlier ones."""

import logging
from typing import Any

from apps.integrations.cap.document import Profile, document, identifier
from apps.integrations.cap.outbox import Outbox
from apps.integrations.cap.references import Chains
from apps.integrations.delivery_counts import Tally
from apps.integrations.escalation_record import Unreadable, escalation_of

log = logging.getLogger("siaga.cap")


class Issuer:
    """Makes documents of records that come in each partition's order; counts those that are no escalation."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._chains = Chains()
        self._tally = Tally("cap")
        self.unreadable = 0

    def issue(self, record: Any, put: Outbox | None) -> None:
        """Place a record in its chain and put its document away; None for `put` only places it."""
        try:
            escalation = escalation_of(record.value)
        except Unreadable as error:
            self.unreadable += 1
            self._tally.unreadable()
            log.warning("%s %d:%d: no escalation: %s", record.topic, record.partition, record.offset, error)
            return
        link = self._chains.link(escalation)
        if put:
            put(escalation, identifier(escalation, self._profile), document(escalation, link, self._profile))
            self._tally.delivered()
