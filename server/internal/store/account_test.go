// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"clarion.chat/clarion/wire"
)

// execute returns work for the writer's connection.
func execute(query string, args ...any) func(*sql.Conn) error {
	return func(c *sql.Conn) error {
		_, err := c.ExecContext(context.Background(), query, args...)
		return err
	}
}

// newAccount is an account as the server hands it down; the store does not
// look into entries.
func newAccount(name string) *NewAccount {
	device := random32[[32]byte]()
	return &NewAccount{
		Name: name, Chain: [][]byte{[]byte("entry 0 of " + name)}, Inbox: random32[wire.MailboxID](),
		InboxPass: random32[wire.Pass]().Hash(), Devices: [][32]byte{device},
		Packages: Packages{Device: device, OneTime: [][]byte{[]byte("package of " + name)}, LastResort: []byte("last of " + name)},
		Blob:     body("blob of " + name), BlobVersion: 1,
	}
}

func registered(t testing.TB, s *Store, name string) *NewAccount {
	t.Helper()
	a := newAccount(name)
	if err := s.Register(a); err != nil {
		t.Fatal(err)
	}
	return a
}

// files returns the bytes of all of the folder's files.
func files(t testing.TB, dir string) []byte {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, f := range all {
		one, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, one...)
	}
	return b
}

func TestDeleteEverything(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, Options{Dir: dir})
	const name = "adalovelace"
	a := registered(t, s, name)
	registered(t, s, "omar")
	c := newChat(t, s, 30)
	must(t, s, c.message(body("in a conversation of ada's")))
	intro := make(chan error, 1)
	s.Introduce(&wire.Introduce{Inbox: a.Inbox, ID: random16(), Body: body("introduction to ada")},
		func(_ wire.Seq, err error) { intro <- err })
	if err := <-intro; err != nil {
		t.Fatal(err)
	}
	traces := []string{name, "entry 0 of " + name, "package of " + name, "introduction to ada", string(a.Inbox[:])}
	before := files(t, dir)
	for _, trace := range traces { // the control
		if !bytes.Contains(before, []byte(trace)) {
			t.Fatalf("%q is not found before the deletion, so the search proves nothing", trace)
		}
	}
	held, err := s.Holdings(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	deleted, err := s.DeleteEverything(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range held {
		if held[i] != deleted[i] || held[i].Rows == 0 && held[i].Table != "inbox_invite" {
			t.Errorf("held %+v, deleted %+v", held[i], deleted[i])
		}
	}
	after := files(t, dir)
	for _, trace := range traces {
		if bytes.Contains(after, []byte(trace)) {
			t.Errorf("%q is still in the data folder", trace)
		}
	}
	// What nothing ties to the account stays.
	if e := readAll(t, s, c.id, c.pass); len(e.Envelopes) != 1 {
		t.Error("an envelope of a conversation went too")
	}
	if _, err := s.Chain(context.Background(), "omar"); err != nil {
		t.Error(err)
	}
	_, err = s.DeleteEverything(name)
	wantCode(t, err, wire.CodeNoAccount)
}

func TestNameIsNeverGivenAgain(t *testing.T) {
	dir := t.TempDir()
	s, stop := open(t, Options{Dir: dir})
	registered(t, s, "ada")
	if _, err := s.DeleteEverything("ada"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Register(newAccount("ada")), wire.CodeNameDeleted)
	stop()
	s, _ = open(t, Options{Dir: dir})
	wantCode(t, s.Register(newAccount("ada")), wire.CodeNameDeleted)
	registered(t, s, "adam")
	var marks int
	if err := s.reads.QueryRow(`SELECT count(*) FROM tombstone WHERE name_mac = $1`, s.tombstone("ada")).Scan(&marks); err != nil || marks != 1 {
		t.Fatal(marks, err)
	}
}

// TestRegisterIsWhole lets a registration fail at its last step and looks for
// what it left behind.
func TestRegisterIsWhole(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	a := newAccount("ada")
	a.Packages.Device = random32[[32]byte]() // a device that the account does not name
	err := s.Register(a)
	wantCode(t, err, wire.CodeStoreDown)
	c := newChat(t, s, 30)
	must(t, s, c.message(body("the others of its batch stand")))
	_, err = s.Chain(context.Background(), "ada")
	wantCode(t, err, wire.CodeNoAccount)
	registered(t, s, "ada")
}

func TestPackageLimit(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	a := registered(t, s, "ada")
	p := &Packages{Device: a.Devices[0]}
	for range wire.MaxPackages {
		p.OneTime = append(p.OneTime, []byte("package"))
	}
	for range 3 {
		if _, err := s.PutKeyPackages("ada", p); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.PutKeyPackages("ada", p)
	wantCode(t, err, wire.CodeTooLarge)
	n, err := s.CountKeyPackages(context.Background(), "ada", a.Devices[0])
	if err != nil || n.Left != 3*wire.MaxPackages+1 || !n.LastResort {
		t.Fatalf("%+v %v", n, err)
	}
	p.Device = random32[[32]byte]()
	_, err = s.PutKeyPackages("ada", p)
	wantCode(t, err, wire.CodeNotSignedIn)
}
