"""The service `users` of docker-compose.yml: gives Kafka each user, with the password of its secret, at every start.

A file in /run/secrets is a user of its name (deploy/compose_secrets.py makes them). Kafka keeps only what checks a
password (SCRAM), which nobody can sign in with. The rights are granted by `siaga topics --acls`."""

import sys
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion
from kafka.errors import KafkaError

from agents.kafka.connection import kafka_python_options
from agents.kafka.topics import open_admin
from agents.settings import SaslMechanism, Settings, SettingsError

SECRETS = Path("/run/secrets")
_CONNECT_S = 30.0


class UsersError(Exception):
    """A user cannot be created. One line."""


def ensure(admin: KafkaAdminClient, directory: Path) -> list[str]:
    """Create or update a user for each file; returns their names. Raises UsersError, OSError or a KafkaError."""
    passwords = {path.name: path.read_text(encoding="utf-8").strip() for path in sorted(directory.iterdir())}
    for user, password in passwords.items():
        if not password:
            raise UsersError(f"{directory / user} is empty: run deploy/compose_secrets.py again")
    mechanism = SaslMechanism.SCRAM_SHA_512.value
    wanted = [UserScramCredentialUpsertion(user, mechanism, password) for user, password in passwords.items()]
    failed = {user: error for user, error in admin.alter_user_scram_credentials(wanted).items() if error}
    if failed:
        raise UsersError("; ".join(f"{user}: {error}" for user, error in failed.items()))
    return list(passwords)


def main(directory: Path = SECRETS) -> int:
    """Exit status 0, or 1 after one line."""
    try:
        settings = Settings.load()
        admin = open_admin(kafka_python_options(settings), _CONNECT_S)
        try:
            users = ensure(admin, directory)
        finally:
            admin.close()
    except (SettingsError, UsersError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KafkaError as error:
        print(f"Error: broker {settings.broker}: {error}", file=sys.stderr)
        return 1
    print(f"users with the password of their secret: {', '.join(users)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
