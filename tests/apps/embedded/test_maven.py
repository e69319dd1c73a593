"""Downloading jars from a local HTTPS server: which CAs are trusted, and that an error names its cause."""

import functools
import hashlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.embedded import BrokerError, jars
from apps.embedded.jars import Jar, fetch_jars
from apps.embedded.ports import free_port
from tests.security.certificates import Authority

CONTENT = b"a jar" * 1000
JAR = Jar("org.example", "thing", "1.0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def repository(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A repository with one jar behind a certificate that only `authority` vouches for."""
    path = tmp_path / "repository/org/example/thing/1.0/thing-1.0.jar"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setattr(jars, "locked_jars", lambda: (JAR,))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", "127.0.0.1"))
    handler = functools.partial(Handler, directory=str(tmp_path / "repository"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # The handshake is the connection's thread's: while it waits for one client, others are accepted.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"local": f"https://127.0.0.1:{server.server_port}"}
        server.shutdown()


def test_a_ca_of_the_systems_store_is_trusted(
    tmp_path: Path, repository: dict[str, str], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))  # OpenSSL reads it in place of the system's file
    progress: list[tuple[int, int]] = []
    (path,) = fetch_jars(tmp_path / "jars", lambda done, total: progress.append((done, total)), repository)
    assert path.read_bytes() == CONTENT
    assert progress[-1] == (len(CONTENT), len(CONTENT))


def test_an_untrusted_certificate_is_a_tls_error_that_says_why(tmp_path: Path, repository: dict[str, str]) -> None:
    said = r"^cannot download thing-1.0.jar [^\n]*TLS error[^\n]*not trusted: [^\n]*certificate[^\n]*SSL_CERT_FILE$"
    with pytest.raises(BrokerError, match=said):
        fetch_jars(tmp_path / "jars", repositories=repository)
    assert list((tmp_path / "jars").glob("*.jar")) == []


def test_a_server_without_tls_is_a_tls_error_too(tmp_path: Path, repository: dict[str, str]) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(BrokerError, match="TLS error: "):
            fetch_jars(tmp_path / "jars", repositories={"plain": f"https://127.0.0.1:{server.server_port}"})
        server.shutdown()


def test_a_repository_that_does_not_answer_is_no_network(tmp_path: Path, repository: dict[str, str]) -> None:
    with pytest.raises(BrokerError, match="^[^\n]*no network[^\n]*$"):
        fetch_jars(tmp_path / "jars", repositories={"gone": f"https://127.0.0.1:{free_port()}"})


def test_a_missing_jar_and_a_wrong_checksum_are_different_errors(
    tmp_path: Path, repository: dict[str, str], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    monkeypatch.setattr(jars, "locked_jars", lambda: (JAR, Jar("org.example", "other", "1.0", 1, "")))
    with pytest.raises(BrokerError, match="does not serve other-1.0.jar"):
        fetch_jars(tmp_path / "a", repositories=repository)
    monkeypatch.setattr(jars, "locked_jars", lambda: (Jar("org.example", "thing", "1.0", len(CONTENT), "0"),))
    with pytest.raises(BrokerError, match="checksum"):
        fetch_jars(tmp_path / "b", repositories=repository)
