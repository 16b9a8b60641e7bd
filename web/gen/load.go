// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	module = "clarion.chat/clarion"
	table  = module + "/cmd/clarion-wasm/calls"
)

// sources are the table's package, type-checked, and the comments of all
// packages of ours that it links.
type sources struct {
	set   *token.FileSet
	files []*ast.File
	info  *types.Info
	pkg   *types.Package
	docs  map[string]string // by "package.Type", "package.Function", "package.Type.Field or Method"
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// load reads and type-checks the table in the tree at root.
func load(root string) (*sources, error) {
	packages, err := list(root)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	s := &sources{set: set, docs: map[string]string{}, info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Instances: map[*ast.Ident]types.Instance{}, Uses: map[*ast.Ident]types.Object{},
	}}
	for _, p := range packages {
		if !strings.HasPrefix(p.ImportPath, module+"/") {
			continue
		}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			s.comments(p.ImportPath, f)
			if p.ImportPath == table {
				s.files = append(s.files, f)
			}
		}
	}
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(packages[path].Export) })
	s.pkg, err = (&types.Config{Importer: imports}).Check(table, set, s.files, s.info)
	return s, err
}

// list asks the go command for the table's package and all it links, compiled.
func list(root string) (map[string]listed, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", table)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	all := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
}

// comments gathers what is said of types, fields and methods.
func (s *sources) comments(path string, f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				s.docs[path+"."+d.Name.Name] = d.Doc.Text()
				continue
			}
			of := d.Recv.List[0].Type
			if star, is := of.(*ast.StarExpr); is {
				of = star.X
			}
			if of, is := of.(*ast.Ident); is {
				s.docs[path+"."+of.Name+"."+d.Name.Name] = d.Doc.Text()
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				t, is := spec.(*ast.TypeSpec)
				if !is {
					continue
				}
				doc := t.Doc
				if doc == nil && len(d.Specs) == 1 {
					doc = d.Doc
				}
				s.docs[path+"."+t.Name.Name] = doc.Text()
				switch of := t.Type.(type) {
				case *ast.StructType:
					s.fieldComments(path+"."+t.Name.Name, of.Fields)
				case *ast.InterfaceType:
					s.fieldComments(path+"."+t.Name.Name, of.Methods)
				}
			}
		}
	}
}

func (s *sources) fieldComments(name string, of *ast.FieldList) {
	for _, field := range of.List {
		text := field.Doc.Text()
		if text == "" {
			text = field.Comment.Text()
		}
		for _, n := range field.Names {
			s.docs[name+"."+n.Name] = text
		}
	}
}
