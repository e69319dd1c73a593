"""Signatures by the Standard Webhooks specification (standardwebhooks.com, symmetric `v1`), which receivers can check
with any of its libraries: HMAC-SHA256 over `id.timestamp.body`, base64."""

import base64
import binascii
import hashlib
import hmac

from agents.settings import Settings

SECRET_FILE_VARIABLE = "SIAGA_WEBHOOK_SECRET_FILE"
SECRET_VARIABLE = "SIAGA_WEBHOOK_SECRET"
ENCODED_PREFIX = "whsec_"
KEY_BYTES_MIN = 24  # of the same specification


class SecretError(ValueError):
    """The secret is missing or invalid. One line, never with the secret in it."""


class Signer:
    """Signs with each of its keys; there are several while a secret is being rotated."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    def __repr__(self) -> str:
        return f"Signer({len(self._keys)} keys)"

    def signature(self, message_id: str, timestamp_s: int, body: bytes) -> str:
        """The value of the header `webhook-signature`: one `v1,<base64>` per key, separated by spaces."""
        signed = f"{message_id}.{timestamp_s}.".encode() + body
        macs = (hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys)
        return " ".join("v1," + base64.b64encode(mac).decode() for mac in macs)


def load_signer(settings: Settings) -> Signer:
    """From the file (one secret a line, all of them sign) or the variable. Raises SecretError."""
    path, secret = settings.webhook_secret_file, settings.webhook_secret
    if (path is None) == (secret is None):
        raise SecretError(f"{SECRET_FILE_VARIABLE} or {SECRET_VARIABLE}: exactly one is needed")
    if secret is not None:
        return Signer((_key(secret.get_secret_value(), SECRET_VARIABLE),))
    assert path is not None
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SecretError(f"{SECRET_FILE_VARIABLE}: {path}: {reason}") from None
    if not lines:
        raise SecretError(f"{SECRET_FILE_VARIABLE}: {path}: empty")
    return Signer(tuple(_key(line, SECRET_FILE_VARIABLE) for line in lines))


def _key(text: str, variable: str) -> bytes:
    """The key from `whsec_` and its base64, or from plain text."""
    key = text.encode()
    if text.startswith(ENCODED_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(ENCODED_PREFIX), validate=True)
        except binascii.Error:
            raise SecretError(f"{variable}: not base64 after {ENCODED_PREFIX}") from None
    if len(key) < KEY_BYTES_MIN:
        raise SecretError(f"{variable}: {len(key)} bytes; a secret has at least {KEY_BYTES_MIN}")
    return key
