"""A server on the loopback that hands out one file, and breaks off when told to."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "birds.tar.gz"
DATED = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}


class Host:
    """A loopback server with one file; it may break off, and notes which ranges it was asked for."""

    def __init__(self) -> None:
        self.body, self.dated, self.ranges = b"", dict(DATED), True
        self.cut: list[int] = []
        self.asked: list[str | None] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.answer(self)

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/data/{NAME}"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        wanted = to.headers.get("Range")
        self.asked.append(wanted)
        if not to.path.endswith(NAME):
            to.send_error(404)
            return
        begin, total = 0, len(self.body)
        same = to.headers.get("If-Range") == self.dated.get("Last-Modified", "none")
        if wanted and self.ranges and same:
            begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        if begin >= total:
            to.send_response(416)
            to.send_header("Content-Range", f"bytes */{total}")
            to.send_header("Content-Length", "0")
            to.end_headers()
            return
        to.send_response(206 if begin else 200)
        if begin:
            to.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        for key, value in self.dated.items():
            to.send_header(key, value)
        to.send_header("Content-Length", str(total - begin))
        to.end_headers()
        end = begin + self.cut.pop(0) if self.cut else total
        to.wfile.write(self.body[begin:end])
