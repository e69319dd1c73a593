"""The screenshots of README and docs/board.md, from a board that runs. Made by hand whenever the page
or the model changes.

./siaga up --fresh                                        # elsewhere; wait until a regency is at siaga or awas
python -m tests.apps.board.screenshots [http://127.0.0.1:8080/]
"""

import asyncio
from pathlib import Path

import click

from tests.apps.board.chromium import chromium_page

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
READY = "html[data-ready=true]"
WORST = """() => [...document.querySelectorAll('.tile[data-score]')]
    .sort((a, b) => b.dataset.score - a.dataset.score)[0].dataset.code"""


async def _take(url: str) -> None:
    for name, scheme, width, with_regency in (
        ("board-dark", "dark", 1440, False),
        ("board-regency", "light", 1440, True),
        ("board-phone", "dark", 390, False),
    ):
        look = {"color_scheme": scheme, "viewport": {"width": width, "height": 900 if width > 1000 else 844}}
        async with chromium_page(reduced_motion="reduce", **look) as page:
            await page.goto(url)
            await page.wait_for_selector(READY)
            if with_regency:
                await page.goto(url + "#" + await page.evaluate(WORST))
                await page.wait_for_selector("#detail .parts")
            await page.screenshot(path=IMAGES / f"{name}.png")


@click.command()
@click.argument("url", default="http://127.0.0.1:8080/")
def main(url: str) -> None:
    """Take the pictures of the board at URL."""
    asyncio.run(_take(url))


if __name__ == "__main__":
    main()
