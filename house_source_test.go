// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
)

// Limits of size, in lines. What is past soft needs its reason in excused;
// past hard none is taken.
const (
	softFile, hardFile         = 500, 800
	softFunction, hardFunction = 70, 120
)

// excused lists what is past a soft limit: "path" or "path: function", and why
// cutting it would make it worse. An entry that nothing needs is a fault.
func excused() map[string]string {
	return map[string]string{}
}

func sourceRules() []rule {
	return []rule{
		pureRoomsReadNoClock(), processBelongsToPrograms(), nothingOnImport(), sourcesNameTheirLicence(), onePackageComment(), thingsHaveASize(),
	}
}

func pureRoomsReadNoClock() rule {
	return rule{
		name:   "pure rooms read no clock and start nothing",
		reason: "time is an argument and results are values, so every case can be tried",
		check:  pureCalls,
		examples: []example{
			{files: map[string]string{"wire/x.go": "package wire\nimport \"time\"\nvar x = time.Now()\n"}, want: "wire/x.go:3 uses time.Now"},
			{files: map[string]string{"mls/x.go": "package mls\nimport clock \"time\"\nvar x = clock.Since\n"}, want: "mls/x.go:3 uses time.Since"},
			{files: map[string]string{"keydir/x.go": "package keydir\nfunc f() {\n\tgo f()\n}\n"}, want: "keydir/x.go:3 starts a goroutine"},
		},
	}
}

func processBelongsToPrograms() rule {
	return rule{
		name:   "environment and exit belong to programs",
		reason: "a package that reads the environment or ends the process decides for its caller",
		check:  processCalls,
		examples: []example{
			{files: map[string]string{"server/x.go": "package server\nimport \"os\"\nfunc f() { os.Exit(1) }\n"}, want: "server/x.go:3 uses os.Exit"},
			{files: map[string]string{"client/x.go": "package client\nimport \"os\"\nvar x = os.Getenv(\"X\")\n"}, want: "client/x.go:3 uses os.Getenv"},
			{files: map[string]string{"client/x.go": "package client\nimport \"log\"\nfunc f() { log.Fatal() }\n"}, want: "client/x.go:3 uses log.Fatal"},
		},
	}
}

func nothingOnImport() rule {
	return rule{
		name:   "nothing happens on import",
		reason: "what init registers cannot be seen where it is used",
		check: func(h *house) []string {
			var found []string
			h.functions(func(f *file, d *ast.FuncDecl) {
				if d.Name.Name == "init" && d.Recv == nil {
					found = append(found, f.line(d.Pos())+" has func init")
				}
			})
			return found
		},
		examples: []example{{files: map[string]string{"x/x.go": "package x\nfunc init() {}\n"}, want: "x/x.go:2 has func init"}},
	}
}

func sourcesNameTheirLicence() rule {
	return rule{
		name:   "every source names its licence",
		reason: "a file may travel alone; its first line says under which terms",
		check:  licences,
		examples: []example{
			{files: map[string]string{"x/x.go": "package x\n"}, want: "x/x.go: its first line"},
			{files: map[string]string{"x.sql": "SELECT 1;"}, want: "x.sql: its first line"},
		},
	}
}

func onePackageComment() rule {
	return rule{
		name:   "one package comment per package",
		reason: "whoever opens a room finds one text that says what it is for",
		check:  packageComments,
		examples: []example{
			{files: map[string]string{"x/x.go": "package x\n"}, want: "x has 0 package comments"},
			{files: map[string]string{"x/a.go": "// Package x is.\npackage x\n", "x/b.go": "// Package x too.\npackage x\n"}, want: "x has 2 package comments"},
			{files: map[string]string{"x/a.go": "// SPDX-License-Identifier: X\npackage x\n"}, want: "x has 0 package comments"},
		},
	}
}

func thingsHaveASize() rule {
	function := func(lines int) string { return "package x\nfunc f() {\n" + strings.Repeat("\tg()\n", lines-2) + "}\n" }
	excuse := map[string]string{"x/x.go: f": "a reason"}
	return rule{
		name:   "files and functions have a size",
		reason: "what fits on no screen is understood by nobody",
		check:  sizes,
		examples: []example{
			{files: map[string]string{"x/x.go": function(softFunction + 1)}, want: "x/x.go: f has 71 lines"},
			{files: map[string]string{"x/x_test.go": function(softFunction + 1)}, want: "x/x_test.go: f has 71 lines"},
			{files: map[string]string{"x/x.go": "package x\n" + strings.Repeat("\n", softFile)}, want: "x/x.go has 501 lines"},
			{files: map[string]string{"x/x.go": function(hardFunction + 1)}, excused: excuse, want: "past the hard limit"},
			{files: map[string]string{"x/x.go": function(softFunction)}, excused: excuse, want: "x/x.go: f needs no excuse"},
			{excused: excuse, want: "x/x.go: f needs no excuse"},
		},
	}
}

// uses calls visit for each name that a file takes from an imported package,
// by the package's path, whatever it is called in the file.
func (f *file) uses(visit func(n ast.Node, name string)) {
	if f.syntax == nil {
		return
	}
	local := map[string]string{}
	for i, dep := range f.imports() {
		name := path.Base(dep)
		if spec := f.syntax.Imports[i]; spec.Name != nil {
			name = spec.Name.Name
		}
		local[name] = dep
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && local[x.Name] != "" {
				visit(n, local[x.Name]+"."+s.Sel.Name)
			}
		}
		return true
	})
}

func pureCalls(h *house) []string {
	clock := []string{"time.Now", "time.Since", "time.Until", "time.After", "time.Tick", "time.Sleep", "time.NewTimer", "time.NewTicker", "time.AfterFunc"}
	var found []string
	for _, f := range h.files {
		if _, ok := f.pure(); !ok {
			continue
		}
		f.uses(func(n ast.Node, name string) {
			if slices.Contains(clock, name) {
				found = append(found, f.line(n.Pos())+" uses "+name)
			}
		})
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				found = append(found, f.line(n.Pos())+" starts a goroutine")
			}
			return true
		})
	}
	return found
}

func processCalls(h *house) []string {
	bad := []string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.Setenv", "os.Exit", "os.Args", "syscall.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln"}
	var found []string
	for _, f := range h.files {
		if f.test() || f.in(programs()...) {
			continue
		}
		f.uses(func(n ast.Node, name string) {
			if slices.Contains(bad, name) {
				found = append(found, f.line(n.Pos())+" uses "+name)
			}
		})
	}
	return found
}

// functions calls visit for each function and method of the house.
func (h *house) functions(visit func(*file, *ast.FuncDecl)) {
	for _, f := range h.files {
		if f.syntax == nil {
			continue
		}
		for _, d := range f.syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				visit(f, d)
			}
		}
	}
}

func licences(h *house) []string {
	const id = "SPDX-License-Identifier: AGPL-3.0-or-later"
	first := map[string]string{".go": "// " + id, ".ts": "// " + id, ".sql": "-- " + id}
	var found []string
	for _, f := range h.files {
		want, known := first[path.Ext(f.path)]
		if line, _, _ := strings.Cut(f.text, "\n"); known && line != want {
			found = append(found, f.path+": its first line is not "+want)
		}
	}
	return found
}

func packageComments(h *house) []string {
	count := map[string]int{}
	for _, f := range h.files {
		if f.syntax == nil || strings.HasSuffix(f.path, "_test.go") || f.in("testdata") || strings.Contains(f.path, "/testdata/") {
			continue
		}
		count[f.folder()] += 0
		if doc := f.syntax.Doc; doc != nil && !strings.HasPrefix(doc.Text(), "SPDX") {
			count[f.folder()]++
		}
	}
	var found []string
	for _, folder := range slices.Sorted(maps.Keys(count)) {
		if count[folder] != 1 {
			found = append(found, fmt.Sprintf("%s has %d package comments", folder, count[folder]))
		}
	}
	return found
}

func sizes(h *house) []string {
	var found []string
	needed := map[string]bool{}
	measure := func(name string, lines, soft, hard int) {
		needed[name] = lines > soft
		switch {
		case lines > hard:
			found = append(found, fmt.Sprintf("%s has %d lines, past the hard limit of %d", name, lines, hard))
		case lines > soft && h.excused[name] == "":
			found = append(found, fmt.Sprintf("%s has %d lines, at most %d without a reason", name, lines, soft))
		}
	}
	for _, f := range h.files {
		if f.syntax != nil {
			measure(f.path, strings.Count(f.text, "\n"), softFile, hardFile)
		}
	}
	h.functions(func(f *file, d *ast.FuncDecl) {
		lines := f.set.Position(d.End()).Line - f.set.Position(d.Pos()).Line + 1
		measure(f.path+": "+d.Name.Name, lines, softFunction, hardFunction)
	})
	for _, name := range slices.Sorted(maps.Keys(h.excused)) {
		if !needed[name] {
			found = append(found, name+" needs no excuse")
		}
	}
	return found
}
