// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
)

func docRules() []rule {
	return []rule{documentsNameTests(), linksLeadSomewhere()}
}

// documents calls f with every line of every document.
func (h *house) documents(f func(doc *file, line int, text string)) {
	for _, doc := range h.files {
		if path.Ext(doc.path) != ".md" {
			continue
		}
		for i, text := range strings.Split(doc.text, "\n") {
			f(doc, i+1, text)
		}
	}
}

// documentsNameTests reads `TestName` and `FuzzName` anywhere in a document, and
// the beginning of a title of the page's tests: `x.spec.ts`, *title …*.
func documentsNameTests() rule {
	functions := regexp.MustCompile(`\b(Test|Fuzz)[A-Z][A-Za-z0-9]*`)
	titles := regexp.MustCompile("`([a-z0-9/.-]+\\.spec\\.ts)`, \\*([^*]+)\\*")
	return rule{
		name:   "a test that a document names exists",
		reason: "a document that sends its reader to a test which is gone says nothing",
		check: func(h *house) []string {
			tests := map[string]bool{}
			h.functions(func(f *file, d *ast.FuncDecl) {
				if strings.HasSuffix(f.path, "_test.go") && d.Recv == nil {
					tests[d.Name.Name] = true
				}
			})
			var found []string
			h.documents(func(doc *file, line int, text string) {
				for _, name := range functions.FindAllString(text, -1) {
					if !tests[name] {
						found = append(found, fmt.Sprintf("%s:%d names %s, which no test file has", doc.path, line, name))
					}
				}
				for _, m := range titles.FindAllStringSubmatch(text, -1) {
					spec, _ := h.text(m[1])
					if title := strings.TrimSuffix(m[2], " …"); !strings.Contains(spec, "test('"+title) {
						found = append(found, fmt.Sprintf("%s:%d names %q, which %s has not", doc.path, line, title, m[1]))
					}
				}
			})
			return found
		},
		examples: []example{
			{files: map[string]string{"x.md": "see `TestGone`\n", "x_test.go": "package x\nfunc TestHere() {}\n"}, want: "x.md:1 names TestGone"},
			{files: map[string]string{"docs/x.md": "\n`FuzzGone`\n"}, want: "docs/x.md:2 names FuzzGone"},
			{files: map[string]string{"x.md": "`a/b.spec.ts`, *it works*\n", "a/b.spec.ts": "test('it breaks', () => {})\n"}, want: `"it works"`},
			{files: map[string]string{"x.md": "`a/b.spec.ts`, *it wo …*\n"}, want: `"it wo"`},
		},
	}
}

// linksLeadSomewhere looks at links within the tree, to text and folders;
// pictures are not among the files that are read.
func linksLeadSomewhere() rule {
	links := regexp.MustCompile(`\]\(([^)#: ]+)[^)]*\)`)
	return rule{
		name:   "a link of a document leads to something",
		reason: "what is moved takes its links along",
		check: func(h *house) []string {
			there := map[string]bool{".": true}
			for _, f := range h.files {
				for p := f.path; p != "."; p = path.Dir(p) {
					there[p] = true
				}
			}
			var found []string
			h.documents(func(doc *file, line int, text string) {
				for _, m := range links.FindAllStringSubmatch(text, -1) {
					to := path.Join(path.Dir(doc.path), m[1])
					if path.Ext(to) != ".png" && !there[to] {
						found = append(found, fmt.Sprintf("%s:%d links to %s, which is not there", doc.path, line, to))
					}
				}
			})
			return found
		},
		examples: []example{
			{files: map[string]string{"docs/x.md": "[y](y.md)\n"}, want: "docs/x.md:1 links to docs/y.md"},
			{files: map[string]string{"docs/x.md": "[y](../z/y.md#part)\n", "docs/z/y.md": "y\n"}, want: "links to z/y.md"},
		},
	}
}
