"""Opens the rosters, the ruleset and the sources file of a deployment. Nothing else reads them from files."""

from collections.abc import Container, Iterator
from pathlib import Path

from schemas.roster import Roster, RosterError
from schemas.ruleset import Ruleset, RulesetError
from schemas.sources import Sources, SourcesError
from schemas.station_roster import StationRoster, StationRosterError


def load_roster(path: Path | None = None) -> Roster:
    """From a CSV file, UTF-8; without one the packaged roster. Raises RosterError, also for an unreadable file."""
    return Roster.default() if path is None else Roster.parse(_text(path, RosterError), str(path))


def load_stations(path: Path, regencies: Container[str] | None = None) -> StationRoster:
    """From a CSV file, UTF-8, whose stations lie in `regencies` if given. Raises StationRosterError, also for an
    unreadable file.

    Read line by line: the text of a country's stations takes more memory than they do."""
    return StationRoster.parse(_lines(path), str(path), regencies)


def load_ruleset(path: Path | None = None) -> Ruleset:
    """From a TOML file, UTF-8; without one the packaged ruleset. Raises RulesetError, also for an unreadable file."""
    return Ruleset.default() if path is None else Ruleset.parse(_text(path, RulesetError), str(path))


def ruleset_text(path: Path | None = None) -> tuple[str, str]:
    """The text of a ruleset, and what to call it in errors; without a file the packaged one's. Raises RulesetError."""
    return (Ruleset.packaged_text(), "packaged ruleset") if path is None else (_text(path, RulesetError), str(path))


def load_sources(path: Path | None = None) -> Sources:
    """From a TOML file, UTF-8; without one the packaged file. Raises SourcesError, also for an unreadable file."""
    return Sources.default() if path is None else Sources.parse(_text(path, SourcesError), str(path))


def _text(path: Path, error: type[ValueError]) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as wrong:
        raise error(f"{path}: {wrong.strerror or wrong}") from None
    except UnicodeDecodeError as wrong:
        raise error(f"{path}: not UTF-8 at byte {wrong.start}") from None


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise StationRosterError(f"{path} line {number}: not UTF-8") from None
    except OSError as wrong:
        raise StationRosterError(f"{path}: {wrong.strerror or wrong}") from None
