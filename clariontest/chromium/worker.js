// SPDX-License-Identifier: AGPL-3.0-or-later

// Runs one Go program in a dedicated Worker. What it prints goes out by
// synchronous requests, so that a line which was printed was also received,
// whatever happens to this worker next.
"use strict";

const at = "/run/" + self.location.hash.slice(1);

function post(path, body) {
	const request = new XMLHttpRequest();
	request.open("POST", at + path, false);
	try {
		request.send(body);
	} catch {
		// This worker is being terminated, or the host has gone.
	}
}

let exited = false;

function failed(error) {
	if (exited) return; // timers and answers that come after the program's end
	post("/output", "the program could not run: " + (error && error.stack || error) + "\n");
	post("/exit", "1");
}

self.addEventListener("error", (event) => failed(event.error || event.message));
self.addEventListener("unhandledrejection", (event) => failed(event.reason));

importScripts("/wasm_exec.js");

globalThis.fs.writeSync = (_, bytes) => {
	post("/output", bytes.slice());
	return bytes.length;
};

async function main() {
	const start = await (await fetch(at + "/start")).json();
	const go = new Go();
	go.argv = start.args;
	go.env = { ...start.env };
	go.exit = (status) => {
		exited = true;
		post("/exit", String(status));
	};
	const { instance } = await WebAssembly.instantiateStreaming(fetch(at + "/program"), go.importObject);
	await go.run(instance);
}

main().catch(failed);
