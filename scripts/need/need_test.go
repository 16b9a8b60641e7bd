// SPDX-License-Identifier: AGPL-3.0-or-later

package need

import "testing"

func TestOlder(t *testing.T) {
	for _, tc := range []struct {
		version, least string
		want           bool
	}{
		{"v20.20.2\n", "20.19", false},
		{"v20.19.0\n", "20.19", false},
		{"v20.18.3\n", "20.19", true},
		{"v18.20.4\n", "20.19", true},
		{"v24.0.0\n", "20.19", false},
		{"20", "20", false},
		{"20", "20.19", true},
		{"none\n", "20", true},
		{"", "1", true},
		{"", "", false},
	} {
		if got := older(tc.version, tc.least); got != tc.want {
			t.Errorf("%q older than %q: %v, want %v", tc.version, tc.least, got, tc.want)
		}
	}
}

func TestWithout(t *testing.T) {
	programs := []Program{
		{Name: "go", Why: "a test"},
		{Name: "no-such-program", Why: "a test"},
		{Name: "no-such-program", Places: "/proc/*/no-such", Why: "a test"},
		{Name: "status", Places: "/proc/self", Why: "a test"},
	}
	got := without(t.Context(), programs)
	if len(got) != 2 || got[0].Name != "no-such-program" || got[1].Name != "no-such-program" {
		t.Errorf("%v are missing, want the two that nobody has", got)
	}
}
