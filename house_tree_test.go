// SPDX-License-Identifier: AGPL-3.0-or-later

package clarion_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clarion.chat/clarion/inventory"
)

func treeRules() []rule {
	return []rule{
		nothingIsUnfinished(), nothingNamesAMachine(), schemasAnswer(), schemasStandInFiles(), dependenciesAreDecided(),
		oneWordPerFeature(), claimsAreProved(),
	}
}

func nothingIsUnfinished() rule {
	// In two halves, so that this file does not break its own rule.
	words := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|(?i:not imple` + `mented|unimple` + `mented|place` + `holder (text|impl))|\bt\.Ski` +
		`p(f|Now)?\(|test\.(ski` + `p|fix` + `me)\b|\.on` + `ly\(`)
	prose := []string{".go", ".sql", ".ts", ".svelte", ".md", ".sh", ""}
	return rule{
		name:   "nothing is unfinished or skipped",
		reason: "what is not built is not in the tree, and says so in an issue; a test that is skipped proves nothing",
		check: matching(words, func(f *file) bool {
			return slices.Contains(prose, path.Ext(f.path)) && !strings.Contains("/"+f.path, "/testdata/")
		}),
		examples: []example{
			{files: map[string]string{"x/x.go": "package x // TO" + "DO later\n"}, want: "x/x.go:1"},
			{files: map[string]string{"x/x_test.go": "package x\nfunc f() { t.Ski" + "p(\"x\") }\n"}, want: "x/x_test.go:2"},
			{files: map[string]string{"README.md": "\nNot imple" + "mented.\n"}, want: "README.md:2"},
			{files: map[string]string{"Makefile": "# FIX" + "ME\n"}, want: "Makefile:1"},
		},
	}
}

func nothingNamesAMachine() rule {
	places := regexp.MustCompile(`(^|[^A-Za-z.])/(wo` + `rk|fa` + `rm|ro` + `ot)/|/tm` + `p/bash_jobs|GOPR` + `OXY=|--regis` + `try[= ]|_auth` + `Token|"resol` +
		`ved": *"https?:|registry\.npm` + `js\.org|proxy\.gol` + `ang\.org`)
	return rule{
		name:   "nothing names a machine or a registry",
		reason: "a clone works anywhere, with whatever registries its owner has set",
		check:  matching(places, func(*file) bool { return true }),
		examples: []example{
			{files: map[string]string{"x/x.go": "package x\nconst p = \"/wo" + "rk/x\"\n"}, want: "x/x.go:2"},
			{files: map[string]string{".npmrc": "regis" + "try=https://registry.npm" + "js.org\n"}, want: ".npmrc:1"},
			{files: map[string]string{"Makefile": "\tGOPR" + "OXY=x go build\n"}, want: "Makefile:1"},
		},
	}
}

func matching(bad *regexp.Regexp, looked func(*file) bool) func(*house) []string {
	return func(h *house) []string {
		var found []string
		for _, f := range h.files {
			if !looked(f) {
				continue
			}
			number := 0
			for line := range strings.Lines(f.text) {
				number++
				if word := bad.FindString(line); word != "" {
					found = append(found, f.path+":"+strconv.Itoa(number)+" has "+strconv.Quote(strings.TrimSpace(word)))
				}
			}
		}
		return found
	}
}

// tables is what creates one, in two halves for this file's own sake.
const tables = "CREATE TA" + "BLE "

func schemasAnswer() rule {
	return rule{
		name:   "every column says what it holds",
		reason: "what the server holds about people is published from these lines, and purged by them",
		check: func(h *house) []string {
			var found []string
			for _, f := range h.files {
				if path.Ext(f.path) != ".sql" {
					continue
				}
				if rows, _, err := inventory.Parse(f.text); err != nil {
					found = append(found, f.path+": "+err.Error())
				} else if len(rows) == 0 {
					found = append(found, f.path+" has no table")
				}
			}
			return found
		},
		examples: []example{
			{files: map[string]string{"server/x.sql": "-- TABLE x\n" + tables + "x (\n  sender TEXT NOT NULL\n);\n"}, want: "line 3, table x, column sender"},
			{files: map[string]string{"docket/x.sql": "\n"}, want: "docket/x.sql has no table"},
		},
	}
}

func schemasStandInFiles() rule {
	return rule{
		name:   "tables are made in .sql files only",
		reason: "a table made elsewhere would be in no inventory",
		check: matching(regexp.MustCompile(`(?i)`+tables+`|ALTER TA`+`BLE `), func(f *file) bool {
			return f.syntax != nil && !f.test() && !f.in("inventory")
		}),
		examples: []example{{files: map[string]string{"server/x.go": "package server\nconst x = `create ta" + "ble x (y TEXT)`\n"}, want: "server/x.go:2"}},
	}
}

func dependenciesAreDecided() rule {
	return rule{
		name:   "every dependency has its line in docs/decisions/dependencies.md",
		reason: "each is code that runs with our users' keys or words; somebody decided to trust it, and why",
		check:  dependencies,
		examples: []example{
			{files: map[string]string{"go.mod": "module x\nrequire example.org/a v1.0.0\n", "docs/decisions/dependencies.md": "none\n"}, want: "example.org/a"},
			{files: map[string]string{"go.mod": "module x\nrequire (\n\texample.org/b v1.0.0\n)\n", "docs/decisions/dependencies.md": "example.org/bee\n"}, want: "example.org/b"},
			{files: map[string]string{"go.mod": "module x\n", "docs/decisions/dependencies.md": "- `example.org/gone`: no\n"}, want: "example.org/gone"},
			{files: map[string]string{"go.mod": "module x\n"}, want: "no docs/decisions/dependencies.md"},
			{files: map[string]string{"web/package.json": `{"dependencies":{"a":"1.0.0"}}`, "docs/decisions/dependencies.md": "none\n"}, want: "a is required"},
			{files: map[string]string{"web/package.json": `{"devDependencies":{"@b/c":"1.0.0"}}`, "docs/decisions/dependencies.md": "- `@b/d`: no\n"}, want: "@b/c is required"},
			{files: map[string]string{"web/package.json": `{"devDependencies":{"e":"^1.0.0"}}`, "docs/decisions/dependencies.md": "- `e`: yes\n"}, want: "e is not pinned"},
			{files: map[string]string{"web/package.json": `{`, "docs/decisions/dependencies.md": "none\n"}, want: "web/package.json is not read"},
		},
	}
}

func (h *house) text(name string) (string, bool) {
	at := slices.IndexFunc(h.files, func(f *file) bool { return f.path == name })
	if at < 0 {
		return "", false
	}
	return h.files[at].text, true
}

// dependencies compares the direct requirements of go.mod and of the web app
// with the lines of the decision, each of which begins "- `path`".
func dependencies(h *house) []string {
	const where = "docs/decisions/dependencies.md"
	decisions, ok := h.text(where)
	if !ok {
		return []string{"there is no " + where}
	}
	mod, _ := h.text("go.mod")
	decided, required := map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^- `([^`]+)`").FindAllStringSubmatch(decisions, -1) {
		decided[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:require|\t) *([a-z0-9.-]+\.[a-z]+/\S+|[a-z0-9-]+\.[a-z]+/\S+) v\S+$`).FindAllStringSubmatch(mod, -1) {
		required[m[1]] = true
	}
	found := webDependencies(h, required)
	for _, name := range slices.Sorted(maps.Keys(required)) {
		if !decided[name] {
			found = append(found, name+" is required and has no line that begins \"- `"+name+"`\"")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(decided)) {
		if !required[name] {
			found = append(found, name+" has a line in "+where+" and is not required")
		}
	}
	return found
}

// webDependencies adds what the web app names in web/package.json, and reports
// what is not pinned to one version.
func webDependencies(h *house, required map[string]bool) []string {
	text, ok := h.text("web/package.json")
	if !ok {
		return nil
	}
	var p struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return []string{fmt.Sprintf("web/package.json is not read: %v", err)}
	}
	exact := regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)
	var found []string
	for _, list := range []map[string]string{p.Dependencies, p.DevDependencies} {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			required[name] = true
			if !exact.MatchString(list[name]) {
				found = append(found, fmt.Sprintf("%s is not pinned: %s", name, list[name]))
			}
		}
	}
	return found
}

// features lists the words that name a file in every room they pass.
func features() map[string][]string {
	return map[string][]string{
		"account":      {"wire", "server", "server/internal/store"},
		"holdings":     {"wire", "server", "server/internal/store"},
		"introduction": {"wire", "server", "server/internal/store"},
		"live":         {"wire", "client", "server"},
		"mailbox":      {"wire", "client", "server", "server/internal/store"},
		"relay":        {"wire", "client", "server", "server/internal/relay"},
	}
}

func oneWordPerFeature() rule {
	return rule{
		name:   "one word per feature",
		reason: "whoever knows the word can guess the file, in every room",
		check: func(h *house) []string {
			var found []string
			for _, feature := range slices.Sorted(maps.Keys(features())) {
				for _, room := range features()[feature] {
					if name := room + "/" + feature + ".go"; !h.has(name) {
						found = append(found, "there is no "+name)
					}
				}
			}
			for _, f := range h.files {
				word, isGo := strings.CutSuffix(path.Base(f.path), ".go")
				if general := []string{"doc", "codec", "frame", "id", "limits", "error"}; isGo && f.folder() == "wire" && !f.test() &&
					!slices.Contains(general, word) && features()[word] == nil {
					found = append(found, f.path+" is a feature that is not listed")
				}
			}
			return found
		},
		examples: []example{
			{files: map[string]string{"wire/mailbox.go": "package wire\n"}, want: "there is no server/mailbox.go"},
			{files: map[string]string{"wire/other.go": "package wire\n"}, want: "wire/other.go is a feature that is not listed"},
		},
	}
}

func (h *house) has(name string) bool {
	_, ok := h.text(name)
	return ok
}
