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

	const wren = await clarionCore.open({});
	const words = await wren.call("register", { server, name: "wren" });
	if (words.length !== 24) throw new Error("the sheet has other words: " + words.length);
	console.log("registered", (await wren.call("whoAmI")).handle);

	const second = await clarionCore.open({});
	await second.call("register", { server, name: "wren" }).then(
		() => { throw new Error("one name was given twice"); },
		(e) => console.log("refused with", e.code),
	);
	await second.close();
	await second.call("whoAmI").then(
		() => { throw new Error("a closed core answers"); },
		(e) => console.log("after close", e.code),
	);

	const conversation = await wren.call("accept", { linkOrHandle: link });
	await wren.call("listen");
	await wren.call("send", { conversation: conversation.id, text: "from the browser: é 漢 🎺" });
	await wren.call("flush");

	for (;;) {
		const event = await wren.next();
		if (event === null) throw new Error("the core ended");
		if (event.event === "problem") throw new Error(event.code + ": " + event.text);
		if (event.event !== "message_arrived") continue;
		const { message } = event;
		console.log("got", message.text);
		await wren.call("markRead", { conversation: message.conversation, seq: message.seq });
		await wren.call("settle");
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
