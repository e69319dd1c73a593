"""Answers to requests that fail: one plain line, never the text of an exception. That goes to the log."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LINES = {
    404: "the board has no such page; its page is at /",
    405: "the board is read-only: GET and HEAD only",
    500: "the board could not answer; its log says why",
}

log = logging.getLogger("siaga.board")


def plain_errors() -> Middleware:
    """For `web.Application`."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            line = LINES.get(error.status)
            if line is None:
                raise
            allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return web.Response(status=error.status, text=line + "\n", headers=allowed)
        except ConnectionError:
            raise
        except Exception:
            log.exception("a request for %s failed", request.rel_url.path[:80])
            return web.Response(status=500, text=LINES[500] + "\n")

    return answer
