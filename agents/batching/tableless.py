"""An app that has none of Faust's tables need not wait for them."""

from faust.tables import TableManager


class NoTables(TableManager):
    """Faust gives tables that are defined late a second to appear, and begins no consumer before: a second of every
    restart.
    """

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()
