// SPDX-License-Identifier: AGPL-3.0-or-later

// Package web holds the built web app inside the server's program: what the
// build left in web/dist, or nothing in a fresh clone.
package web

import (
	"embed"
	"io/fs"
)

// dist is read only. The folder stands in every clone, so that the package
// compiles before the app was ever built; all: takes the file that keeps it.
//
//go:embed all:dist
var dist embed.FS

// Files returns the built app, with index.html at its root if it was built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: the embedded folder has no valid name")
	}
	return files
}
