// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"clarion.chat/clarion/wire"
)

type versionCommand struct{}

// Help explains the command.
func (versionCommand) Help() string {
	return `Prints the program's version and the protocol version it speaks.

Example:

    $ clarion version`
}

// Run carries out the command.
func (*versionCommand) Run(inv *invocation) error {
	version := "built from source"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		version = b.Main.Version
	}
	if inv.json {
		return writeJSON(inv.out, versionShape{Version: version, Protocol: wire.Version, Go: runtime.Version()})
	}
	_, err := fmt.Fprintf(inv.out, "clarion %s, protocol %d, %s\n", version, wire.Version, runtime.Version())
	return err
}
