"""The page's own files, read once into memory: served with an ETag and, where the browser takes it, gzip."""

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
class Asset:
    body: bytes
    packed: bytes
    etag: str
    content_type: str

    def response(self, request: web.Request) -> web.Response:
        """The file, or 304 when the browser holds it already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = self.content_type
        if accepts_gzip(request):
            return web.Response(body=self.packed, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=self.body, headers=headers)


def load_assets(folder: Path = STATIC) -> dict[str, Asset]:
    """Every file of a known type by its URL path, `/` for index.html."""
    assets = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES:
            url = "/" if path.name == "index.html" else "/static/" + path.relative_to(folder).as_posix()
            assets[url] = _asset(path)
    return assets


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    etag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
    return Asset(body, gzip.compress(body, 9, mtime=0), etag, TYPES[path.suffix])


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client lists gzip and does not refuse it."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
