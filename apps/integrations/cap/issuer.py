"""From escalation records, in an order that is always the same, to CAP documents with references to earlier ones."""

import logging
from typing import Any

from apps.integrations.cap.alert_files import WriteAlert
from apps.integrations.cap.document import CapProfile, document, identifier
from apps.integrations.cap.references import MessageChains
from apps.integrations.escalation_records import DeliveryCounts, NotAnEscalation, outward_of
from schemas.ruleset.outward import OutwardRule

log = logging.getLogger("siaga.cap")


class Issuer:
    """Makes a document of each record. Records of one partition must come in offset order."""

    def __init__(self, profile: CapProfile, rule: OutwardRule) -> None:
        self._profile, self._rule = profile, rule
        self._chains = MessageChains()
        self._counts = DeliveryCounts("cap")
        self.unreadable = 0

    def begin_again(self) -> None:
        """Forget the chains: the topic was created again, and earlier messages are not on it."""
        self._chains = MessageChains()

    def issue(self, record: Any, write: WriteAlert | None) -> None:
        """Add a record to its chain and write its document; without `write` only the chain is kept.

        A record that holds no escalation is logged and counted in `unreadable`."""
        try:
            escalation = outward_of(record.value, self._rule)
        except NotAnEscalation as error:
            self.unreadable += 1
            self._counts.unreadable()
            log.warning("%s %d:%d: no escalation: %s", record.topic, record.partition, record.offset, error)
            return
        position = self._chains.append(escalation)
        if write:
            write(escalation, identifier(escalation, self._profile), document(escalation, position, self._profile))
            self._counts.delivered()
