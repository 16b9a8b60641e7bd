// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"clarion.chat/clarion/wire"
)

// named expects a refusal whose sentence holds all of the words.
func (p *peer) named(code wire.Code, body wire.Body, words ...string) {
	p.t.Helper()
	r := p.refused(code, body)
	for _, word := range words {
		if !strings.Contains(r.Text, word) {
			p.t.Errorf("the refusal of %T does not name %s: %s", body, word, r.Text)
		}
	}
}

// TestSizes: each limit that an operator lowered is enforced, what just fits is
// taken, and the refusal names the limit and its setting.
func TestSizes(t *testing.T) {
	r := start(t, func(c *Config) {
		c.Sizes = Sizes{Frame: 128 << 10, Body: 8192, Introduction: 4096, Live: 2000, RecoveryBlob: 4096, KeyPackages: 64,
			Invites: 2, InboxCount: 3, InboxBytes: 9000}
	})
	ada, c := r.registered("ada")
	v, m := r.conversation()
	if m.hello.MaxBody != 8192 {
		t.Errorf("the Hello says %d", m.hello.MaxBody)
	}

	a := v.message("")
	a.Body = make([]byte, 8192)
	ok[*wire.Appended](m, a)
	a = v.message("")
	a.Body = make([]byte, 16384)
	m.named(wire.CodeTooLarge, a, "at most 8192 bytes", "max_body", "16384")

	ok[*wire.Done](m, &wire.Live{Mailbox: v.id, Pass: v.pass, Body: make([]byte, 2000)})
	m.named(wire.CodeTooLarge, &wire.Live{Mailbox: v.id, Pass: v.pass, Body: make([]byte, 2001)}, "at most 2000 bytes", "max_live")

	m.ref++
	wide := m.rawRefused(wire.CodeTooLarge, m.ref, frame(wire.KindAppend, uint32(m.ref), make([]byte, 128<<10)...))
	for _, limit := range []string{"131072", "8192", "4096", "2000"} {
		if !strings.Contains(wide.Text, limit) {
			t.Errorf("the refusal does not name %s: %s", limit, wide.Text)
		}
	}

	ok[*wire.Done](c, &wire.PutRecoveryBlob{Version: 2, Blob: make([]byte, 4096)})
	c.named(wire.CodeTooLarge, &wire.PutRecoveryBlob{Version: 3, Blob: make([]byte, 8192)}, "at most 4096 bytes", "max_recovery_blob")
	omar, late := newPerson("omar", r.clock.now()), r.dial("account")
	reg := omar.registration(late)
	reg.RecoveryBlob = make([]byte, 8192)
	omar.authorise(late, reg)
	late.named(wire.CodeTooLarge, reg, "at most 4096 bytes", "max_recovery_blob")

	packages := make([][]byte, 62) // and two from the registration
	for i := range packages {
		packages[i] = []byte{byte(i)}
	}
	ok[*wire.KeyPackageCount](c, &wire.PutKeyPackages{KeyPackages: packages})
	c.named(wire.CodeTooLarge, &wire.PutKeyPackages{KeyPackages: packages[:1]}, "at most 64", "max_key_packages")

	r.inboxSizes(ada, m)
}

// inboxSizes is the part of TestSizes about Ada's inbox.
func (r *running) inboxSizes(ada *person, m *peer) {
	r.t.Helper()
	invite := func() *wire.PutInvite {
		return &wire.PutInvite{Inbox: ada.entry.Inbox, Pass: ada.inboxPass, TokenHash: fill[[32]byte](), Days: 1}
	}
	ok[*wire.Done](m, invite())
	ok[*wire.Done](m, invite())
	m.named(wire.CodeRateLimited, invite(), "at most 2 invites", "max_invites")

	introduction := func(size int) *wire.Introduce {
		return &wire.Introduce{Inbox: ada.entry.Inbox, ID: fill[wire.EnvelopeID](), Body: make([]byte, size)}
	}
	m.named(wire.CodeTooLarge, introduction(8192), "at most 4096 bytes", "max_introduction")
	first := introduction(4096)
	ok[*wire.Appended](m, first)
	ok[*wire.Appended](m, introduction(4096))
	m.named(wire.CodeInboxFull, introduction(1024), "9000", "inbox_bytes")
	ok[*wire.Appended](m, introduction(512))
	m.named(wire.CodeInboxFull, introduction(512), "at most 3", "inbox_introductions")
	ok[*wire.Appended](m, first) // what is there already is answered as before
}

// TestLimitsNamed: what meets a rate is told the rate.
func TestLimitsNamed(t *testing.T) {
	r := start(t, func(c *Config) {
		c.Limits = Limits{Tight: 1e-9, TightBurst: 1, Live: 1e-9, LiveBurst: 1, Commands: 1e-9, CommandBurst: 5}
	})
	p := r.dial("mailbox")
	p.refused(wire.CodeNoAccount, &wire.LookUp{Name: "ada"})
	p.named(wire.CodeRateLimited, &wire.LookUp{Name: "ada"}, "at most 1e-09 a second", "1 at once")
	p.refused(wire.CodeNoMailbox, &wire.Live{})
	p.named(wire.CodeTooManyLive, &wire.Live{}, "1 at once")
	p.refused(wire.CodeNoMailbox, &wire.Read{Limit: 1})
	p.named(wire.CodeRateLimited, &wire.Read{Limit: 1}, "5 at once")
}

// TestSettingsRefused: a server does not open under sizes or rates that cannot
// be meant, and names the setting.
func TestSettingsRefused(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"max_body":            func(c *Config) { c.Sizes.Body = wire.MaxBody + 1 },
		"max_introduction":    func(c *Config) { c.Sizes.Introduction = 5000 },
		"max_live":            func(c *Config) { c.Sizes.Live = -1 },
		"max_frame":           func(c *Config) { c.Sizes.Frame = 200 << 10 },
		"inbox_bytes":         func(c *Config) { c.Sizes.InboxBytes = 100 << 10 },
		"max_key_packages":    func(c *Config) { c.Sizes.KeyPackages = 63 },
		"connections":         func(c *Config) { c.Limits.Connections = -1 },
		"commands_per_second": func(c *Config) { c.Limits.Commands = math.NaN() },
		"write":               func(c *Config) { c.Limits.Write = -1 },
	} {
		c := Config{DataDir: t.TempDir(), Host: testHost}
		change(&c)
		_, err := Open(c)
		var at *SettingError
		if !errors.As(err, &at) || at.Key != key {
			t.Errorf("%s: %v", key, err)
		}
	}
	// Each setting takes all of its range.
	for i := range new(Sizes).Settings() {
		var low Sizes
		for j, s := range low.Settings() {
			*s.Value = s.Least
			if i == j {
				*s.Value = s.Most
			}
		}
		low.Frame, low.InboxBytes = wire.MaxFrame, 1<<30 // those that bound others
		if err := low.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestLoweredLimitKeepsWhatIsThere: a mailbox with bodies past a limit that was
// lowered later is read as before.
func TestLoweredLimitKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	r := startIn(t, dir, nil)
	v, m := r.conversation()
	a := v.message("")
	a.Body = make([]byte, wire.MaxBody)
	ok[*wire.Appended](m, a)
	r.stop()
	r = startIn(t, dir, func(c *Config) { c.Sizes.Body = 4096 })
	e, err := r.srv.store.Read(context.Background(), v.id, v.pass, 0, 1, catchBytes)
	if err != nil || len(e.Envelopes) != 1 || len(e.Envelopes[0].Body) != wire.MaxBody {
		t.Fatalf("%v", err)
	}
}
