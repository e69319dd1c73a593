"""The page's own files, held in memory: served with an ETag and, where the browser accepts it, gzip.

One of them is generated: `/static/js/words.js` holds the vocabulary and the words of the catalogue, both languages.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from apps.language.catalogue import LANGUAGES, words_in
from schemas.vocabulary import DATA_STATUSES, LEVELS

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


WORDS_URL = "/static/js/words.js"
#: The tables of the catalogue that the page reads.
TABLES = (
    "level", "change", "reason", "component", "category", "status", "data_status", "excluded", "authority", "place",
    "page",
)  # fmt: skip


@dataclass(frozen=True)
class StaticFile:
    """A file's bytes, plain and compressed, with its headers."""

    body: bytes
    compressed: bytes
    etag: str
    content_type: str

    async def respond(self, request: web.Request) -> web.Response:
        """The file, or 304 when the browser has this version already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = self.content_type
        if accepts_gzip(request):
            return web.Response(body=self.compressed, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=self.body, headers=headers)


def load_static_files(folder: Path = STATIC) -> dict[str, StaticFile]:
    """Every file of a known type by its URL path, `/` for index.html, and the module of words."""
    files = {WORDS_URL: _static_file(words_module(build_of(folder)).encode(), ".js")}
    for path in _sources(folder):
        url = "/" if path.name == "index.html" else "/static/" + path.relative_to(folder).as_posix()
        files[url] = _static_file(path.read_bytes(), path.suffix)
    return files


def build_of(folder: Path = STATIC) -> str:
    """Differs when a file or a word of the page differs: a page of another build loads itself again."""
    digest = hashlib.sha256(words_module().encode())
    for path in _sources(folder):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _sources(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in TYPES]


def words_module(build: str = "") -> str:
    """An ES module: the build, the closed sets that the page draws, and by language the tables that it reads."""
    words = {language: {table: words_in(language).tables[table] for table in TABLES} for language in LANGUAGES}
    exports = {"BUILD": build, "LEVELS": LEVELS, "DATA_STATUSES": DATA_STATUSES, "WORDS": words}
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in exports.items())


def _static_file(body: bytes, suffix: str) -> StaticFile:
    etag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
    return StaticFile(body, gzip.compress(body, 9, mtime=0), etag, TYPES[suffix])


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client lists gzip with a weight above 0 in Accept-Encoding (RFC 9110, 12.5.3)."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
