// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import "syscall/js"

// main exposes globalThis.clarionCore, whose open makes a core, and stays for
// as long as the worker does.
func main() {
	entry := js.Global().Get("Object").New()
	entry.Set("open", js.FuncOf(func(js.Value, []js.Value) any { return open() }))
	js.Global().Set("clarionCore", entry)
	select {}
}
