// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
)

const (
	output    = "web/src/core/generated.ts"
	catalogue = "web/messages/en/exposure.json"
	chosen    = "web/src/state/exposed.ts"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write() error {
	types, err := generate(".")
	if err != nil {
		return err
	}
	for file, text := range map[string]string{output: types, catalogue: exposureCatalogue(), chosen: exposureChoice()} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
