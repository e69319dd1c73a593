"""Signatures by Standard Webhooks, and secrets that never show."""

import pytest

from agents.settings import Settings
from apps.integrations.webhook.signing import SecretError, Signer, load_signer


def test_signatures_match_the_published_vector_of_standard_webhooks():
    # https://github.com/standard-webhooks/standard-webhooks, test of the reference libraries.
    signer = load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}))
    signed = signer.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_secret_of_the_file_signs(tmp_path):
    file = tmp_path / "secrets"
    file.write_text("n" * 32 + "\n" + "o" * 32 + "\n")
    both = load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET_FILE": str(file)})).signature("id", 1, b"body").split()
    assert both == [Signer((key * 32,)).signature("id", 1, b"body") for key in (b"n", b"o")]


def test_no_repr_or_error_contains_a_secret():
    secret = "not-for-any-eyes-at-all-really"
    assert secret not in repr(load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET": secret})))
    for text in (secret[:20], "whsec_" + secret):
        with pytest.raises(SecretError) as caught:
            load_signer(Settings.load({"SIAGA_WEBHOOK_SECRET": text}))
        assert text not in str(caught.value) and secret not in str(caught.value)
