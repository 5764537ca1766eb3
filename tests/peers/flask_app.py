# SPDX-License-Identifier: ISC
"""The service as a Flask application on werkzeug's threaded server, which closes each
connection after its reply. Prints its URL once it listens."""

import logging
import time

from flask import Flask, Response, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)


@app.get("/ping")
def ping():
    return jsonify(response="pong")


@app.post("/echo")
def echo():
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.post("/upload")
@app.post("/upload-file")
def upload():
    size = 0
    while block := request.stream.read(1 << 16):
        size += len(block)
    return jsonify(size=size)


@app.get("/download/<int:size>")
def download(size):
    return Response(b"x" * size, mimetype="application/octet-stream")


@app.get("/download-file/<int:size>")
def download_file(size):
    return Response(b"\0" * size, mimetype="application/octet-stream")


@app.get("/compute/<int:n>")
def compute(n):
    return jsonify(result=sum(i * i for i in range(n)))


@app.get("/sleep/<float(signed=False):s>")
@app.get("/sleep/<int:s>")
def sleep(s):
    time.sleep(s)
    return jsonify(duration=s)


@app.post("/upload-file-chunked")
def upload_chunked():
    return jsonify(size=sum(len(bytes.fromhex(c)) for c in request.get_json()["chunks"]))


def pieces(size, chunk):
    for at in range(0, size, chunk):
        yield b"\0" * min(chunk, size - at)


@app.get("/download-file-chunked/<int:size>/<int:chunk>")
def download_chunked(size, chunk):
    return jsonify(chunks=[piece.hex() for piece in pieces(size, chunk)])


@app.get("/download-stream/<int:size>/<int:chunk>")
def download_stream(size, chunk):
    return Response(pieces(size, chunk), mimetype="application/octet-stream")


def main():
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
