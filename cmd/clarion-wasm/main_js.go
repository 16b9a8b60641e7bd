// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import "syscall/js"

// main exposes globalThis.clarionCore and stays for as long as the worker does.
func main() {
	js.Global().Set("clarionCore", entry())
	select {}
}
