"""The room's page says of whom the ruleset asks what: its table of routes and its thresholds are the ruleset's."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "panduan.md").read_text(encoding="utf-8")
RULES = tomllib.loads((ROOT / "schemas" / "rulesets" / "sumsel-pilkada-2024.toml").read_text(encoding="utf-8"))

CATEGORIES = {
    "logistik": "logistics",
    "administrasi": "administration",
    "integritas data": "data_integrity",
    "hak pilih": "eligibility",
    "politik uang": "money_politics",
    "netralitas": "neutrality",
    "disinformasi": "disinformation",
    "intimidasi": "intimidation",
    "bentrokan": "clash",
    "perusakan": "property_attack",
    "korban jiwa": "fatality",
    "bencana alam": "natural_hazard",
    "unjuk rasa": "protest",
}
OTHERS = {"angka partisipasi yang janggal": "turnout", "laporan berhenti masuk": "silence"}
WHEN_GRAVE = " bila berat"


def routes() -> dict[str, list[str]]:
    """By what the table's first column names: the words of its second column."""
    section = PAGE.partition("## Siapa yang perlu tahu")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!jenis|-)(.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {name: re.split(r", |; ", row[1]) for row in rows for name in re.split(r", |; ", row[0])}


def in_words(authorities: list[str]) -> list[str]:
    """The ruleset's authorities as the page calls them."""
    names = {"police": "polisi", "governor": "gubernur", "gakkumdu": "Gakkumdu", "kominda": "Kominda"}
    names |= {"bawaslu": "Bawaslu"}
    return [names.get(authority, authority.upper()) for authority in authorities]


def test_each_category_is_routed_as_the_ruleset_says():
    assert set(CATEGORIES.values()) == set(RULES["categories"])
    for name, category in CATEGORIES.items():
        rule = RULES["categories"][category]
        if rule["factor"]["value"] == 0:  # weighs nothing, so no escalation names it
            continue
        grave = [f"{word}{WHEN_GRAVE}" for word in in_words(rule.get("grave_routes", []))]
        assert routes()[name] == in_words(rule["routes"]) + grave, name


def test_turnout_silence_and_the_province_are_routed_as_the_ruleset_says():
    for name, section in OTHERS.items():
        assert routes()[name] == in_words(RULES[section]["routes"]), name
    (province,) = (found for name, found in routes().items() if name.startswith("provinsi"))
    assert province == in_words(RULES["province"]["routes"])


def test_the_thresholds_are_the_rulesets():
    for level in ("waspada", "siaga", "awas"):
        points = RULES["ladder"][level]["raise_at"]["value"]
        assert re.search(rf"^\| \S {level.capitalize()} \| .*skor {points} atau lebih \|$", PAGE, re.MULTILINE), level
