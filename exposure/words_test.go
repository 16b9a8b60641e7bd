// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryCodeHasWordsAndProof: no sentence without its test, no test without
// its sentence, and each once.
func TestEveryCodeHasWordsAndProof(t *testing.T) {
	words, proofs := map[string]string{}, map[string]string{}
	for _, w := range Words() {
		if words[w.Code] != "" {
			t.Errorf("%s has words twice", w.Code)
		}
		words[w.Code] = w.Text
	}
	for _, p := range Proofs() {
		if proofs[p.Code] != "" {
			t.Errorf("%s has two tests", p.Code)
		}
		proofs[p.Code] = p.Test
		if words[p.Code] == "" {
			t.Errorf("%s has no words", p.Code)
		}
		if !regexp.MustCompile(`^([a-z]+\.Test[A-Z]\w+|web/e2e/[a-z]+\.spec\.ts: .+)$`).MatchString(p.Test) {
			t.Errorf("%s names %q, which is no test", p.Code, p.Test)
		}
	}
	heading := regexp.MustCompile(`^(role|tense|feature)_`)
	for code, text := range words {
		if proofs[code] == "" && !heading.MatchString(code) {
			t.Errorf("%s has no test", code)
		}
		if !heading.MatchString(code) && !strings.HasSuffix(text, ".") {
			t.Errorf("%s is no sentence: %s", code, text)
		}
	}
}

// TestReportsSayAll: each code of a report is said of some facts, with all that
// its sentence mentions, and nothing else is.
func TestReportsSayAll(t *testing.T) {
	said := map[string]bool{}
	of := func(f Facts) {
		r := Of(f)
		r.claims(func(_ string, c Claim) {
			if said[c.Code] {
				return
			}
			said[c.Code] = true
			text := text(c.Code)
			for arg, missing := range map[string]bool{"{who}": c.Args.Who == "", "{host}": c.Args.Host == "", "{count}": c.Args.Count == 0,
				"{some}": c.Args.Some == 0, "{date}": c.Args.At.IsZero()} {
				if strings.Contains(text, arg) && missing {
					t.Errorf("%s mentions %s, which its claim has not", c.Code, arg)
				}
			}
			if s := Sentence(c); s == "" || strings.ContainsAny(s, "{}") {
				t.Errorf("%s says %q", c.Code, s)
			}
		})
	}
	n := 0
	every(func(f Facts) {
		if n++; n%5 == 0 { // each value meets each other one all the same
			of(f)
		}
	})
	for _, program := range []Program{ProgramBrowser, ProgramNative} {
		of(Facts{Sends: Sends{Video: true}, People: []Person{{Handle: companies()[1][0].Handle, CheckedAt: day, Program: program}}})
	}
	for _, p := range callProofs {
		if !said[p.Code] {
			t.Errorf("no facts lead to %s", p.Code)
		}
	}
	for code := range said {
		if !slices.ContainsFunc(ReportWords(), func(w Word) bool { return w.Code == code }) {
			t.Errorf("%s is not among the words of reports", code)
		}
	}
}

// TestTable: each feature has what the other person, the server, the network
// and whoever serves the page see of it; each code of a table stands in it.
func TestTable(t *testing.T) {
	has, used := map[string]bool{}, map[string]bool{}
	for _, c := range Table() {
		has[string(c.Feature)+" "+string(c.Role)] = true
		used[c.Claim.Code] = true
		if c.Claim.Test == "" || Sentence(c.Claim) == "" || strings.Contains(Sentence(c.Claim), "{") {
			t.Errorf("%s has the test %q and says %q", c.Claim.Code, c.Claim.Test, Sentence(c.Claim))
		}
		if Heading("feature", c.Feature) == "" || Heading("role", c.Role) == "" || Heading("tense", c.Claim.Tense) == "" {
			t.Errorf("%+v has a part without a name", c)
		}
	}
	for _, f := range Features() {
		for _, role := range []Role{RolePeer, RoleHost, RoleNetwork, RolePage, RoleStranger} {
			if none := f == FeaturePage && role == RolePeer; has[string(f)+" "+string(role)] == none {
				t.Errorf("what is said of %s for %s", f, role)
			}
		}
		if has[string(f)+" relay"] != (f == FeatureRelayed) {
			t.Errorf("what is said of %s for the relay", f)
		}
	}
	for _, p := range tableProofs() {
		if !used[p.Code] {
			t.Errorf("%s stands in no table", p.Code)
		}
	}
}
