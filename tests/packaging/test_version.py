"""One version: of the project, of the image in every manifest, and on top of the changelog."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
MANIFESTS = [ROOT / "docker-compose.yml", *(ROOT / "deploy" / "kubernetes").rglob("*.yaml")]


def test_manifests_name_the_image_of_this_version() -> None:
    tags = [tag for path in MANIFESTS for tag in re.findall(r"image: siaga:(\S+)", path.read_text(encoding="utf-8"))]
    assert len(tags) >= 4
    assert set(tags) == {VERSION}


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == VERSION
