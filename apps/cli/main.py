"""The root of the `siaga` command: it knows the names and one line about each, and loads a command when it is called.

Listing must not import: faust, aiohttp and kafka together take seconds, and a broken or absent command must not take
`siaga --help` with it.
"""

import importlib
import importlib.util
import sys

import click

from agents.collector import collector_rests
from agents.settings import SettingsError

PACKAGE = "apps.cli"
COMMANDS: dict[str, str] = {
    "up": "All on this machine: broker, topics, workers, board and a simulated election day.",
    "topics": "Create the topics, verify them, say what differs.",
    "worker": "Run a worker: intake and risk.",
    "board": "Serve the board: one page with the table, live.",
    "publish": "Send incidents or turnout, JSON lines, checked before they leave.",
    "redrive": "Send rejected records again: fixed ones of a file, or those that are good by now.",
    "tail": "Print an output topic as JSON lines, committed records only.",
    "cap": "Write escalations as Common Alerting Protocol 1.2 documents.",
    "webhook": "Post escalations to a URL: signed, in order, retried.",
    "simulate": "Play an election day that never was.",
    "replay": "Play a recorded election at a chosen speed.",
    "convert": "Turn public election files into what publish and replay take.",
    "audit": "Prove from the ledger what was published.",
    "evaluate": "Score the risk model and its rivals on election days of known truth.",
    "explain": "Say in plain words why a regency has its level.",
    "schemas": "Write the JSON Schemas and the AsyncAPI document.",
}


class LazyGroup(click.Group):
    """Commands by name; each file `apps/cli/<name>.py` exports one as `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if importlib.util.find_spec(f"{PACKAGE}.{name}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            with collector_rests():  # what modules make stays; a tenth of a start was walking it
                return importlib.import_module(f"{PACKAGE}.{cmd_name}").command
        except ImportError as error:
            raise click.ClickException(f"`siaga {cmd_name}` cannot be loaded: {error}") from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if rows := [(name, COMMANDS[name]) for name in self.list_commands(ctx)]:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="siaga", prog_name="siaga")
def main() -> None:
    """Siaga: early warning for elections, exactly once, on Kafka.

    Settings are SIAGA_* variables or flags; `siaga COMMAND --help` lists them.
    """


if __name__ == "__main__":
    sys.exit(main())
