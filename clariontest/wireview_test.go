// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// view is a server, everything that passes to it, and what must not be seen.
type view struct {
	*Server
	t       *testing.T
	net     *proxy
	log     lockedBuffer
	logger  *slog.Logger
	markers map[string][]byte // what must be nowhere
	passes  map[string][]byte // what passes by and must not be stored
}

func newView(t *testing.T, change ...func(*server.Config)) *view {
	v := &view{t: t, markers: map[string][]byte{}, passes: map[string][]byte{}}
	v.logger = slog.New(slog.NewTextHandler(&v.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	v.Server = NewServer(t, append(change, func(c *server.Config) { c.Log = v.logger })...)
	v.net = newProxy(t, v.Host)
	v.URL = v.net.URL
	return v
}

// person registers somebody and notes the secrets that must stay with them.
func (v *view) person(name string) *Client { return v.personWith(name, nil) }

// personWith is person for somebody whose randomness comes from elsewhere.
func (v *view) personWith(name string, random io.Reader) *Client {
	v.t.Helper()
	c, words := v.RegisterWith(name, Options{Rand: random, Dialer: &Tap{Up: func(_ *Link, _ wire.Ref, body wire.Body) bool {
		v.notePass(body)
		return true
	}}})
	for i := range len(words) - 1 {
		for _, between := range []string{" ", "\n", ",", ""} {
			v.markers[fmt.Sprintf("%s's words %d %q", name, i, between)] = []byte(words[i] + between + words[i+1])
		}
	}
	me, err := c.WhoAmI(Context(v.t))
	if err != nil {
		v.t.Fatal(err)
	}
	v.markers[name+"'s identity seed"] = seedOf(v.t, c, me.Fingerprint)
	v.markers[name+"'s device seed"] = seedOf(v.t, c, me.Device)
	return c
}

// seedOf finds, in a client's vault, the 32 bytes whose Ed25519 public key has
// a fingerprint.
func seedOf(t testing.TB, c *Client, fingerprint string) []byte {
	t.Helper()
	b, err := c.Vault.Get(context.Background(), "self")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+32 <= len(b); i++ {
		public := ed25519.NewKeyFromSeed(b[i : i+32]).Public().(ed25519.PublicKey)
		if sum := sha256.Sum256(public); hex.EncodeToString(sum[:]) == fingerprint {
			return bytes.Clone(b[i : i+32])
		}
	}
	t.Fatal("no seed with this fingerprint in the vault")
	return nil
}

// notePass keeps each pass that is shown. The Tap calls it.
func (v *view) notePass(body wire.Body) {
	var pass wire.Pass
	switch b := body.(type) {
	case *wire.Append:
		pass = b.Pass
	case *wire.Read:
		pass = b.Pass
	case *wire.Subscribe:
		pass = b.Pass
	case *wire.PutInvite:
		pass = b.Pass
	case *wire.Live:
		pass = b.Pass
	default:
		return
	}
	v.log.mu.Lock() // several clients' Taps share the map
	defer v.log.mu.Unlock()
	v.passes["pass "+hex.EncodeToString(pass[:4])] = bytes.Clone(pass[:])
}

// shown is a copy of the passes kept so far.
func (v *view) shown() map[string][]byte {
	v.log.mu.Lock()
	defer v.log.mu.Unlock()
	return maps.Clone(v.passes)
}

// stored is every file of the data folder, a backup made now, the tables as a
// query gives them, and the log.
func (v *view) stored() map[string][]byte {
	v.t.Helper()
	all := files(v.t, v.Dir)
	backup := filepath.Join(v.t.TempDir(), "backup")
	v.Backup(backup)
	all["backup"] = files(v.t, filepath.Dir(backup))["backup"]
	all["tables"] = v.tables(backup)
	all["log"] = v.log.bytes()
	for _, place := range []string{"clarion.db", "backup", "tables"} {
		if len(all[place]) < 2000 {
			v.t.Fatalf("%s: nothing to search in", place)
		}
	}
	return all
}

// TestWireView looks at everything that passes and everything that is stored
// for what the server must not know. Each search is then repeated with the
// same things planted unsealed, and must find them.
func TestWireView(t *testing.T) {
	v := newView(t)
	ada, omar := v.person("ada"), v.person("omar")
	lin := v.person("lin")
	v.live(ada, omar, lin)
	passes := v.shown() // marks may still be on their way, with passes of their own
	for place, b := range v.stored() {
		for what, marker := range v.markers {
			if holds(b, marker) {
				t.Errorf("%s is in %s", what, place)
			}
		}
		for what, pass := range passes {
			if holds(b, pass) {
				t.Errorf("%s is in %s", what, place)
			}
		}
	}
	traffic := v.net.traffic("", nil)
	for what, marker := range v.markers {
		if holds(traffic, marker) {
			t.Errorf("%s is in what passes by", what)
		}
	}
	if len(passes) < 6 {
		t.Errorf("only %d passes were seen", len(passes))
	}
	for _, pass := range passes { // the searcher sees through masks: passes do travel
		if !holds(traffic, pass) {
			t.Error("a pass that was shown is not found in what passes by")
		}
	}
	v.quietLog()
	v.planted()
}

// live is a day in the life of three people: they meet, write, make a group,
// and part.
func (v *view) live(ada, omar, lin *Client) {
	t := v.t
	for _, c := range []*Client{omar, lin} {
		ada.Online()
		inv, err := ada.Invite(Context(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(inv.Link)
		if err != nil {
			t.Fatal(err)
		}
		_, fragment, _ := strings.Cut(u.Fragment, "/")
		b, err := base64.RawURLEncoding.DecodeString(fragment)
		if err != nil {
			t.Fatal(err)
		}
		v.markers["the invite's secret for "+c.Name] = b[len(b)-32:]
		v.markers["the invite's fragment for "+c.Name] = []byte(fragment)
		conv, err := c.Accept(Context(t), inv.Link)
		if err != nil {
			t.Fatal(err)
		}
		c.Online()
		join(ada, conv.ID)
	}
	v.markers["the group's name"] = []byte("Harbour of the quiet")
	g, err := ada.NewGroup(Context(t), "Harbour of the quiet", []string{"omar"})
	if err != nil {
		t.Fatal(err)
	}
	join(omar, g.ID)
	ada.Online()
	if err := ada.AddMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	join(lin, g.ID)
	for _, c := range []*Client{ada, omar, lin} {
		c.Online() // up to date with the directory
	}
	// From here on they know one another: no name passes any more.
	since := v.net.mark()
	for i, c := range []*Client{ada, omar, lin, ada} {
		text := fmt.Sprintf("a secret of %s number %d", c.Name, i)
		v.markers["message "+fmt.Sprint(i)] = []byte(text)
		c.Say(g.ID, text)
		for _, other := range []*Client{ada, omar, lin} {
			if other != c {
				other.AwaitText(text)
			}
		}
		if err := c.Typing(Context(t), g.ID); err != nil {
			t.Fatal(err)
		}
	}
	v.noNames("mailbox-door traffic after the introduction", v.net.traffic("mailbox", since))
	v.noNames("what mailboxes store", v.mailboxTables())
	if err := ada.RemoveMember(Context(t), g.ID, "lin"); err != nil {
		t.Fatal(err)
	}
	Await(omar, "Lin's removal", func(e client.MemberRemoved) bool { return e.Handle.Name == "lin" })
}

// noNames fails the test when bytes hold anybody's name.
func (v *view) noNames(what string, b []byte) {
	v.t.Helper()
	if found := namesIn(b); len(found) > 0 {
		v.t.Errorf("%s holds the names %v", what, found)
	}
	if len(b) < 2000 {
		v.t.Errorf("%s: only %d bytes were searched", what, len(b))
	}
}

// namesIn finds people's names, each with the byte before it, which is the end
// of its length in our encoding, or the @ and letters of a text.
func namesIn(b []byte) []string {
	var found []string
	for _, name := range []string{"ada", "omar", "lin"} {
		for _, form := range []string{name + "@", "\x00\x00\x00" + string(rune(len(name))) + name, `"` + name + `"`, " " + name + " "} {
			if bytes.Contains(b, []byte(form)) {
				found = append(found, name)
			}
		}
	}
	return found
}

// mailboxTables is the content of the tables about mailboxes, and of the blobs
// that a person's contacts are sealed in.
func (v *view) mailboxTables() []byte {
	copied := filepath.Join(v.t.TempDir(), "copy")
	v.Backup(copied)
	return v.tables(copied, "mailbox", "mailbox_epoch", "envelope", "inbox_invite", "recovery_blob")
}

// tables is what the columns of a database hold; with names, only of those
// tables, and without the column that says whose a row is.
func (v *view) tables(file string, names ...string) []byte {
	var all []byte
	for _, tb := range dump(v.t, file) {
		if len(names) > 0 && !slices.Contains(names, tb.name) {
			continue
		}
		for _, r := range tb.rows {
			for i, c := range r {
				if b, ok := c.([]byte); ok {
					all = append(append(all, b...), 0)
				} else if s, ok := c.(string); ok && (len(names) == 0 || tb.columns[i] != "name") {
					all = append(append(all, s...), 0)
				}
			}
		}
	}
	return all
}

// overlapping cuts what is to be planted into pieces that fit a page of the
// database whole. They overlap, so that each marker is whole in one of them.
func overlapping(all []byte) [][]byte {
	const size, step = 512, 384
	var pieces [][]byte
	for at := 0; at < len(all); at += step {
		piece := make([]byte, size)
		copy(piece, all[at:])
		pieces = append(pieces, piece)
	}
	return pieces
}

// quietLog lets the server start, stop, purge, refuse and be shouted at, and
// looks for people in its log.
func (v *view) quietLog() {
	k := v.Knock(v.net.URL, client.MailboxDoor)
	_, err := k.Ask(Context(v.t), &wire.LookUp{Name: "nobody-of-that-name"})
	FailsWith(v.t, err, string(wire.CodeNoAccount))
	if err := k.conn.Send(Context(v.t), []byte("no frame of ours, by ada")); err != nil {
		v.t.Fatal(err)
	}
	v.Clock.Add(31 * day)
	v.purge()
	v.Restart()
	v.purge()
	log := v.log.bytes()
	if !bytes.Contains(log, []byte("purged")) {
		v.t.Fatalf("the log says nothing, so nothing can be told from it: %q", log)
	}
	if found := peopleIn(log); len(found) > 0 {
		v.t.Errorf("the log holds %v:\n%s", found, log)
	}
}

// peopleIn finds addresses, handles and ids in a log.
func peopleIn(log []byte) []string {
	found := namesIn(log)
	for _, address := range []string{"127.0.0.1", "[::1]", "localhost"} {
		if bytes.Contains(log, []byte(address)) {
			found = append(found, address)
		}
	}
	digits := 0 // a row of hexadecimal digits long enough to be an id
	for _, b := range log {
		if (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') {
			if digits++; digits == 16 {
				found = append(found, "something like an id")
			}
		} else {
			digits = 0
		}
	}
	return found
}

// planted puts everything that was searched for, unsealed, where it must not
// be, and expects the same searches to find it there.
func (v *view) planted() {
	t := v.t
	var all []byte
	for _, list := range []map[string][]byte{v.markers, v.shown()} {
		for _, marker := range list {
			all = append(append(all, marker...), ';')
		}
	}
	all = append(all, "ada@host omar@host lin@host"...)
	k := v.Knock(v.net.URL, client.MailboxDoor)
	box, pass := wire.MailboxID{1, 2, 3}, wire.Pass{4, 5, 6}
	k.Must(v.Server, &wire.CreateMailbox{Mailbox: box, Pass: pass.Hash(), Keep: 30})
	since := v.net.mark()
	pieces := overlapping(all)
	for _, body := range pieces {
		k.Must(v.Server, &wire.Live{Mailbox: box, Pass: pass, Body: body})
	}
	v.found("live frames", v.net.traffic("mailbox", since))
	since = v.net.mark()
	for i, body := range pieces {
		id := wire.EnvelopeID{7, byte(i >> 8), byte(i)}
		k.Must(v.Server, &wire.Append{Mailbox: box, Pass: pass, ID: id, EnvelopeKind: wire.KindMessage, Body: body})
	}
	v.found("envelopes on their way", v.net.traffic("mailbox", since))
	v.logger.Info("planted", "what", string(all), "hex", hex.EncodeToString(all), "from", "127.0.0.1:9")
	stored := v.stored()
	for _, place := range []string{"clarion.db-wal", "backup", "tables", "log"} {
		v.found(place, stored[place])
	}
	v.found("the mailboxes' tables", v.mailboxTables())
	v.purge() // moves the write-ahead log into the database
	v.found("clarion.db", v.stored()["clarion.db"])
	if found := peopleIn(stored["log"]); len(found) < 5 {
		t.Errorf("of the names, address and ids planted in the log only %v are found", found)
	}
}

// found fails the test unless everything planted is found.
func (v *view) found(place string, b []byte) {
	v.t.Helper()
	for _, list := range []map[string][]byte{v.markers, v.shown()} {
		for what, marker := range list {
			if !holds(b, marker) {
				v.t.Errorf("%s was planted in %s and is not found", what, place)
			}
		}
	}
	if len(namesIn(b)) < 3 {
		v.t.Errorf("the names planted in %s are not found", place)
	}
}
