// SPDX-License-Identifier: AGPL-3.0-or-later

// Package vault is a client's local state: records under names, changed by
// whole commits. It holds the interface, a vault in memory and the wrapper
// that seals each value; files stand in filevault, and the browser's IndexedDB
// beside the browser's own program.
//
// Any call may take long, since a browser answers it from another thread, and
// no transaction stays open between calls: whoever reads and then commits must
// be the only writer, which is what the client's one loop is.
package vault
