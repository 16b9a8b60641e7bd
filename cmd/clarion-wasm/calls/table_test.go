// SPDX-License-Identifier: AGPL-3.0-or-later

package calls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clarion.chat/clarion/client"
)

// notCalls are methods of the client that JavaScript does not call, and why.
func notCalls() map[string]string {
	return map[string]string{
		"Run":    "open runs it, close ends it",
		"Events": "next gives them one by one",
	}
}

// parse reads the Go files of a folder that are no tests.
func parse(t *testing.T, folder string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func TestEveryMethodOfTheClientCrosses(t *testing.T) {
	used := map[string]bool{}
	for _, f := range parse(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, is := n.(*ast.SelectorExpr); is {
				used[s.Sel.Name] = true
			}
			return true
		})
	}
	excused := notCalls()
	methods := reflect.TypeFor[*client.Client]()
	if methods.NumMethod() < 20 {
		t.Fatalf("the client shows %d methods", methods.NumMethod())
	}
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if reason := excused[name]; used[name] == (reason != "") {
			t.Errorf("%s: in the table %v, excused with %q; either add its line to All or say in notCalls why not", name, used[name], reason)
		}
		delete(excused, name)
	}
	for name := range excused {
		t.Errorf("the client has no method %s to excuse", name)
	}
}

func TestEveryEventCrosses(t *testing.T) {
	table := map[string]bool{}
	for _, e := range Events() {
		table[e.Type.Name()] = true
	}
	found := 0
	for _, f := range parse(t, "../../../client") {
		for _, d := range f.Decls {
			d, is := d.(*ast.FuncDecl)
			if !is || d.Recv == nil || d.Name.Name != "event" {
				continue
			}
			found++
			if of := d.Recv.List[0].Type.(*ast.Ident).Name; !table[of] {
				t.Errorf("the event %s has no line in Events", of)
			}
		}
	}
	if found != len(table) || found < 10 {
		t.Errorf("the client has %d events, the table %d", found, len(table))
	}
}

func TestNamesAreTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All() {
		if seen[e.Name] || e.Name != FieldName(e.Name) {
			t.Errorf("the name %s is there twice or is not lowerCamelCase", e.Name)
		}
		if e.Params.Kind() != reflect.Struct {
			t.Errorf("%s takes %v", e.Name, e.Params)
		}
		seen[e.Name] = true
	}
	clear(seen)
	for _, e := range Events() {
		if seen[e.Name] || e.Name != strings.ToLower(e.Name) {
			t.Errorf("the name %s is there twice or is not lower case", e.Name)
		}
		seen[e.Name] = true
	}
}

func TestFieldName(t *testing.T) {
	for goName, want := range map[string]string{
		"ID": "id", "At": "at", "ServerKey": "serverKey", "LinkOrHandle": "linkOrHandle", "URLOfHost": "urlOfHost", "A": "a", "already": "already", "MessageID": "messageID",
	} {
		if got := FieldName(goName); got != want {
			t.Errorf("%s is called %s, want %s", goName, got, want)
		}
	}
}
