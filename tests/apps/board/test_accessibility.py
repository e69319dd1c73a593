"""axe-core finds no violation: light and dark, map and table, an open regency, phone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.apps.board.chromium import chromium_page
from tests.apps.board.records import escalation
from tests.apps.board.test_page import mixed_rows, opened

AXE_VERSION = "4.14.1"
INSTALL_S = 90
RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
    .map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.target + ' ' + n.any[0]?.message).join(' | '))"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The source of axe.min.js: the file SIAGA_TEST_AXE, else installed by npm."""
    if given := os.environ.get("SIAGA_TEST_AXE"):
        return Path(given).read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core needs npm (or SIAGA_TEST_AXE=path of axe.min.js)")
    home = tmp_path_factory.mktemp("axe")
    install = [npm, "install", "--prefix", str(home), "--no-audit", "--no-fund", f"axe-core@{AXE_VERSION}"]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm could not install axe-core: {type(error).__name__}")
    return (home / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
async def test_axe_finds_no_violation(running, axe, scheme, width):
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "reduced_motion": "reduce"}
    async with chromium_page(bypass_csp=True, **look) as page:
        await running.load(
            rows=mixed_rows(),
            escalations=[escalation("16.71"), escalation("16.01", level="awas", unverified=False)],
            provinces=[{"province": "16", "level": "waspada", "score": 30, "not_live": ["16.01"]}],
        )
        await opened(page, running)
        await page.evaluate(axe)
        assert await page.evaluate(RUN) == [], "map"
        await page.evaluate("location.hash = '16.71'")
        await page.wait_for_selector("#detail .parts")
        assert await page.evaluate(RUN) == [], "a regency"
        await page.keyboard.press("Escape")
        await page.keyboard.press("v")
        await page.wait_for_selector("#table table")
        assert await page.evaluate(RUN) == [], "table"
        await page.keyboard.press("?")
        assert await page.evaluate(RUN) == [], "help"


async def test_reduced_motion_stops_all_animations(running):
    async with chromium_page(reduced_motion="reduce") as page:
        await running.load(rows=mixed_rows())
        await opened(page, running)
        assert await page.evaluate("document.getAnimations().length") == 0
