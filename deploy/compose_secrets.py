"""Makes the secrets of docker-compose.yml: run it once before the first `docker compose up`.

    python3 deploy/compose_secrets.py [--publisher NAME ...]

Writes to `secrets/` beside the compose file: a random password for each user of Kafka, Prometheus and Alertmanager,
and the files that these three read at their start. What is there is kept; to renew a password delete its file, run this
again and start everything again. `--publisher` adds a password for a publishing system's own user. Nothing has a
default password.

The directory is 0700, which keeps other users of this host out. The files in it can be read by everybody: a container
gets only the files of its own, and runs as a user that this host does not have. Standard library only; the hashes that
Prometheus and Alertmanager ask for (bcrypt) are made by the system's crypt(3)."""

import argparse
import ctypes
import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[1] / "secrets"
#: Of Kafka: the broker itself, its administrator, and one for each role of agents/kafka/acls.py.
BROKER, ADMIN = "siaga-broker", "siaga-admin"
ROLES = ("processor", "reader", "sender", "decider", "operator", "publisher")
USERS = (ADMIN, *(f"siaga-{role}" for role in ROLES))
#: Programs whose HTTP interface asks for a password, and the name to give with it.
GUARDED, HTTP_USER = ("prometheus", "alertmanager"), "siaga"
JAAS, ADMIN_PROPERTIES = "kafka-broker.jaas", "kafka-admin.properties"
_LOGIN = "org.apache.kafka.common.security"
_BITS = 256
# 2^4 rounds, bcrypt's least: nobody guesses 256 random bits, and every request of Prometheus pays for the hash.
_ROUNDS_LOG2 = 4
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_READABLE = 0o444
_NO_BCRYPT = (
    "this system's crypt(3) makes no bcrypt hash; make the secrets in a container: docker run --rm --user"
    ' "$(id -u):$(id -g)" -v "$PWD:/siaga" -w /siaga python:3.11.14-slim-bookworm python deploy/compose_secrets.py'
)


class SecretsError(Exception):
    """The secrets cannot be made. One line."""


def make(directory: Path, publishers: Sequence[str] = ()) -> list[str]:
    """Make what is missing in `directory`; returns the names of the passwords that are new.

    Raises SecretsError, OSError."""
    for name in publishers:
        if not _NAME.fullmatch(name) or name in (*GUARDED, *USERS, BROKER):
            raise SecretsError(f"--publisher: {name!r}: 1 to 64 of a-z, 0-9 and -, and no name in use")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    new = [name for name in (BROKER, *USERS, *publishers, *GUARDED) if _make_password(directory / name)]
    _write(directory / JAAS, _jaas(_read(directory / BROKER), _read(directory / ADMIN)))
    _write(directory / ADMIN_PROPERTIES, _client(ADMIN, _read(directory / ADMIN)))
    for program in GUARDED:
        _write_web_config(directory / f"{program}-web.yml", _read(directory / program))
    return new


def _make_password(path: Path) -> bool:
    if path.is_file() and _read(path):
        return False
    _write(path, secrets.token_hex(_BITS // 8))
    return True


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _write(path: Path, text: str) -> None:
    """Replace a file that a container may have mounted; only the directory keeps others out."""
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    path.chmod(_READABLE)


def _jaas(broker: str, admin: str) -> str:
    """The broker's own login, and the two users that exist before any other, in Java's login format.

    The second module looks up the users that are created later (deploy/compose_users.py)."""
    options = [f'username="{BROKER}"', f'password="{broker}"', f'user_{BROKER}="{broker}"', f'user_{ADMIN}="{admin}"']
    plain = "\n    ".join([f"{_LOGIN}.plain.PlainLoginModule required", *options])
    return f"KafkaServer {{\n  {plain};\n  {_LOGIN}.scram.ScramLoginModule required;\n}};\n"


def _client(user: str, password: str) -> str:
    """What Kafka's own tools take as --command-config."""
    login = f'sasl.jaas.config={_LOGIN}.plain.PlainLoginModule required username="{user}" password="{password}";'
    return f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n{login}\n"


def _write_web_config(path: Path, password: str) -> None:
    """The file of --web.config.file; one that holds the hash of this password is kept."""
    found = re.search(r'"(\$2b\$[^"]+)"', path.read_text(encoding="ascii")) if path.is_file() else None
    if found is None or _bcrypt(password, found[1].encode()) != found[1]:
        _write(path, f'basic_auth_users:\n  {HTTP_USER}: "{_bcrypt(password)}"\n')


def _bcrypt(password: str, setting: bytes = b"") -> str:
    """The hash with the salt of `setting`, an earlier hash, or with a new one. Raises SecretsError."""
    library = _crypt_library()
    if not setting:
        salt = secrets.token_bytes(16)
        setting = library.crypt_gensalt(b"$2b$", ctypes.c_ulong(_ROUNDS_LOG2), salt, len(salt)) or b""
    made: bytes = library.crypt(password.encode(), setting) or b""
    if not made.startswith(b"$2b$"):
        raise SecretsError(_NO_BCRYPT)
    return made.decode()


def _crypt_library() -> ctypes.CDLL:
    for name in ("libcrypt.so.1", "libcrypt.so.2"):
        try:
            library = ctypes.CDLL(name)
            library.crypt.restype = library.crypt_gensalt.restype = ctypes.c_char_p
        except (OSError, AttributeError):  # no such library, or one without bcrypt's salts
            continue
        return library
    raise SecretsError(_NO_BCRYPT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 when the secrets cannot be made, 2 for a wrong option."""
    parser = argparse.ArgumentParser(description="Make the secrets of docker-compose.yml; what is there is kept.")
    parser.add_argument("--publisher", action="append", default=[], metavar="NAME", help="a further user; repeatable")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="default: secrets/ beside the compose file")
    options = parser.parse_args(arguments)
    try:
        new = make(options.directory, options.publisher)
    except (SecretsError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"{options.directory}: {len(new)} passwords made" + (f" ({', '.join(new)})" if new else ", all were there"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
