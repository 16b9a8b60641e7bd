// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"clarion.chat/clarion/cmd/clarion-wasm/calls"
)

const head = `// SPDX-License-Identifier: AGPL-3.0-or-later

// Written by go run ./web/gen from cmd/clarion-wasm/calls. Change it there.

`

const tail = `export type CallName = keyof Calls;

/** What a call of the core is rejected with. Text and hint are for the person. */
export interface CoreError extends Error {
	code: string;
	text: string;
	hint: string;
	/** What the call was to send waits in the vault and leaves later. */
	queued: boolean;
}

/** One open core. */
export interface Core {
	call<N extends CallName>(name: N, params: Calls[N]["params"]): Promise<Calls[N]["result"]>;
	/** The next event, in order; null when the core was closed; rejected when it failed, as when its vault is gone. */
	next(): Promise<CoreEvent | null>;
	/** What opens the vault in place of its passphrase, for the tab that goes on after this one; null when it has no passphrase. */
	opener(): Promise<Uint8Array | null>;
	/** Ends the core and releases its vault. */
	close(): Promise<void>;
}

/** globalThis.clarionCore, once clarion.wasm runs. */
export interface CoreEntry {
	open(options: OpenOptions): Promise<Core>;
	/** Tells of a vault without opening it. */
	state(vault: string): Promise<VaultState>;
	/** Deletes a vault for good, opened by nobody. */
	erase(vault: string): Promise<void>;
}
`

// writer turns Go types into TypeScript.
type writer struct {
	*sources
	named map[string]string       // TypeScript of each named type
	owner map[string]*types.Named // whose name it is
	err   error
}

// generate returns the text of generated.ts for the tree at root.
func generate(root string) (string, error) {
	s, err := load(root)
	if err != nil {
		return "", err
	}
	w := &writer{sources: s, named: map[string]string{}, owner: map[string]*types.Named{}}
	var out strings.Builder
	out.WriteString("/** Every call of the core: its parameters and its result. */\nexport interface Calls {\n")
	for _, e := range s.entries("All") {
		out.WriteString(comment("\t", e.doc) + "\t" + e.name + ": { params: " + w.params(e.params) + "; result: " + w.result(e.result) + " };\n")
	}
	out.WriteString("}\n\n/** Something that happened, told once, in order. */\nexport type CoreEvent =")
	for _, e := range s.entries("Events") {
		named := e.params.(*types.Named)
		out.WriteString("\n" + comment("\t", w.doc(named.Obj())) + "\t| { event: " + strconv.Quote(e.name) + "; " + w.fields(named, "", " ") + "}")
	}
	out.WriteString(";\n\n")
	for _, name := range []string{"OpenOptions", "VaultState"} {
		w.typeOf(s.pkg.Scope().Lookup(name).Type())
	}
	for _, name := range slices.Sorted(maps.Keys(w.named)) {
		out.WriteString(w.named[name] + "\n")
	}
	return head + out.String() + tail, w.err
}

// entry is a line of a table.
type entry struct {
	name           string
	params, result types.Type // of an event only params
	doc            string     // the comment above the line, else that of the function it calls
}

// entries reads the lines of a table: those of the slice that the function
// returns, or of the functions whose slices it joins.
func (s *sources) entries(function string) []entry {
	var found []entry
	for _, f := range s.files {
		for _, d := range f.Decls {
			d, is := d.(*ast.FuncDecl)
			if !is || d.Name.Name != function {
				continue
			}
			switch table := d.Body.List[0].(*ast.ReturnStmt).Results[0].(type) {
			case *ast.CompositeLit:
				for _, line := range table.Elts {
					found = append(found, s.entry(line.(*ast.CallExpr)))
				}
			case *ast.CallExpr:
				for _, part := range table.Args {
					found = append(found, s.entries(part.(*ast.CallExpr).Fun.(*ast.Ident).Name)...)
				}
			}
		}
	}
	return found
}

func (s *sources) entry(line *ast.CallExpr) entry {
	maker, is := line.Fun.(*ast.Ident)
	if index, indexed := line.Fun.(*ast.IndexExpr); indexed {
		maker, is = index.X.(*ast.Ident)
	}
	if !is {
		panic("a line of the table is made by no function of its package")
	}
	none := s.pkg.Scope().Lookup("None").Type()
	e := entry{name: constant.StringVal(s.info.Types[line.Args[0]].Value), params: none, result: none}
	var args []types.Type
	if instance, generic := s.info.Instances[maker]; generic {
		args = slices.Collect(instance.TypeArgs.Types())
	}
	switch maker.Name {
	case "call":
		e.params, e.result = args[0], args[1]
	case "ask":
		e.result = args[0]
	case "do", "event":
		e.params = args[0]
	case "act":
	default:
		panic("a line of the table is made by " + maker.Name)
	}
	e.doc = s.above(line)
	ast.Inspect(line, func(n ast.Node) bool {
		if sel, is := n.(*ast.SelectorExpr); is && e.doc == "" {
			if f, is := s.info.Uses[sel.Sel].(*types.Func); is {
				e.doc = s.docs[docName(f)]
			}
		}
		return true
	})
	return e
}

// above returns the comment that ends on the line before a node.
func (s *sources) above(n ast.Node) string {
	for _, f := range s.files {
		for _, c := range f.Comments {
			at := s.set.Position(c.End())
			if where := s.set.Position(n.Pos()); at.Filename == where.Filename && at.Line == where.Line-1 {
				return c.Text()
			}
		}
	}
	return ""
}

// docName names a function or method as the comments are named.
func docName(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return f.Pkg().Path() + "." + f.Name()
	}
	of := recv.Type()
	if p, is := of.(*types.Pointer); is {
		of = p.Elem()
	}
	named, is := of.(*types.Named)
	if !is {
		return ""
	}
	return f.Pkg().Path() + "." + named.Obj().Name() + "." + f.Name()
}

func (w *writer) isNone(t types.Type) bool {
	return types.Identical(t, w.pkg.Scope().Lookup("None").Type())
}

func (w *writer) params(t types.Type) string {
	if w.isNone(t) {
		return "Record<string, never>"
	}
	return w.typeOf(t)
}

func (w *writer) result(t types.Type) string {
	if w.isNone(t) {
		return "null"
	}
	if p, is := t.(*types.Pointer); is { // a result that is nil comes with an error
		t = p.Elem()
	}
	return w.typeOf(t)
}

// typeOf returns the TypeScript of a type as it crosses.
func (w *writer) typeOf(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return w.namedType(t)
	case *types.Pointer:
		return w.typeOf(t.Elem()) + " | null"
	case *types.Slice:
		return w.list(t.Elem())
	case *types.Array:
		return w.list(t.Elem())
	case *types.Map:
		return "Record<string, " + w.typeOf(t.Elem()) + ">"
	case *types.Struct:
		return "{ " + w.structFields(t, "", "", " ") + "}"
	case *types.Basic:
		switch {
		case t.Info()&types.IsString != 0:
			return "string"
		case t.Info()&types.IsInteger != 0:
			return "number"
		case t.Info()&types.IsBoolean != 0:
			return "boolean"
		}
	}
	w.err = fmt.Errorf("%v does not cross", t)
	return "never"
}

func (w *writer) list(of types.Type) string {
	if b, is := of.Underlying().(*types.Basic); is && b.Kind() == types.Byte {
		return "Uint8Array"
	}
	element := w.typeOf(of)
	if strings.ContainsAny(element, " |") {
		return "Array<" + element + ">"
	}
	return element + "[]"
}

func (w *writer) namedType(t *types.Named) string {
	o := t.Obj()
	switch o.Pkg().Path() + "." + o.Name() {
	case "time.Time", "time.Duration":
		return "number"
	case module + "/wire.Handle":
		return "string"
	}
	if _, is := t.Underlying().(*types.Struct); !is {
		if values := constants(t); len(values) > 0 {
			w.declare(t, func() string {
				return comment("", w.doc(o)) + "export type " + o.Name() + " = " + strings.Join(values, " | ") + ";\n"
			})
			return o.Name()
		}
		return w.typeOf(t.Underlying())
	}
	w.declare(t, func() string {
		return comment("", w.doc(o)) + "export interface " + o.Name() + " {\n" + w.fields(t, "\t", "\n") + "}\n"
	})
	return o.Name()
}

// declare keeps the declaration of a named type, once; two of one name are an
// error.
func (w *writer) declare(t *types.Named, text func() string) {
	name := t.Obj().Name()
	if other := w.owner[name]; other != nil {
		if !types.Identical(other, t) {
			w.err = fmt.Errorf("two types are called %s: %v and %v", name, other, t)
		}
		return
	}
	w.owner[name] = t
	w.named[name] = text()
}

// emptyToo are fields whose type has names for all values but the empty one.
func emptyToo() map[string]bool {
	return map[string]bool{
		module + "/client.Message.State": true, // of what others wrote
	}
}

// constants returns the values that a type of strings has names for.
func constants(t *types.Named) []string {
	if b, is := t.Underlying().(*types.Basic); !is || b.Info()&types.IsString == 0 {
		return nil
	}
	var values []string
	scope := t.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, is := scope.Lookup(name).(*types.Const); is && types.Identical(c.Type(), t) {
			values = append(values, strconv.Quote(constant.StringVal(c.Val())))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

func (w *writer) doc(o types.Object) string { return w.docs[o.Pkg().Path()+"."+o.Name()] }

func (w *writer) fields(t *types.Named, before, after string) string {
	return w.structFields(t.Underlying().(*types.Struct), t.Obj().Pkg().Path()+"."+t.Obj().Name(), before, after)
}

// structFields writes the fields of a struct, those of embedded ones among
// them. Comments stand only on lines of their own.
func (w *writer) structFields(t *types.Struct, name, before, after string) string {
	var out strings.Builder
	for i := range t.NumFields() {
		f := t.Field(i)
		if !f.Exported() {
			continue
		}
		if f.Embedded() {
			if of, is := f.Type().(*types.Named); is {
				out.WriteString(w.fields(of, before, after))
				continue
			}
		}
		if after == "\n" {
			out.WriteString(comment(before, w.docs[name+"."+f.Name()]))
		}
		mark, value := "", w.typeOf(f.Type())
		if emptyToo()[name+"."+f.Name()] {
			value += ` | ""`
		}
		if calls.Optional(reflect.StructTag(t.Tag(i))) {
			mark = "?"
		}
		out.WriteString(before + calls.FieldName(f.Name()) + mark + ": " + value + ";" + after)
	}
	return out.String()
}

// comment makes a comment of TypeScript of a comment of Go.
func comment(before, text string) string {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "*/", "* /")), "\n")
	if len(lines) == 1 {
		if lines[0] == "" {
			return ""
		}
		return before + "/** " + lines[0] + " */\n"
	}
	return before + "/**\n" + before + " * " + strings.Join(lines, "\n"+before+" * ") + "\n" + before + " */\n"
}
