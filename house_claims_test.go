// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"go/ast"
	"path"
	"strings"

	"clarion.chat/clarion/exposure"
	"clarion.chat/clarion/inventory"
)

// tests are those of the tree as a claim names them: "package.TestName", by the
// package's last word or its folder's, "clarion" for this one.
func (h *house) tests() map[string]bool {
	all := map[string]bool{}
	h.functions(func(f *file, d *ast.FuncDecl) {
		if strings.HasSuffix(f.path, "_test.go") && d.Recv == nil && strings.HasPrefix(d.Name.Name, "Test") {
			all[strings.TrimSuffix(f.syntax.Name.Name, "_test")+"."+d.Name.Name] = true
			all[path.Base(f.folder())+"."+d.Name.Name] = true
		}
	})
	return all
}

// proves reports whether a test that a claim names is there: one of Go's, or
// "file.spec.ts: beginning of a title".
func (h *house) proves(tests map[string]bool, name string) bool {
	spec, title, page := strings.Cut(name, ".spec.ts: ")
	if !page {
		return tests[name]
	}
	text, _ := h.text(spec + ".spec.ts")
	return strings.Contains(text, "test('"+title)
}

// claimsAreProved holds the sentences of inventory and exposure to their tests.
// What exposure awaits has to leave its list once it is there, so that the list
// says which sentences still stand on a promise.
func claimsAreProved() rule {
	return rule{
		name:   "every claim has its test",
		reason: "a sentence about privacy that no test can refute is not written",
		check: func(h *house) []string {
			tests := h.tests()
			var found []string
			for _, claim := range inventory.Claims() {
				if !h.proves(tests, claim.ProvedBy) {
					found = append(found, "no test "+claim.ProvedBy+" for: "+claim.Text)
				}
			}
			awaited := map[string]bool{}
			for _, w := range exposure.Awaited() {
				awaited[w.Test] = true
				if h.proves(tests, w.Test) {
					found = append(found, w.Test+" is there: take it out of exposure.Awaited")
				}
			}
			for _, p := range exposure.Proofs() {
				if !awaited[p.Test] && !h.proves(tests, p.Test) {
					found = append(found, "no test "+p.Test+" for the claim "+p.Code)
				}
			}
			return found
		},
		examples: append(awaitedExamples(),
			example{files: map[string]string{"x_test.go": "package clarion_test\nfunc TestHouse() {}\n"}, want: "no test clariontest.TestSwap"},
			example{files: map[string]string{"x_test.go": "package clariontest\nfunc TestSwap() {}\n"}, want: "no test clarion.TestHouse"},
			example{files: map[string]string{"x_test.go": "package x\n"}, want: "for the claim person_digits"},
			example{files: map[string]string{"web/e2e/releases.spec.ts": "test('an upd', () => {})\n"}, want: "for the claim page_own"},
		),
	}
}

// awaitedExamples are houses in each of which an awaited test exists.
func awaitedExamples() []example {
	var all []example
	for _, w := range exposure.Awaited() {
		files := map[string]string{}
		if spec, title, page := strings.Cut(w.Test, ".spec.ts: "); page {
			files[spec+".spec.ts"] = "test('" + title + "', () => {})\n"
		} else {
			room, name, _ := strings.Cut(w.Test, ".")
			files["x_test.go"] = "package " + room + "\nfunc " + name + "() {}\n"
		}
		all = append(all, example{files: files, want: w.Test + " is there"})
	}
	return all
}
