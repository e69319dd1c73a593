"""A real headless Chromium, from the system's packages. Tests that need it skip where it is absent."""

import contextlib
import shutil
from collections.abc import AsyncIterator

import pytest

playwright = pytest.importorskip("playwright.async_api", reason="the Python package playwright is not installed")

TIMEOUT_MS = 45_000


@contextlib.asynccontextmanager
async def chromium_page(expected_errors=(), **context) -> AsyncIterator["playwright.Page"]:
    """A page of its own; any error on its console fails the test that used it, but for those that it expects."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            page = await (await browser.new_context(locale="en-GB", timezone_id="Asia/Jakarta", **context)).new_page()
            page.set_default_timeout(TIMEOUT_MS)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if _is_bad(message) else None)
            yield page
            assert not [error for error in errors if not any(part in error for part in expected_errors)]
        finally:
            await browser.close()


def _is_bad(message) -> bool:
    """Errors, except those about a connection that a test closed."""
    return message.type == "error" and "net::ERR_" not in message.text and "Failed to load resource" not in message.text
