// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// share is what one package has of the core.
type share struct {
	name  string
	bytes int
}

// coreShares builds the core with the names of its functions and returns the
// code of each package, the largest first, and the bytes of data, which belong
// to no one package: constants, types, tables of the runtime.
func coreShares(dir string) (code []share, data int, err error) {
	core := filepath.Join(dir, "named.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-w", "-gcflags=clarion.chat/clarion/...=-l", "-o", core, "./cmd/clarion-wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, 0, fmt.Errorf("building the core: %w\n%s", err, out)
	}
	module, err := os.ReadFile(core)
	if err != nil {
		return nil, 0, err
	}
	return shares(module)
}

var errModule = errors.New("this is no WebAssembly of Go")

// shares reads a module (WebAssembly 2.0 §5.5): the sizes of the functions in
// section 10, their names in the custom section "name", their number in 2.
func shares(module []byte) (code []share, data int, err error) {
	var sizes []int
	names := map[int]string{}
	imported := 0
	if len(module) < 8 {
		return nil, 0, errModule
	}
	for r := (reader{b: module[8:]}); len(r.b) > 0 && !r.bad; {
		id, section := r.byte(), reader{b: r.vector()}
		switch id {
		case 0:
			if string(section.vector()) == "name" {
				section.functionNames(names)
			}
		case 2:
			imported = section.imports()
		case 10:
			for range section.number() {
				sizes = append(sizes, len(section.vector()))
			}
		case 11:
			data = len(section.b)
		}
		if r.bad || section.bad {
			return nil, 0, errModule
		}
	}
	if len(names) == 0 || len(sizes) == 0 {
		return nil, 0, errModule
	}
	total := map[string]int{}
	for i, size := range sizes {
		total[packageOf(names[imported+i])] += size
	}
	for _, name := range slices.Sorted(maps.Keys(total)) {
		code = append(code, share{name, total[name]})
	}
	slices.SortStableFunc(code, func(a, b share) int { return cmp.Compare(b.bytes, a.bytes) })
	return code, data, nil
}

// packageOf takes the package from the name of a function, in which Go's
// linker has put _ in the place of slashes and most other signs. Paths of the
// standard library hold no _ of their own; ours hold one -, in clarion-wasm.
func packageOf(function string) string {
	domain := ""
	for _, d := range []string{"clarion.chat", "golang.org", "vendor_golang.org"} {
		if rest, found := strings.CutPrefix(function, d+"_"); found {
			domain, function = d+"/", rest
		}
	}
	name, _, found := strings.Cut(function, ".")
	switch {
	case !found || name == "":
		return "(others)"
	case name == "type_" || name == "go_" || strings.HasPrefix(name, "type:") || strings.HasPrefix(name, "go:"):
		return "(made by the compiler)"
	}
	return strings.ReplaceAll(domain+strings.ReplaceAll(name, "_", "/"), "clarion/wasm", "clarion-wasm")
}

// reader reads WebAssembly's binary form.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b
}

func (r *reader) number() int {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > 1<<31 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *reader) vector() []byte {
	n := r.number()
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// functionNames reads subsection 1 of the custom section.
func (r *reader) functionNames(names map[int]string) {
	for len(r.b) > 0 && !r.bad {
		id, part := r.byte(), reader{b: r.vector()}
		if id != 1 {
			continue
		}
		for n := part.number(); n > 0 && !part.bad; n-- {
			at := part.number()
			names[at] = string(part.vector())
		}
	}
}

// imports counts the imported functions, which come first in the numbering. Go
// imports nothing but functions.
func (r *reader) imports() int {
	count := r.number()
	for range count {
		r.vector()
		r.vector()
		if r.byte() != 0 {
			r.bad = true
		}
		r.number()
	}
	return count
}
