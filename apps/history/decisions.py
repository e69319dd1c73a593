"""What people decided, and what workers went on with, from the ledger, in one line each for those who audit."""

import orjson

from schemas.ledger import ERASE, JOIN, Entry, parts_of
from streams.messages import rfc3339


def decision_line(code: str, entry: Entry) -> str:
    """An entry of a kind of DECISIONS about a regency: what was decided, by which role, when and why."""
    *_, role, reason = entry
    return f"{code}: {_what(entry)}; by {role} at {rfc3339(entry[1])}: {reason}"


def change_line(partition: int, header: bytes) -> str:
    """The value of a CHANGE_HEADER: from where on a partition is folded with another roster or ruleset, and which."""
    try:
        change = orjson.loads(header)
        since, words = change["from"], "; ".join(change["changes"])
    except (ValueError, LookupError, TypeError):
        return "says in a header that cannot be read that roster or ruleset changed"
    line = f"partition {partition} is folded from offset {since} on with what is different: {words}"
    return "".join(letter if letter.isprintable() else "?" for letter in line)  # whoever may write the ledger wrote it


def _what(entry: Entry) -> str:
    if entry[0] == JOIN:
        first, second = ("/".join(parts_of(key)) for key in entry[2:4])
        return f"{first} and {second} are {'two incidents again' if entry[4] else 'one incident'}"
    if entry[0] == ERASE:
        return f"the incident with digest {entry[2]} is erased"
    return f"what {entry[2]} reported from {rfc3339(entry[3])} to {rfc3339(entry[4])} is taken out"
