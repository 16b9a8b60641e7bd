// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestCountOfSpecs(t *testing.T) {
	one := func(status, errs string) string {
		return `{"title":"a spec","line":7,"tests":[{"status":"` + status + `","results":[{"status":"x","errors":[` + errs + `],"stdout":[{"text":"printed"}]}]}]}`
	}
	suites := func(specs ...string) []byte {
		return []byte(`{"suites":[{"title":"f","file":"f.spec.ts","specs":[],"suites":[{"title":"part","specs":[` + strings.Join(specs, ",") + `]}]}],"errors":[],"stats":{"duration":5}}`)
	}
	bad := errors.New("exit status 1")
	for name, tc := range map[string]struct {
		out    []byte
		err    error
		passed int
		failed []string
	}{
		"passing":             {suites(one("expected", ""), one("expected", "")), nil, 2, nil},
		"failing":             {suites(one("expected", ""), one("unexpected", `{"message":"\u001b[31mwords"}`)), bad, 1, []string{"f.spec.ts › part:7 a spec\nunexpected\nwords\n\nprinted"}},
		"skipped":             {suites(one("skipped", "")), nil, 0, []string{"skipped"}},
		"passed when retried": {suites(one("flaky", "")), nil, 0, []string{"flaky"}},
		"does not load":       {[]byte(`{"suites":[],"errors":[{"message":"cannot read"}]}`), bad, 0, []string{"cannot read"}},
		"has no test":         {[]byte(`{"suites":[],"errors":[]}`), nil, 0, []string{"no test ran"}},
		"says nothing":        {nil, bad, 0, []string{"there is no report"}},
		"ends badly":          {suites(one("expected", "")), bad, 1, []string{"exit status 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := &record{}
			countSpecs("sample", tc.out, "", tc.err, got)
			if got.passed != tc.passed || len(got.failed) != len(tc.failed) {
				t.Fatalf("%d passed and %q failed, want %d and %q", got.passed, got.failed, tc.passed, tc.failed)
			}
			for i, words := range tc.failed {
				if !strings.Contains(got.failed[i], words) {
					t.Errorf("failure %d is %q, want %q in it", i, got.failed[i], words)
				}
			}
		})
	}
}
