"""The root of the `siaga` command: names with one line of help each; a command is imported when it is called.

`siaga --help` imports none of them: faust, aiohttp and kafka take seconds, and a broken command must not break it.
"""

import importlib
import importlib.util
import os
import signal
import sys

import click

from agents.garbage_collection import gc_paused
from agents.settings import SettingsError

PACKAGE = "apps.cli"
COMMANDS: dict[str, str] = {
    "up": "All on this machine: broker, topics, workers, board and a simulated election day.",
    "topics": "Create the topics, verify them, report differences.",
    "sources": "Check a sources file: who belongs to which agency and may report what.",
    "worker": "Run a worker: intake and risk.",
    "status": "Who works, how far behind the deployment is, what is stuck and what to do.",
    "board": "Serve the board: the risk table as one live page.",
    "publish": "Send incidents or turnout, JSON lines, checked before they are sent.",
    "redrive": "Send rejected records again: corrected ones of a file, or those that are valid now.",
    "tail": "Print an output topic as JSON lines, committed records only.",
    "cap": "Write escalations as Common Alerting Protocol 1.2 documents.",
    "webhook": "Post escalations to a URL: signed, in order, retried; list and send again what stays refused.",
    "simulate": "Publish a simulated election day.",
    "replay": "Publish a recorded election at a chosen speed.",
    "stations": "Check a station roster against the roster.",
    "convert": "Convert spreadsheets and public election files into JSON lines.",
    "join": "Say that two numbers are one incident, or take that back.",
    "evict": "Take what a source said out of the table.",
    "erase": "Erase an incident, or show where copies of it remain.",
    "audit": "Prove from the ledger what was published.",
    "evaluate": "Score the risk model and baseline detectors on election days with known flare-ups.",
    "calibrate": "Make a ruleset from weeks of recorded reports.",
    "explain": "Explain why a regency has its level.",
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
            with gc_paused():  # a tenth of the start went into collections that free nothing
                command: click.Command = importlib.import_module(f"{PACKAGE}.{cmd_name}").command
                return command
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
    _obey_sigterm_as_first_process()


def _obey_sigterm_as_first_process() -> None:
    """The first process of a container gets only the signals that it handles: without this, a worker or `topics` that
    waits for its broker is killed at the end of the grace period. Commands that run a loop set their own handler."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main())
