// SPDX-License-Identifier: AGPL-3.0-or-later

// Package calls is the table of what the browser may ask of the core and what
// the core tells it. Each entry is a Go function from a struct of parameters
// to a result: the program checks arguments against its types while it runs,
// and web/gen writes the TypeScript types of web/src/core/generated.ts from
// them. Nothing crosses that does not stand here.
//
// To let another method of the client cross, add its line to All; to let
// another event cross, its line to Events; then `go run ./web/gen`. Tests fail
// while one is missing or the TypeScript is older than the table.
//
// How types cross: a struct is an object with its exported fields in
// lowerCamelCase, those of embedded structs among them; a handle is a string
// name@host and empty for nobody, a time a number of milliseconds since 1970 and 0 when unset, a
// duration a number of milliseconds, bytes a Uint8Array, a nil pointer null, a
// nil slice an empty array, an integer a number of at most 2^53-1. A field of
// parameters tagged `core:"optional"` may be left out.
package calls
