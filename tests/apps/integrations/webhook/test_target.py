"""Where the URL comes from, which URLs are allowed, and what of one may be logged."""

import pytest

from agents.settings import Settings
from apps.integrations.webhook.target import TargetError, load_target, parse_target


def test_the_shown_target_has_no_path_or_query_and_its_name_is_unique_to_the_url():
    one, other = (parse_target(f"https://example.org:8443/{token}?key={token}", False) for token in ("aaa", "bbb"))
    assert one.shown == other.shown == "https://example.org:8443" and one.name != other.name
    assert "aaa" not in one.name and "aaa" not in f"{one} {one!r}"


def test_the_flag_takes_precedence_over_file_and_variable(tmp_path):
    file = tmp_path / "url"
    file.write_text("https://of-the-file/x\n")
    by_file, by_variable = {"SIAGA_WEBHOOK_URL_FILE": str(file)}, {"SIAGA_WEBHOOK_URL": " https://of-the-variable/x "}
    assert load_target(None, Settings.load(by_file), False).url == "https://of-the-file/x"
    assert load_target(None, Settings.load(by_variable), False).url == "https://of-the-variable/x"
    assert (
        load_target("https://of-the-flag/", Settings.load(by_file | by_variable), False).url == "https://of-the-flag/"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"https://a/token https://b/token", "more than one URL"),
        (b"https://\xff/token", "not UTF-8"),
        (b"ftp://a/token", "only http and https"),
        (b"https://a:token/", "port"),
        (None, "No such file"),
    ],
)
def test_an_invalid_url_file_is_one_line_without_its_content(tmp_path, content: bytes | None, said: str):
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TargetError) as caught:
        load_target(None, Settings.load({"SIAGA_WEBHOOK_URL_FILE": str(file)}), False)
    text = str(caught.value)
    assert text.startswith("SIAGA_WEBHOOK_URL_FILE: ") and said in text
    assert "\n" not in text and "token" not in text


def test_file_and_variable_together_or_neither_is_an_error():
    for environ in ({}, {"SIAGA_WEBHOOK_URL": "https://a/", "SIAGA_WEBHOOK_URL_FILE": "/b"}):
        with pytest.raises(TargetError, match="exactly one is needed"):
            load_target(None, Settings.load(environ), False)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.8.8.8"])
def test_plain_http_is_allowed_to_loopback(host: str):
    assert parse_target(f"http://{host}:80/x", False).shown == f"http://{host}:80"
