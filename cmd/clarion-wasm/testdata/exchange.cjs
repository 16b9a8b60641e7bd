// SPDX-License-Identifier: AGPL-3.0-or-later

// Runs the core as a browser would: registers, opens an invite link, writes,
// and waits for the answer. Arguments: wasm_exec.js, core.wasm, server, link.
"use strict";

const [wasmExec, core, server, link] = process.argv.slice(2);
globalThis.crypto ??= require("crypto").webcrypto;
require(require("path").resolve(wasmExec));

// An unhandled rejection or a lost core must not look like success.
process.exitCode = 1;

async function main() {
	const go = new Go();
	const { instance } = await WebAssembly.instantiate(require("fs").readFileSync(core), go.importObject);
	go.run(instance);

	// The event loop must turn while the core works.
	let turns = 0;
	const turning = setInterval(() => turns++, 1);

	const wren = clarionCore.open();
	await wren.register(server, "wren");
	console.log("registered", (await wren.whoami()).handle);

	const second = clarionCore.open();
	await second.register(server, "wren").then(
		() => { throw new Error("one name was given twice"); },
		(e) => console.log("refused with", e.code),
	);
	await second.close();

	const conversation = await wren.accept(link);
	await wren.listen();
	await wren.send(conversation.id, "from the browser: é 漢 🎺");
	await wren.flush();

	for (;;) {
		const event = await wren.next();
		if (event === null) throw new Error("the core ended");
		if (event.event === "problem") throw new Error(event.code + ": " + event.text);
		if (event.event !== "message_arrived") continue;
		console.log("got", event.text);
		await wren.markRead(event.conversation, event.seq);
		await wren.settle();
		break;
	}
	await wren.close();
	clearInterval(turning);
	if (turns < 10) throw new Error("the event loop stood still");
	process.exit(0);
}

main().catch((e) => {
	console.error(e);
	process.exit(1);
});
