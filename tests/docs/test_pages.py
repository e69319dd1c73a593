"""The pages for people: links lead somewhere, no page is lost, named paths exist, lines of prose end at column 120."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
FOLDERS = ("agents", "benchmarks", "schemas")
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS, *(page for name in FOLDERS for page in sorted((ROOT / name).rglob("*.md")))]
#: Written by a program, whose own test holds them; a field's description is one line there.
GENERATED = {ROOT / "docs" / "messages.md"}
#: The batching package is copied into other projects, so its page stands by itself and has its own rules.
OWN_RULES = GENERATED | {ROOT / "agents" / "batching" / "README.md"}
COLUMNS = 120

FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
IMAGE = re.compile(r"<img src=\"([^\"]+)\"")
PATH = re.compile(r"`((?:agents|apps|benchmarks|deploy|docs|examples|schemas|streams|tests|\.ci)/[\w.*/-]*)`")


def name(page: Path) -> str:
    """The page's path from the repository's root."""
    return page.relative_to(ROOT).as_posix()


@cache
def prose(page: Path) -> str:
    """The text without its fenced blocks, whose lines stay, empty."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    """What a link to a part of the page may name: headings as Git hosts write them, and explicit ids."""
    seen: dict[str, int] = {}
    found = set(re.findall(r"<a id=\"([^\"]+)\"", prose(page)))
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w -]", "", text).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return found


def targets(page: Path) -> list[tuple[Path, str]]:
    """(file, anchor) of each relative link of the page."""
    links = (link.partition("#") for link in [*LINK.findall(prose(page)), *IMAGE.findall(prose(page))])
    return [((page.parent / file).resolve() if file else page, anchor) for file, _, anchor in links]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_heading(page: Path):
    for file, anchor in targets(page):
        assert file.exists(), file
        assert not anchor or anchor in anchors(file), f"{name(file)}#{anchor}"


def test_every_page_can_be_reached_from_the_readme():
    reached, todo = {README}, [README]
    while todo:
        pages = {file for file, _ in targets(todo.pop()) if file.suffix == ".md" and file.is_file()}
        todo += pages - reached
        reached |= pages
    assert [name(page) for page in DOCS if page not in reached] == []


def test_every_page_for_operators_is_one_link_from_readme_or_index():
    linked = {file for page in (README, INDEX) for file, _ in targets(page)}
    assert [name(page) for page in DOCS if page.parent.name == "operating" and page not in linked] == []


def test_every_picture_is_shown_by_a_page():
    shown = {file for page in PAGES for file, _ in targets(page)}
    assert [name(file) for file in (ROOT / "docs" / "images").iterdir() if file not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_repository_path_in_backticks_exists(page: Path):
    for path in PATH.findall(prose(page)):
        assert any(ROOT.glob(path.rstrip("/"))), path


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OWN_RULES], ids=name)
def test_lines_of_prose_end_at_column_120(page: Path):
    lines = enumerate(prose(page).splitlines(), start=1)
    wide = [number for number, line in lines if len(line) > COLUMNS and not _is_exempt(line)]
    assert wide == []


def _is_exempt(line: str) -> bool:
    """Rows of tables, indented commands and lines that one unbreakable word makes long."""
    return line.lstrip().startswith("|") or line.startswith("    ") or max(map(len, line.split())) > COLUMNS - 20
