"""Laws of the hosts that a board answers to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.settings import Settings, SettingsError
from apps.board.allowed_hosts import AllowedHosts

HERE = ("10.1.2.3", 8080)
NAMED = AllowedHosts("siaga.example.org,board:9000,[fd00::1]:9000", "0.0.0.0")
OWN = ["localhost:8080", "LocalHost:8080", "localhost.:8080", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3:8080"]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example:8080",
    "127.0.0.1.evil.example:8080",
    "evil.example:8080@localhost:8080",
    "localhost:8080 evil.example",
    "localhost:8080,evil.example",
    "localhost:8081",
    "localhost",
    "127.1:8080",
    "10.1.2.4:8080",
    "0.0.0.0",
    "[::1",
    "[::2]:8080",
    "",
    ":8080",
]


@pytest.mark.parametrize("host", OWN)
def test_loopback_and_the_address_reached_are_its_own_at_its_port(host: str):
    assert NAMED.admits(host, HERE) and AllowedHosts("", "10.1.2.3").admits(host, HERE)


@pytest.mark.parametrize("host", FOREIGN)
def test_every_other_host_is_foreign(host: str):
    assert not NAMED.admits(host, HERE)


@given(st.text(max_size=40))
def test_no_text_but_those_few_is_admitted(text: str):
    bare = text.strip().lower().removesuffix(".")
    assert not AllowedHosts("", "127.0.0.1").admits(text, HERE) or "localhost" in bare or "127.0.0.1" in bare


def test_at_port_80_its_own_names_need_no_port():
    assert NAMED.admits("localhost", ("10.1.2.3", 80)) and not NAMED.admits("localhost:8080", ("10.1.2.3", 80))


@pytest.mark.parametrize(
    ("host", "is_admitted"),
    [
        ("siaga.example.org", True),
        ("SIAGA.example.org:443", True),
        ("sub.siaga.example.org", False),
        ("board:9000", True),
        ("board", False),
        ("board:9001", False),
        ("[fd00:0::1]:9000", True),
    ],
)
def test_a_name_that_is_set_is_admitted_at_its_port_or_at_any(host: str, is_admitted: bool):
    assert NAMED.admits(host, HERE) is is_admitted


@pytest.mark.parametrize(
    ("origin", "is_admitted"),
    [
        ("http://localhost:8080", True),
        ("https://siaga.example.org", True),
        ("http://localhost:3000", False),
        ("http://localhost", False),
        ("https://localhost:8080", True),
        ("http://evil.example", False),
        ("file://localhost:8080", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_is_judged_like_a_host(origin: str, is_admitted: bool):
    assert NAMED.admits_origin(origin, HERE) is is_admitted


@pytest.mark.parametrize("text", ["http://siaga.example.org", "a b", "siaga.example.org:0", "a:70000", "::1"])
def test_a_setting_that_names_no_host_is_one_line(text: str):
    with pytest.raises(SettingsError, match=r"^SIAGA_BOARD_HOSTS: .* is not name or name:port") as caught:
        Settings.load({"SIAGA_BOARD_HOSTS": text})
    assert "\n" not in str(caught.value)


def test_names_are_kept_in_lower_case_without_blanks_and_empty_ones():
    assert Settings.load({"SIAGA_BOARD_HOSTS": "A.example, B:80,"}).board_hosts == "a.example,b:80"
