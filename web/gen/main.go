// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
)

const output = "web/src/core/generated.ts"

func main() {
	text, err := generate(".")
	if err == nil {
		err = os.WriteFile(output, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
