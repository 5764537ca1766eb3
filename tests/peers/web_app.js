// SPDX-License-Identifier: ISC
// "node web_app.js port": GET anything answers "pong"; a line of stdout per request.
const fs = require("fs");
require("http")
	.createServer((request, response) => {
		fs.writeSync(1, request.method + " " + request.url + " \n");
		response.setHeader("Content-Length", 4);
		response.end("pong");
	})
	.listen(Number(process.argv[2]), "127.0.0.1");
