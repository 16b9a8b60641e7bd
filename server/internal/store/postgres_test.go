// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"clarion.chat/clarion/wire"
)

// sqliteOnly names the statements that PostgreSQL is not asked, by how they
// begin, with the reason.
func sqliteOnly() map[string]string {
	return map[string]string{
		"PRAGMA":      "the care of SQLite's own file: its log, its integrity, whether it is empty",
		"VACUUM INTO": "a copy of SQLite's file; a PostgreSQL is backed up by its own means",
	}
}

// statement is an SQL text of this package's code.
type statement struct {
	at    string
	text  string
	whole bool // the text is all of it; else the beginning, or with verbs of fmt
}

// matches tells whether s, as it was sent, is an instance of the statement.
func (st *statement) matches(s string) bool {
	if st.whole {
		return s == st.text
	}
	pattern := regexp.QuoteMeta(st.text)
	pattern = strings.NewReplacer("%s", `[a-z_]+(, [a-z_]+)*`, "%d", `[0-9]+`).Replace(pattern)
	return regexp.MustCompile("^" + pattern).MatchString(s)
}

// sqlStart is how every statement begins.
var sqlStart = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES|MERGE|BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|CREATE|DROP|ALTER|TRUNCATE|LOCK|SET|PRAGMA|VACUUM|ANALYZE|REINDEX|ATTACH|DETACH|EXPLAIN)\s`)

// statements finds the SQL of the package's code in its string literals.
func statements(t *testing.T) []statement {
	t.Helper()
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []statement
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		joined := make(map[ast.Node]bool) // operands of a +
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				joined[n.X], joined[n.Y] = true, true
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if n.Kind == token.STRING && err == nil && sqlStart.MatchString(text) {
					whole := !joined[n] && !strings.Contains(text, "%")
					all = append(all, statement{set.Position(n.Pos()).String(), text, whole})
				}
			}
			return true
		})
	}
	return all
}

// recorder keeps the statements that a connection sends.
type recorder struct {
	mu   sync.Mutex
	sent map[string]bool
}

func (r *recorder) note(ctx context.Context, text string) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[text] = true
	return ctx
}

// TraceQueryStart is called by pgx.
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return r.note(ctx, q.SQL)
}

// TraceQueryEnd is called by pgx.
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TracePrepareStart is called by pgx.
func (r *recorder) TracePrepareStart(ctx context.Context, _ *pgx.Conn, q pgx.TracePrepareStartData) context.Context {
	return r.note(ctx, q.SQL)
}

// TracePrepareEnd is called by pgx.
func (r *recorder) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

// onPostgres runs the store's own code on an empty PostgreSQL: all but what
// opens the file. stop ends the writer; the connections stay until the test ends.
func onPostgres(t *testing.T, c *clock) (s *Store, r *recorder, stop func()) {
	t.Helper()
	config, err := pgx.ParseConfig("host=" + startPostgres(t) + " user=clarion dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	r = &recorder{sent: make(map[string]bool)}
	db := stdlib.OpenDB(*config)
	setUp(t, db)
	config.Tracer = r
	reads, writes := stdlib.OpenDB(*config), stdlib.OpenDB(*config)
	s = &Store{
		o: Options{Host: testHost, Clock: c.now, Keep: wire.MaxKeep, Brief: time.Minute, Bounds: Bounds{}.withDefaults(), Committed: func([]Event) {}}, reads: reads, writes: writes,
		ops: make(chan *op, 4*maxBatch), stmts: make(map[string]*sql.Stmt), boxes: make(map[wire.MailboxID]*box),
	}
	if s.conn, err = writes.Conn(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.meta, err = readRow(s.conn); err != nil || s.meta.Host != testHost {
		t.Fatal(s.meta.Host, err)
	}
	if _, s.limits, err = Inventory(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		for _, st := range s.stmts {
			_ = st.Close()
		}
		_ = s.conn.Close()
		for _, db := range []*sql.DB{reads, writes, db} {
			_ = db.Close()
		}
	})
	return s, r, stop
}

// setUp makes the tables and the first row.
func setUp(t *testing.T, db *sql.DB) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	texts := Schema()
	for _, name := range schemaNames() {
		if _, err := tx.Exec(postgres(texts[name])); err != nil {
			t.Fatalf("schema/%s: %v", name, err)
		}
	}
	if err := writeRow(tx, testHost); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestPostgres runs the store on a real PostgreSQL, and has it prepare every
// statement of the package's code.
func TestPostgres(t *testing.T) {
	c := new(clock)
	s, r, stop := onPostgres(t, c)
	t.Run("control", func(t *testing.T) {
		for _, wrong := range []string{`SELECT count(*) FROM sqlite_schema`, `BEGIN IMMEDIATE`} {
			if _, err := s.reads.Exec(wrong); err == nil {
				t.Fatal("PostgreSQL takes what only SQLite has, so it refuses nothing")
			}
			delete(r.sent, wrong)
		}
		var first string
		byBytes := `SELECT collation_name FROM information_schema.columns WHERE table_name = 'account' AND column_name = 'name'`
		if err := s.reads.QueryRow(byBytes).Scan(&first); err != nil || first != "C" {
			t.Fatal(first, err)
		}
		delete(r.sent, byBytes)
	})
	t.Run("mailboxes", func(t *testing.T) { tourMailboxes(t, s, c) })
	t.Run("accounts", func(t *testing.T) { tourAccounts(t, s) })
	t.Run("purge", func(t *testing.T) { tourPurge(t, s, r, c) })
	stop()
	all := statements(t)
	if len(all) < 60 {
		t.Fatalf("the code has %d statements, which are too few to be all", len(all))
	}
	t.Run("found", func(t *testing.T) { sentIsKnown(t, r, all) })
	t.Run("prepared", func(t *testing.T) { takesEvery(t, s, r, all) })
}

// sentIsKnown checks that the search for statements finds those that were sent.
func sentIsKnown(t *testing.T, r *recorder, all []statement) {
	for sent := range r.sent {
		ofDriver := sent == "begin" || sent == "commit" || sent == "rollback" || sent == "-- ping" || !strings.Contains(sent, " ")
		if !ofDriver && !slices.ContainsFunc(all, func(st statement) bool { return st.matches(sent) }) {
			t.Errorf("this was sent, and was not found in the code: %s", sent)
		}
	}
}

// takesEvery has PostgreSQL prepare each statement.
func takesEvery(t *testing.T, s *Store, r *recorder, all []statement) {
	used := make(map[string]bool)
	for _, st := range all {
		only := ""
		for start := range sqliteOnly() {
			if strings.HasPrefix(st.text, start) {
				only = start
			}
		}
		switch {
		case only != "":
			used[only] = true
		case st.whole:
			p, err := s.reads.Prepare(st.text)
			if err != nil {
				t.Errorf("%s: PostgreSQL refuses it: %v\n%s", st.at, err, st.text)
				continue
			}
			_ = p.Close()
		default: // put together at run time: an instance must have been carried out
			found := false
			for sent := range r.sent {
				found = found || st.matches(sent)
			}
			if !found {
				t.Errorf("%s: the test carries out no instance of it: %s", st.at, st.text)
			}
		}
	}
	for start, why := range sqliteOnly() {
		if !used[start] {
			t.Errorf("no statement begins with %s any more (%s)", start, why)
		}
	}
}

// tourMailboxes appends, reads, commits and repeats.
func tourMailboxes(t *testing.T, s *Store, c *clock) {
	v := newChat(t, s, 30)
	first := v.message(body("one"))
	for range 2 {
		if seq := must(t, s, first); seq != 1 {
			t.Fatal(seq)
		}
	}
	reused := *first
	reused.Body = body("another")
	_, err := appendNow(s, &reused)
	wantCode(t, err, wire.CodeIDReused)
	next := random32[wire.Pass]()
	commit := v.commit(next)
	for range 2 { // the second by the table of epochs
		if seq := must(t, s, commit); seq != 2 {
			t.Fatal(seq)
		}
	}
	_, err = appendNow(s, v.message(body("late")))
	wantCode(t, err, wire.CodeStalePass)
	now := &chat{id: v.id, pass: next, epoch: 1}
	answers := make(chan error, 100)
	for range 100 { // a batch, refusals among it
		s.Append(now.message(body("three")), func(_ wire.Seq, err error) { answers <- err })
		s.Append(v.message(body("stale")), func(_ wire.Seq, err error) {
			if wire.CodeOf(err) != wire.CodeStalePass {
				t.Error(err)
			}
		})
	}
	for range 100 {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	forget := func(t *tx) error { // what the writer remembers, to read the tables
		clear(t.s.boxes)
		return nil
	}
	if err := s.write(forget); err != nil {
		t.Fatal(err)
	}
	c.forward(48 * time.Hour)
	e := readAll(t, s, v.id, next) // which moves the mailbox's hour on
	if len(e.Envelopes) != 102 || e.First != 1 || e.Head != 102 || e.Envelopes[1].Next != next.Hash() {
		t.Fatalf("%+v", e)
	}
	if seq := must(t, s, now.message(body("after two days"))); seq != 103 {
		t.Fatal(seq)
	}
	if old := readAll(t, s, v.id, v.pass); len(old.Envelopes) != 2 || old.Current {
		t.Fatalf("%+v", old)
	}
}

// tourAccounts registers, changes and deletes.
func tourAccounts(t *testing.T, s *Store) {
	ctx := context.Background()
	code := sha256.Sum256([]byte("code"))
	if _, err := s.reads.Exec(`INSERT INTO registration_invite (code_hash, expires_hour, forget_hour, used) VALUES ($1, $2, $3, 0)`,
		code[:], s.hour()+5, s.hour()+9); err != nil {
		t.Fatal(err)
	}
	a := newAccount("ada")
	pass := random32[wire.Pass]()
	a.InboxPass, a.NeedInvite, a.Invite = pass.Hash(), true, "code"
	for range 2 {
		if err := s.Register(a); err != nil {
			t.Fatal(err)
		}
	}
	late := newAccount("eve")
	late.NeedInvite, late.Invite = true, "code"
	wantCode(t, s.Register(late), wire.CodeInviteUsed)
	chain, err := s.Chain(ctx, "ada")
	if err != nil || len(chain) != 1 {
		t.Fatal(len(chain), err)
	}
	token := [32]byte{1}
	put := &wire.PutInvite{Inbox: a.Inbox, Pass: pass, TokenHash: sha256.Sum256(token[:]), Days: 3}
	if err := s.PutInvite(put); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	s.Introduce(&wire.Introduce{Inbox: a.Inbox, ID: random16(), Invite: token, Body: body("hello")},
		func(_ wire.Seq, err error) { answer <- err })
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	tourDevices(t, s, a)
	rows, err := s.Holdings(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := s.DeleteEverything("ada")
	if err != nil || fmt.Sprint(gone) != fmt.Sprint(rows) {
		t.Fatal(gone, rows, err)
	}
	_, err = s.Holdings(ctx, "ada")
	wantCode(t, err, wire.CodeNoAccount)
	wantCode(t, s.Register(newAccount("ada")), wire.CodeNameDeleted)
}

// tourDevices changes an account's entry, devices, key packages and blob.
func tourDevices(t *testing.T, s *Store, a *NewAccount) {
	ctx := context.Background()
	more := random32[[32]byte]()
	entry := &NewEntry{Name: "ada", Count: 1, Entries: [][]byte{[]byte("entry 1")}, Inbox: a.Inbox,
		InboxPass: random32[wire.Pass]().Hash(), Devices: [][32]byte{a.Devices[0], more}}
	if err := s.PutEntry(entry); err != nil {
		t.Fatal(err)
	}
	moved := &NewEntry{Name: "ada", Count: 2, Entries: [][]byte{[]byte("entry 2")}, Inbox: random32[wire.MailboxID](),
		InboxPass: random32[wire.Pass]().Hash(), Devices: [][32]byte{more}, DropPackages: true,
		Packages: Packages{Device: more, OneTime: [][]byte{[]byte("a"), []byte("b")}, LastResort: []byte("c")}}
	if err := s.PutEntry(moved); err != nil {
		t.Fatal(err)
	}
	if has, err := s.HasDevice(ctx, "ada", more); err != nil || !has {
		t.Fatal(has, err)
	}
	if has, err := s.HasDevice(ctx, "ada", a.Devices[0]); err != nil || has {
		t.Fatal(has, err)
	}
	for _, want := range []uint32{2, 1, 0, 0} {
		n, err := s.CountKeyPackages(ctx, "ada", more)
		if err != nil || n.Left != want || !n.LastResort {
			t.Fatal(n, err)
		}
		if taken, err := s.TakeKeyPackages("ada"); err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
	}
	if n, err := s.PutKeyPackages("ada", &Packages{Device: more, LastResort: []byte("d")}); err != nil || !n.LastResort || n.Left != 0 {
		t.Fatal(n, err)
	}
	for range 2 {
		if err := s.PutRecoveryBlob("ada", &wire.PutRecoveryBlob{Version: 2, Blob: []byte("two")}); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.PutRecoveryBlob("ada", &wire.PutRecoveryBlob{Version: 1, Blob: []byte("one")}), wire.CodeBlobOutdated)
	if b, err := s.RecoveryBlob(ctx, "ada"); err != nil || b.Version != 2 || string(b.Blob) != "two" {
		t.Fatal(b, err)
	}
}

// tourPurge deletes what is past its limit in every table that has one. The
// write-ahead log is SQLite's, so its emptying is left out.
func tourPurge(t *testing.T, s *Store, r *recorder, c *clock) {
	v := newChat(t, s, 30)
	const count = purgeChunk + 7
	answers := make(chan error, count)
	for range count {
		s.Append(v.message(make([]byte, 512)), func(_ wire.Seq, err error) { answers <- err })
	}
	for range count {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	c.forward(31 * 24 * time.Hour)
	for _, l := range s.limits {
		for range 2 { // the second finds nothing, and adds to the first's record
			p, err := s.purgeTable(l, s.hour())
			if err != nil {
				t.Fatalf("%s: %v", l.Table, err)
			}
			t.Logf("%s: %d removed, the next hour is %d", p.Table, p.Removed, p.OldestHour)
		}
	}
	var removed int
	record := `SELECT removed FROM purge_run WHERE table_name = 'envelope'`
	err := s.reads.QueryRow(record).Scan(&removed)
	delete(r.sent, record)
	if err != nil || removed < count {
		t.Fatalf("the record says %d, %v, want at least %d", removed, err, count)
	}
	if err := s.PurgeBrief(); err != nil {
		t.Fatal(err)
	}
	must(t, s, v.message(body("brief")))
	c.forward(time.Hour)
	for more := true; more; {
		var err error
		if _, more, err = s.purgeBrief(); err != nil {
			t.Fatal(err)
		}
	}
	if e := readAll(t, s, v.id, v.pass); len(e.Envelopes) != 0 || e.Head != count+1 {
		t.Fatalf("%d envelopes are left", len(e.Envelopes))
	}
}
