// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"fmt"
	"slices"
	"strings"
)

// pureRooms may import these rooms of ours and nothing else of ours.
func pureRooms() map[string][]string {
	return map[string][]string{
		"wire": nil, "mls": nil,
		"keydir": {"wire"}, "inventory": {"wire"}, "disclosure": {"wire"}, "exposure": {"wire"},
	}
}

// pure returns the pure room that a file belongs to; tests do not count.
func (f *file) pure() (string, bool) {
	for room := range pureRooms() {
		if f.in(room) && !f.test() && f.syntax != nil {
			return room, true
		}
	}
	return "", false
}

// programs are the places that own their process.
func programs() []string { return []string{"cmd", "bench", "scripts", "web/gen"} }

func importRules() []rule {
	return []rule{
		pureRoomsImportNothing(), serverCannotRead(), wingsNeverMeet(), sqlHasItsRooms(), webRTCHasItsRooms(),
		syscallJSHasOneRoom(), flagsBelongToPrograms(), browserStaysLight(), verifyingStaysLight(),
	}
}

// importing is a file of one import.
func importing(name, dep string) map[string]string {
	return map[string]string{name: "package x\nimport _ \"" + dep + "\"\n"}
}

// linking is a package that links one other.
func linking(room, dep string) map[string][]string {
	return map[string][]string{module + "/" + room: {"fmt", dep}}
}

func pureRoomsImportNothing() rule {
	return rule{
		name:   "pure rooms import nothing of ours",
		reason: "what they say can be checked by strangers only if it drags nothing along; a disk or a network would be hidden there",
		check:  pureImports,
		examples: []example{
			{files: importing("wire/x.go", module+"/keydir"), want: "wire/x.go imports clarion.chat/clarion/keydir"},
			{files: importing("mls/x.go", module+"/wire"), want: "mls/x.go imports clarion.chat/clarion/wire"},
			{files: importing("keydir/x.go", "os"), want: "keydir/x.go imports os"},
			{files: importing("keydir/x.go", "net/netip"), want: "keydir/x.go imports net/netip"},
			{files: importing("mls/x.go", "example.org/x"), want: "mls/x.go imports example.org/x"},
		},
	}
}

func serverCannotRead() rule {
	return rule{
		name:   "the server cannot read",
		reason: "server and docket do not link mls or client: the arithmetic of the keys is not in their reach",
		check: func(h *house) []string {
			return links(h.deps, []string{"server", "docket", "ledger"}, func(dep string) bool {
				return under(dep, module+"/mls", module+"/client")
			})
		},
		examples: []example{
			{deps: linking("server", module+"/mls"), want: "server links clarion.chat/clarion/mls"},
			{deps: linking("docket/casefile", module+"/client/vault"), want: "docket/casefile links clarion.chat/clarion/client/vault"},
		},
	}
}

func wingsNeverMeet() rule {
	wings := []string{"client", "server", "docket"}
	return rule{
		name:   "wings never import each other",
		reason: "who needs something declares a small interface, and cmd introduces them at construction",
		check: func(h *house) []string {
			var found []string
			for _, wing := range wings {
				found = append(found, links(h.deps, []string{wing}, func(dep string) bool {
					return slices.ContainsFunc(wings, func(other string) bool { return other != wing && under(dep, module+"/"+other) })
				})...)
			}
			return found
		},
		examples: []example{
			{deps: linking("client", module+"/server"), want: "client links clarion.chat/clarion/server"},
			{deps: linking("docket", module+"/server/internal/store"), want: "docket links"},
		},
	}
}

func sqlHasItsRooms() rule {
	return rule{
		name:   "SQL has its rooms",
		reason: "what is stored about people can only be listed if each wing has one place to look",
		check: onlyIn(func(dep string) bool {
			return under(dep, "database/sql", "modernc.org", "github.com/jackc", "github.com/mattn/go-sqlite3")
		}, "server/internal/store", "docket/casefile", "client/vault",
			"bench"), // the bare relay that the server is measured against holds nobody's data
		examples: []example{{files: importing("server/x.go", "database/sql"), want: "server/x.go imports database/sql"}},
	}
}

func webRTCHasItsRooms() rule {
	return rule{
		name:   "WebRTC has its rooms",
		reason: "the media libraries log addresses and bring defaults of their own; each is tamed in one place",
		check: onlyIn(func(dep string) bool { return under(dep, "github.com/pion", "github.com/livekit") },
			"server/internal/sfu", "server/internal/relay", "client/call",
			"bench"), // the callers that the relay is measured with
		examples: []example{{files: importing("client/x.go", "github.com/pion/webrtc/v4"), want: "client/x.go imports github.com/pion"}},
	}
}

func syscallJSHasOneRoom() rule {
	return rule{
		name:     "syscall/js has one room",
		reason:   "the core is the same natively and in the browser; only its door differs",
		check:    onlyIn(func(dep string) bool { return dep == "syscall/js" }, "cmd/clarion-wasm"),
		examples: []example{{files: importing("client/x.go", "syscall/js"), want: "client/x.go imports syscall/js"}},
	}
}

func flagsBelongToPrograms() rule {
	return rule{
		name:     "flags belong to programs",
		reason:   "a package that reads flags cannot be used twice in one process",
		check:    onlyIn(func(dep string) bool { return under(dep, "flag", "github.com/alecthomas/kong") }, programs()...),
		examples: []example{{files: importing("server/x.go", "flag"), want: "server/x.go imports flag"}},
	}
}

func browserStaysLight() rule {
	return rule{
		name:   "the browser's core stays light",
		reason: "each of these costs the page hundreds of kilobytes, or drags in what a browser does itself",
		check: func(h *house) []string {
			return links(h.wasm, []string{"client", "cmd/clarion-wasm"}, func(dep string) bool {
				return slices.Contains([]string{"net/http", "crypto/tls", "encoding/json", "crypto/x509"}, dep) ||
					under(dep, "database/sql", "modernc.org")
			})
		},
		examples: []example{
			{wasm: linking("client", "encoding/json"), want: "client links encoding/json"},
			{wasm: linking("cmd/clarion-wasm", "modernc.org/sqlite"), want: "cmd/clarion-wasm links modernc.org/sqlite"},
		},
	}
}

func verifyingStaysLight() rule {
	return rule{
		name:   "verifying stays light",
		reason: "whoever checks a chain needs no database and no HTTP",
		check: func(h *house) []string {
			return links(h.deps, []string{"keydir", "disclosure"}, func(dep string) bool {
				return under(dep, "database/sql", "net/http", "modernc.org")
			})
		},
		examples: []example{{deps: linking("keydir", "net/http"), want: "keydir links net/http"}},
	}
}

func pureImports(h *house) []string {
	var found []string
	for _, f := range h.files {
		room, ok := f.pure()
		if !ok {
			continue
		}
		for _, dep := range f.imports() {
			allowed := slices.ContainsFunc(pureRooms()[room], func(other string) bool { return dep == module+"/"+other })
			outside := under(dep, "os", "net", "syscall", "log", "database/sql", "io/ioutil", "embed", "runtime")
			if (!standard(dep) && !allowed) || outside {
				found = append(found, f.path+" imports "+dep)
			}
		}
	}
	return found
}

// links reports packages of the rooms that link what they must not.
func links(deps map[string][]string, rooms []string, bad func(dep string) bool) []string {
	var found []string
	for name, all := range deps {
		room := strings.TrimPrefix(name, module+"/")
		if !under(room, rooms...) {
			continue
		}
		for _, dep := range all {
			if bad(dep) {
				found = append(found, fmt.Sprintf("%s links %s", room, dep))
			}
		}
	}
	slices.Sort(found)
	return found
}

// onlyIn reports imports that stand outside of their rooms; tests may.
func onlyIn(special func(dep string) bool, rooms ...string) func(*house) []string {
	return func(h *house) []string {
		var found []string
		for _, f := range h.files {
			if f.test() || f.in(rooms...) {
				continue
			}
			for _, dep := range f.imports() {
				if special(dep) {
					found = append(found, f.path+" imports "+dep)
				}
			}
		}
		return found
	}
}
