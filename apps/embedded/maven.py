"""Download a file from the Maven repository over TLS, trusting the CAs of the system.

requests, and jgo with it, trusts only the CAs that certifi packages. Behind a proxy that inspects TLS the repository's
certificate is signed by a CA of the operator's, which is in the system's store (on Linux also: SSL_CERT_FILE)."""

import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
import truststore
from jgo.maven import MavenContext
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException, SSLError

from apps.embedded.home import BrokerError

CONNECTIONS = 6
_TRIES = 3
_RETRY_S = 0.5
_TIMEOUT_S = 30
_CHUNK_BYTES = 64 * 1024


class _SystemTrust(HTTPAdapter):
    """Verifies with the system's CAs beside those of certifi, which requests adds."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=_system_trust())

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=_system_trust())


def _system_trust() -> ssl.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class MavenRepository:
    """Maven Central, or the repositories given as URLs by name. Safe to use from several threads."""

    def __init__(self, repositories: Mapping[str, str] | None = None) -> None:
        self._context = MavenContext(remote_repos=None if repositories is None else dict(repositories), local_repos=[])
        self._session = requests.Session()
        self._session.mount("https://", _SystemTrust(pool_maxsize=CONNECTIONS))

    def download(self, group: str, artifact: str, version: str, target: Path, received: Callable[[int], None]) -> None:
        """Write the jar to `target`, calling `received` with the size of each part. Raises OSError for the disk,
        BrokerError for the network after some tries, and at once for TLS and for an answer other than 200."""
        jar = self._context.project(group, artifact).at_version(version).artifact()
        path = f"{jar.component.path_prefix.as_posix()}/{jar.filename}"
        for left in reversed(range(_TRIES)):
            try:
                if not any(self._get(f"{url}/{path}", target, received) for url in self._context.remote_repos.values()):
                    raise BrokerError(f"the Maven repository does not serve {jar.filename}")
                return
            except SSLError as error:
                raise BrokerError(f"cannot download {jar.filename} for the embedded Kafka: {_tls(error)}") from None
            except RequestException:
                if not left:
                    raise BrokerError(
                        f"cannot download {jar.filename} for the embedded Kafka: no network, or no route to the Maven"
                        " repository"
                    ) from None
                time.sleep(_RETRY_S)

    def _get(self, url: str, target: Path, received: Callable[[int], None]) -> bool:
        with self._session.get(url, stream=True, timeout=_TIMEOUT_S) as answer, target.open("wb") as file:
            if answer.status_code != requests.codes.ok:
                return False
            for part in answer.iter_content(_CHUNK_BYTES):
                file.write(part)
                received(len(part))
        return True


def _tls(error: BaseException) -> str:
    """The reason of a TLS failure, which requests and urllib3 wrap several times."""
    cause = _find_ssl_error(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"TLS error: the certificate of the Maven repository is not trusted: {cause.verify_message}; if a proxy"
            " inspects TLS, add its CA to the system's store or name its PEM file in SSL_CERT_FILE"
        )
    return f"TLS error: {cause.reason.replace('_', ' ').lower() if cause and cause.reason else error}"


def _find_ssl_error(error: object) -> ssl.SSLError | None:
    if isinstance(error, ssl.SSLError):
        return error
    if not isinstance(error, BaseException):
        return None
    inner = (getattr(error, "reason", None), *error.args, error.__cause__)
    return next((found for item in inner if (found := _find_ssl_error(item))), None)
