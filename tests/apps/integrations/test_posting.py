"""Answers, pauses and signatures, without a network."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.settings import Settings
from apps.integrations.webhook.posting import BACKOFF_MOST_S, RETRY_AFTER_MOST_S, Outcome, answer_of, pause_s
from apps.integrations.webhook.signing import SecretError, Signer, load_signer
from apps.integrations.webhook.target import TargetError, load_target, target_of

NOW_S = 1_732_670_000.0


@given(st.integers(200, 599))
def test_every_status_is_taken_refused_or_tried_again(status: int):
    outcome = answer_of(status, None).outcome
    assert (outcome is Outcome.TAKEN) == (status < 300)
    assert (outcome is Outcome.AGAIN) == (status >= 500 or status in (408, 425, 429))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("99999999999999", RETRY_AFTER_MOST_S),
        (email.utils.formatdate(NOW_S + 30, usegmt=True), 30),
        (email.utils.formatdate(NOW_S - 30, usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str | None, seconds: float | None):
    assert answer_of(503, header, lambda: NOW_S).retry_after_s == seconds


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, RETRY_AFTER_MOST_S))
def test_pauses_grow_to_a_bound_and_are_never_shorter_than_asked_for(tries: int, chance: float, asked: float | None):
    pause = pause_s(tries, asked, lambda: chance)
    assert 0.5 <= pause <= max(BACKOFF_MOST_S, asked or 0)
    assert pause >= (asked or 0)
    assert asked is not None or pause_s(tries + 1, None, lambda: chance) >= pause


def test_a_signature_by_the_published_example_of_standard_webhooks():
    # https://github.com/standard-webhooks/standard-webhooks, test of the reference libraries.
    signer = load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}))
    signed = signer.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_of_the_file_signs_so_that_one_can_be_changed(tmp_path):
    file = tmp_path / "secrets"
    file.write_text("n" * 32 + "\n" + "o" * 32 + "\n")
    both = load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET_FILE": str(file)})).signature("id", 1, b"body").split()
    assert both == [Signer((key * 32,)).signature("id", 1, b"body") for key in (b"n", b"o")]


def test_a_secret_is_shown_nowhere():
    secret = "not-for-any-eyes-at-all-really"
    assert secret not in repr(load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET": secret})))
    for text in (secret[:20], "whsec_" + secret):
        with pytest.raises(SecretError) as caught:
            load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET": text}))
        assert text not in str(caught.value) and secret not in str(caught.value)


def test_what_is_logged_of_a_url_leaves_out_path_and_query_and_the_name_is_the_url_s_own():
    one, other = (target_of(f"https://example.org:8443/{token}?key={token}", False) for token in ("aaa", "bbb"))
    assert one.shown == other.shown == "https://example.org:8443" and one.name != other.name
    assert "aaa" not in one.name and "aaa" not in f"{one} {one!r}"


def test_a_url_comes_from_the_flag_or_else_from_the_file_or_the_variable(tmp_path):
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
def test_a_file_that_is_no_good_is_one_line_that_names_it_and_not_what_is_in_it(
    tmp_path, content: bytes | None, said: str
):
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TargetError) as caught:
        load_target(None, Settings.load({"SIAGA_WEBHOOK_URL_FILE": str(file)}), False)
    text = str(caught.value)
    assert text.startswith("SIAGA_WEBHOOK_URL_FILE: ") and said in text
    assert "\n" not in text and "token" not in text


def test_two_urls_or_none_are_asked_about():
    for environ in ({}, {"SIAGA_WEBHOOK_URL": "https://a/", "SIAGA_WEBHOOK_URL_FILE": "/b"}):
        with pytest.raises(TargetError, match="exactly one is needed"):
            load_target(None, Settings.load(environ), False)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.8.8.8"])
def test_plain_http_is_for_this_machine(host: str):
    assert target_of(f"http://{host}:80/x", False).shown == f"http://{host}:80"
