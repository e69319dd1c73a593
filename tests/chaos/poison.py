"""Seeded malformed payloads: valid messages changed in every way a publisher, a proxy or an attacker could."""

import json
import random
import time
from collections.abc import Callable, Iterator

from tests.chaos.traffic import Message, incident, rfc3339, turnout

_JUNK = (
    None, True, False, 0, -1, 1, 1.5, 1e308, 10**400, -(2**63), 2**64, "", " ", "x" * 65, "x" * 17_000, "\u0000",
    "\ud800", "16.71\n", "１６.７１", [], {}, [[]], {"a": {"b": 1}}, "2024-02-30T00:00:00Z", "2024-01-01T00:00:00",
    "NaN", "'; DROP TABLE risk; --", "<script>", "../../etc/passwd", "%s%s%n", "\u202e", "🗳" * 20,
)  # fmt: skip
_HEADERS = (
    (), (), (), (("content-type", b"application/json"),), (("content-type", b"application/avro"),),
    (("content-encoding", b"gzip"),),
    (("ce_id", b"1"), ("ce_type", b"incident"), ("content-type", b"application/json")),
    (("content-type", b"application/cloudevents+json"),), (("x" * 300, b"\x00" * 300),), (("", b""),),
)  # fmt: skip


def poison(seed: int, count: int, codes: list[str]) -> Iterator[Message]:
    """`count` messages; a few are valid all the same, which is a case too."""
    rnd = random.Random(f"poison-{seed}")
    for number in range(count):
        topic = rnd.choice(("incidents", "turnout"))
        make = incident if topic == "incidents" else turnout
        fields = json.loads(make(f"p{seed}-{number}", rnd.choice(codes), time.time() - 60))
        value = rnd.choice(_CHANGES)(rnd, fields)
        yield Message(topic, rnd.choice((b"k", b"", b"\xff")), value, rnd.choice(_HEADERS))


def _dumps(fields: object) -> bytes:
    return json.dumps(fields).encode()


def _field(rnd: random.Random, fields: dict) -> bytes:
    return _dumps(fields | {rnd.choice(list(fields)): rnd.choice(_JUNK)})


def _time(rnd: random.Random, fields: dict) -> bytes:
    name = "occurred_at" if "occurred_at" in fields else "as_of"
    moment = rfc3339(time.time() + rnd.choice((-400 * 86400, -366 * 86400, 3600, 86400, 3650 * 86400)))
    odd = (
        "2024-11-27 07:00:00+07:00",
        "2024-11-27T07:00:00z",
        "2024-11-27T25:00:00Z",
        "20241127T070000Z",
        "1732665600",
    )
    return _dumps(fields | {name: rnd.choice((moment, rnd.choice(odd)))})


def _missing(rnd: random.Random, fields: dict) -> bytes:
    return _dumps({name: value for name, value in fields.items() if name != rnd.choice(list(fields))})


def _extra(rnd: random.Random, fields: dict) -> bytes:
    return _dumps(fields | {rnd.choice(("name", "nik", "text", "Event_id", "", "severity ")): rnd.choice(_JUNK)})


def _bytes(rnd: random.Random, fields: dict) -> bytes:
    value = bytearray(_dumps(fields))
    for _ in range(rnd.randrange(1, 6)):
        value[rnd.randrange(len(value))] = rnd.randrange(256)
    return bytes(value)


def _cut(rnd: random.Random, fields: dict) -> bytes:
    value = _dumps(fields)
    return value[: rnd.randrange(len(value))]


def _text(rnd: random.Random, fields: dict) -> bytes:
    text = json.dumps(fields)
    name = rnd.choice(list(fields))
    return rnd.choice((
        text.replace("{", f'{{"{name}": 1, ', 1), text + text, text + "\x00", "\ufeff" + text, "//" + text,
        text.replace('"', "'"), text[:-1] + ",}", text.replace(": 1", ": NaN"), text.replace(": 1", ": 01"),
        text.replace(": 1", ": 1e0"), text.replace(": 1", ": -0"), " " * 20_000 + text, " " * 9_000 + text,
        "[" + text + "]",
    )).encode()  # fmt: skip


def _deep(rnd: random.Random, fields: dict) -> bytes:
    depth = rnd.choice((50, 150, 1500, 7000))  # parsers differ on whether 300 is too deep
    return rnd.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth))


def _raw(rnd: random.Random, fields: dict) -> bytes | None:
    return rnd.choice((
        None, b"", b"null", b"0", b'""', b"\x00\x00\x00\x00\x01" + _dumps(fields),
        rnd.randbytes(rnd.randrange(1, 400)),
        rnd.randbytes(20_000), "{}".encode("utf-16"), _dumps(fields).decode().encode("utf-16"),
    ))  # fmt: skip


def _place_or_person(rnd: random.Random, fields: dict) -> bytes:
    """Of another version, elsewhere, of somebody who may not say it, or about a person; some are valid."""
    changes = (
        {"schema": rnd.choice(("siaga.incident/3", "siaga.turnout/1", "siaga.incident/2", "siaga.turnout/2", "2"))},
        {"regency": "99.99"},
        {"village": rnd.choice(("11.01.01.1001", f"{fields['regency']}.01.1001", "16.71.01.100", None))},
        {"origin": rnd.choice(("polda", "Polda", None))},
        {"source": rnd.choice(("polda", "polres-oku", "pantau"))},
        {"event_id": rnd.choice(("1671014507900001", "0812-3456-7890", "2024-11-27T08:12:00+07:00/1", "bWVzc2FnZQ=="))},
        {"station": rnd.choice(("0812 3456 7890", "TPS\t7", "\u200b", " tps  07 ", "TPS 7" + " " * 60))},
    )
    return _dumps(fields | rnd.choice(changes))


def _envelope(rnd: random.Random, fields: dict) -> bytes:
    """A CloudEvent in structured mode, which is one only where the headers say so."""
    envelope = {"specversion": "1.0", "id": "1", "type": "t", "source": "/s", "data": fields}
    return _dumps(envelope | rnd.choice(({}, {}, {rnd.choice((*envelope, "datacontenttype")): rnd.choice(_JUNK)})))


_CHANGES: tuple[Callable[[random.Random, dict], bytes | None], ...] = (
    _field, _field, _field, _time, _missing, _extra, _bytes, _bytes, _cut, _text, _text, _deep, _raw,
    _place_or_person, _place_or_person, _envelope,
)  # fmt: skip
