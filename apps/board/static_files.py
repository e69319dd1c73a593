"""The page's own files, read once into memory; served with an ETag and, where the browser accepts it, gzip."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


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
    """Every file of a known type by its URL path, `/` for index.html."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES:
            url = "/" if path.name == "index.html" else "/static/" + path.relative_to(folder).as_posix()
            files[url] = _load(path)
    return files


def _load(path: Path) -> StaticFile:
    body = path.read_bytes()
    etag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
    return StaticFile(body, gzip.compress(body, 9, mtime=0), etag, TYPES[path.suffix])


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client lists gzip with a weight above 0 in Accept-Encoding (RFC 9110, 12.5.3)."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
