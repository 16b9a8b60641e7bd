// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "clarion.chat/clarion"

// house is what the rules look at: every text file of the tree, and what each
// of our packages links, natively and in the browser.
type house struct {
	files   []*file
	deps    map[string][]string
	wasm    map[string][]string
	excused map[string]string // see excused
}

// file is one text file; syntax is nil unless it is Go.
type file struct {
	path   string // from the root, with slashes
	text   string
	set    *token.FileSet
	syntax *ast.File
}

func (f *file) folder() string { return path.Dir(f.path) }

// test reports whether the file is built into tests only.
func (f *file) test() bool {
	return strings.HasSuffix(f.path, "_test.go") || f.in("clariontest", "client/vault/vaulttest")
}

// in reports whether the file lies in one of the folders or below.
func (f *file) in(folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(f.path, folder+"/") })
}

func (f *file) line(at token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.set.Position(at).Line)
}

// imports returns what a Go file imports, by path.
func (f *file) imports() []string {
	var all []string
	if f.syntax == nil {
		return nil
	}
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			all = append(all, name)
		}
	}
	return all
}

func newFile(t *testing.T, name, text string) *file {
	f := &file{path: name, text: text, set: token.NewFileSet()}
	if strings.HasSuffix(name, ".go") {
		var err error
		f.syntax, err = parser.ParseFile(f.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return f
}

// house makes the example's small house.
func (e example) house(t *testing.T) *house {
	h := &house{deps: e.deps, wasm: e.wasm, excused: e.excused}
	for name, text := range e.files {
		h.files = append(h.files, newFile(t, name, text))
	}
	return h
}

// built is what is no part of the tree: made by the build, or by running.
func built(name string) bool {
	switch name {
	case ".git", ".cache", "bin", "data", "web/dist", "web/node_modules", "web/dist-core", "web/src/paraglide", "web/shots", "web/test-results", "web/project.inlang/README.md":
		return true
	}
	return path.Base(name) == "node_modules"
}

// load reads the tree that holds this test.
func load(t *testing.T) *house {
	t.Helper()
	h := &house{
		excused: excused(),
		deps:    goList(t, nil, "./..."),
		wasm:    goList(t, []string{"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0"}, "./client", "./cmd/clarion-wasm"),
	}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if built(name) {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || built(name) {
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !bytes.ContainsRune(b, 0) && utf8.Valid(b) {
			h.files = append(h.files, newFile(t, name, string(b)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// goList returns what each package of ours links, by import path.
func goList(t *testing.T, env []string, patterns ...string) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Deps"}, patterns...)...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", patterns, err, stderr.Bytes())
	}
	all := map[string][]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if ours(p.ImportPath) {
			all[p.ImportPath] = p.Deps
		}
	}
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// under reports whether an import path is one of these or below one of them.
func under(importPath string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return importPath == root || strings.HasPrefix(importPath, root+"/") })
}

// standard reports whether an import path is of the standard library.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
