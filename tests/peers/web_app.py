# SPDX-License-Identifier: ISC
"""GET anything answers "pong", on Python's HTTP servers: as app (WSGI), as asgi (ASGI), and with
"web_app.py tornado|aiohttp|werkzeug port" on those. Each writes a line of its log per request."""

import logging
import sys


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"pong"]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"pong"})


def serve_tornado(port):
    from tornado import ioloop, log, web

    class Pong(web.RequestHandler):
        def get(self):
            self.write("pong")

    log.enable_pretty_logging()
    web.Application([(".*", Pong)]).listen(port, "127.0.0.1")
    ioloop.IOLoop.current().start()


def serve_aiohttp(port):
    from aiohttp import web

    async def pong(request):
        return web.Response(text="pong")

    logging.basicConfig(level=logging.INFO)
    site = web.Application()
    site.add_routes([web.get("/{tail:.*}", pong)])
    web.run_app(site, host="127.0.0.1", port=port, print=None)


def serve_werkzeug(port):
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    servers = {"tornado": serve_tornado, "aiohttp": serve_aiohttp, "werkzeug": serve_werkzeug}
    servers[sys.argv[1]](int(sys.argv[2]))
