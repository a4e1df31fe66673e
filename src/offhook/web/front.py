"""The front page: what this server is, and where to go."""

from __future__ import annotations

from offhook.web.answer import HTML, TEXT, send_answer
from offhook.web.body import Send
from offhook.web.peer import Scope

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Offhook</title>
<h1>Offhook</h1>
<p>This is a telephone system that configures desk phones.</p>
<ul>
<li>Phones fetch their files below <code>/provision/</code>.
<li>Programs call the API below <code>/api/</code>: <a href="/api/docs">its manual</a>,
<a href="/api/status">status</a>,
<a href="/api/provisioning/diagnostics">what is wrong</a>.
<li>People on this machine use <code>offhook --help</code>.
</ul>
</html>
"""
_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
)


async def send_front(scope: Scope, send: Send) -> None:
    """Answer `/` with the page, and everything that nobody serves with a word."""
    is_bodiless = scope["method"] == "HEAD"
    if scope["method"] not in ("GET", "HEAD"):
        body, status, kind = b"only GET is served here; the API is below /api/\n", 405, TEXT
    elif scope["path"] == "/":
        body, status, kind = _PAGE.encode(), 200, HTML
    else:
        body, status, kind = (
            b"nothing is here; files for phones are below /provision/, the API below /api/\n",
            404,
            TEXT,
        )
    headers = [_POLICY] + ([(b"allow", b"GET, HEAD")] if status == 405 else [])
    await send_answer(send, status, b"" if is_bodiless else body, kind, headers, length=len(body))
