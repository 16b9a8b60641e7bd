// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/wire"
)

func readAbout(t *testing.T, srv *Server) about {
	t.Helper()
	resp := fetch(srv, "GET", "/about.json", "Origin: https://evil.test")
	h := resp.Header
	if resp.StatusCode != 200 || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" ||
		h.Get("Access-Control-Allow-Origin") != "" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Fatalf("%d %v", resp.StatusCode, h)
	}
	var a about
	d := json.NewDecoder(resp.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAbout: what is said before an account exists is what was configured, or
// nothing, and what the schema's own annotations say.
func TestAbout(t *testing.T) {
	r := start(t, nil)
	a := readAbout(t, r.srv)
	if a.Operator != "" || a.Jurisdiction != "" || a.Contact != "" || a.Version != "" || a.Host != testHost || a.Registration != "open" || a.KeepDays != 30 {
		t.Errorf("without settings: %+v", a)
	}
	r = start(t, func(c *Config) {
		c.Operator, c.Jurisdiction, c.Contact, c.Version = `Lin & "friends"`, "Iceland", "post@clarion.test", "v1"
		c.Keep, c.Registration, c.Web = 7, RegistrationInvite, fstest.MapFS{"index.html": {}, "about.json": {Data: []byte("a file")}}
	})
	a = readAbout(t, r.srv)
	if a.Operator != `Lin & "friends"` || a.Jurisdiction != "Iceland" || a.Contact != "post@clarion.test" || a.Version != "v1" ||
		a.KeepDays != 7 || a.Registration != "invite" {
		t.Errorf("with settings: %+v", a)
	}
	if resp := fetch(r.srv, "POST", "/about.json"); resp.StatusCode != 405 {
		t.Errorf("POST: %d", resp.StatusCode)
	}
	rows, err := Inventory()
	if err != nil {
		t.Fatal(err)
	}
	var want []holding
	for _, row := range rows {
		if row.Whose != "nobody" && row.Whose != "the server" && row.Whose != "the operator" {
			want = append(want, holding{row.Table, row.Holds, row.Why, inventory.Sentence(row.Until), row.Until})
		}
	}
	if !slices.Equal(a.Holds, want) || len(want) < 40 {
		t.Errorf("it says %d lines, the inventory %d", len(a.Holds), len(want))
	}
	if !slices.Equal(a.Could, inventory.Could()) || !slices.Equal(a.Cannot, inventory.Cannot()) || !slices.Equal(a.Beyond, inventory.Beyond()) ||
		len(a.Could)*len(a.Cannot)*len(a.Beyond) == 0 {
		t.Errorf("the sentences are not the inventory's: %q %q %q", a.Could, a.Cannot, a.Beyond)
	}
	for _, h := range a.Holds {
		if h.What == "" || h.Why == "" || h.Until == "" {
			t.Errorf("%+v", h)
		}
	}
}

// TestAboutNamesWhatIsCounted: every table in which the server finds rows of an
// account is among those that were told before.
func TestAboutNamesWhatIsCounted(t *testing.T) {
	r := start(t, nil)
	_, c := r.registered("ada")
	told := readAbout(t, r.srv).Holds
	for _, table := range ok[*wire.Holdings](c, &wire.GetHoldings{}).Tables {
		if !slices.ContainsFunc(told, func(h holding) bool { return h.Table == table.Table }) {
			t.Errorf("%s is counted, and not told before", table.Table)
		}
	}
}

func TestStatement(t *testing.T) {
	for _, text := range []string{"", "Lin", "Ada's harbour, 12 Quay Street", "Łódź, البحر", strings.Repeat("x", MaxStatement)} {
		if err := Statement(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"two\nlines", "bell\a", "\u202egnihton", "\xff", "\u2028", strings.Repeat("x", MaxStatement+1)} {
		if err := Statement(text); err == nil {
			t.Errorf("%q is taken", text)
		}
		if _, err := Open(Config{DataDir: t.TempDir(), Host: testHost, Operator: text}); err == nil {
			t.Errorf("a server opens as %q", text)
		}
	}
}
