// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"

	"clarion.chat/clarion/inventory"
	"clarion.chat/clarion/wire"
)

// Errors of Open, Backup and Restore.
var (
	// ErrVersion is a data folder or backup whose tables are of another
	// version, or a file that is not Clarion's.
	ErrVersion = errors.New("the data is of another version")
	// ErrHost is a data folder that belongs to another host than the one asked for.
	ErrHost = errors.New("the data folder belongs to another host")
	// ErrNoData is a data folder in which no server has run yet.
	ErrNoData = errors.New("no server has run in this data folder yet")
)

// errNotClarion is beside ErrVersion where a file is not Clarion's at all.
var errNotClarion = errors.New("it is not a Clarion database")

const (
	fileName    = "clarion.db"
	restoreName = ".restore.db"  // the copy of a backup that becomes fileName
	roomPattern = ".room-*"      // files that find out whether there is room
	never       = int64(1) << 52 // an hour that does not come
	maxSQL      = uint64(1) << 62
)

// Options says how to open a store.
type Options struct {
	Dir string
	// Host is the host that handles bear. It is stored at the first start and
	// must agree later; empty accepts what is stored.
	Host string
	// NewHost is stored at the first start when Host is empty.
	NewHost string
	// Clock gives the present time; nil means time.Now.
	Clock func() time.Time
	// Retention caps in hours how long an envelope stays; 0 caps nothing.
	Retention int
	// Brief, below an hour, caps it more tightly, for PurgeBrief; 0 does not.
	Brief time.Duration
	// Keep is the longest keep granted, in days; 0 means wire.MaxKeep.
	Keep uint8
	// Bounds say how much is kept of what anybody may bring.
	Bounds Bounds
	// Committed is told what was appended, in order, after it is durable. It
	// is called by the writer and must not block.
	Committed func([]Event)
}

// Bounds say how much is kept; zero fields take their defaults.
type Bounds struct {
	KeyPackages       int // one-time ones waiting for a device; default MaxStored
	Invites           int // of one inbox that can still be used; default DefaultInvites
	Introductions     int // that one inbox holds; default DefaultIntroductions
	IntroductionBytes int // of their bodies; default DefaultIntroductionBytes
}

func (b Bounds) withDefaults() Bounds {
	b.KeyPackages = cmp.Or(b.KeyPackages, MaxStored)
	b.Invites = cmp.Or(b.Invites, DefaultInvites)
	b.Introductions = cmp.Or(b.Introductions, DefaultIntroductions)
	b.IntroductionBytes = cmp.Or(b.IntroductionBytes, DefaultIntroductionBytes)
	return b
}

// Meta is what the data folder says of itself.
type Meta struct {
	Incarnation wire.Incarnation
	Line        []wire.Incarnation // those before it, oldest first, at most wire.MaxLine
	Host        string
	ServerKey   ed25519.PrivateKey
	tombstone   []byte
}

// Store is an open data folder. Its exported methods may be called from any
// goroutine.
type Store struct {
	o      Options
	meta   Meta
	limits []inventory.Purge
	lock   *os.File
	reads  *sql.DB
	writes *sql.DB // one connection, the writer's
	ops    chan *op

	gate    sync.Mutex // guards closed, and sending against it
	closed  bool       // no further operation is taken
	sending sync.WaitGroup

	// Owned by the writer.
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	boxes map[wire.MailboxID]*box
	moved []movedBox // whose head is not yet in the table, until settle
	dirty []Event
	brief arrivals
}

// Open takes the folder's lock and opens or makes the database. It starts no
// goroutine of its own. ErrBusy, ErrVersion, ErrHost or an error of the disk.
func Open(o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Keep == 0 {
		o.Keep = wire.MaxKeep
	}
	o.Bounds = o.Bounds.withDefaults()
	if o.Committed == nil {
		o.Committed = func([]Event) {}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := takeLock(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := removeLeftovers(o.Dir); err != nil {
		lock.Close()
		return nil, err
	}
	s := &Store{
		o: o, lock: lock,
		ops:   make(chan *op, 4*maxBatch),
		stmts: make(map[string]*sql.Stmt), boxes: make(map[wire.MailboxID]*box),
	}
	if err := s.open(); err != nil {
		s.closeFiles()
		return nil, err
	}
	return s, nil
}

func (s *Store) open() error {
	var err error
	if _, s.limits, err = Inventory(); err != nil {
		return err
	}
	path := filepath.Join(s.o.Dir, fileName)
	if err := ownFile(path); err != nil {
		return err
	}
	if err := setPages(path); err != nil {
		return ownOr(versionOr(err), s.o.Dir)
	}
	if s.writes, err = sql.Open("sqlite", source(path, false)); err != nil {
		return err
	}
	s.writes.SetMaxOpenConns(1)
	if s.conn, err = s.writes.Conn(context.Background()); err != nil {
		return ownOr(versionOr(err), s.o.Dir)
	}
	if err := upgrade(s.conn); err != nil {
		return ownOr(versionOr(err), s.o.Dir)
	}
	if s.meta, err = readMeta(s.conn); errors.Is(err, ErrNoData) {
		s.meta, err = s.create()
	}
	if err != nil {
		return ownOr(err, s.o.Dir)
	}
	if s.o.Host != "" && s.o.Host != s.meta.Host {
		return fmt.Errorf("%w: %s, not %s", ErrHost, s.meta.Host, s.o.Host)
	}
	if s.reads, err = sql.Open("sqlite", source(path, true)); err != nil {
		return err
	}
	s.reads.SetMaxOpenConns(readers)
	s.reads.SetMaxIdleConns(readers)
	return nil
}

// removeLeftovers removes what a crash may have left of a restore, or of a look
// whether the disk is full. The folder's lock is held.
func removeLeftovers(dir string) error {
	if err := removeDatabase(filepath.Join(dir, restoreName)); err != nil {
		return err
	}
	if err := forgetAside(filepath.Join(dir, fileName)); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(dir, roomPattern))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// readers is how many reads run at once.
const readers = 4

// ownFile makes the database file readable by nobody but its owner before
// SQLite writes into it; the WAL takes the same mode.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// pageSize is that of a new database, in bytes: the smallest in which a message
// of 1 KiB lies whole in a leaf. In SQLite's own 4 KiB it takes a page more, for
// what runs over. A database that is there keeps what it has.
const pageSize = 8192

// setPages makes of an empty file one with pages of pageSize. It takes a
// connection of its own, since beside journal_mode the setting comes too late.
func setPages(path string) error {
	if f, err := os.Stat(path); err != nil || f.Size() > 0 {
		return err
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	// The second writes what is there already, and with it the first page.
	_, err = db.Exec(fmt.Sprintf("PRAGMA page_size = %d; PRAGMA user_version = 0", pageSize))
	return errors.Join(err, db.Close())
}

// source is the driver's name for the file with its settings. FULL makes each
// commit durable against a loss of power; secure_delete overwrites what is
// deleted; and the write-ahead log may grow to 4,000 pages, 32 MiB, since a page
// that many appends touch is then moved into the database once.
func source(path string, readOnly bool) string {
	q := url.Values{}
	add := func(pragma string) { q.Add("_pragma", pragma) }
	add("busy_timeout(2000)")
	if readOnly {
		q.Set("mode", "ro")
		add("query_only(1)")
	} else {
		// A transaction that reads first and writes then would fail, not wait,
		// if another process had written in between.
		q.Set("_txlock", "immediate")
		add("journal_mode(WAL)")
		add("synchronous(FULL)")
		add("secure_delete(ON)")
		add("foreign_keys(ON)")
		add("wal_autocheckpoint(4000)")
		add("cache_size(-65536)")
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

type queryer interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// readMeta reads the one row of meta. ErrNoData when the file is empty,
// ErrVersion when it is something else or of another version.
func readMeta(q queryer) (Meta, error) {
	ctx := context.Background()
	var changes int
	// Every table that was made has moved this number on.
	if err := q.QueryRowContext(ctx, `PRAGMA schema_version`).Scan(&changes); err != nil {
		return Meta{}, versionOr(err)
	}
	if changes == 0 {
		return Meta{}, ErrNoData
	}
	return readRow(q)
}

// readRow is readMeta of a database that is known to have tables.
func readRow(q queryer) (Meta, error) {
	ctx := context.Background()
	var version int
	if err := q.QueryRowContext(ctx, `SELECT schema_version FROM meta`).Scan(&version); err != nil {
		return Meta{}, versionOr(err)
	}
	if version != SchemaVersion {
		return Meta{}, fmt.Errorf("%w: it has version %d, this program has %d", ErrVersion, version, SchemaVersion)
	}
	var m Meta
	var incarnation, line, seed []byte
	err := q.QueryRowContext(ctx, `SELECT incarnation, line, host, server_seed, tombstone_key FROM meta`).
		Scan(&incarnation, &line, &m.Host, &seed, &m.tombstone)
	if err != nil {
		return Meta{}, versionOr(err)
	}
	if len(incarnation) != len(m.Incarnation) || len(seed) != ed25519.SeedSize || len(m.tombstone) != 32 {
		return Meta{}, fmt.Errorf("%w: its first row is damaged", ErrVersion)
	}
	m.Incarnation = wire.Incarnation(incarnation)
	if len(line)%len(m.Incarnation) != 0 || len(line)/len(m.Incarnation) > wire.MaxLine {
		return Meta{}, fmt.Errorf("%w: its line of incarnations is damaged", ErrVersion)
	}
	for in := range slices.Chunk(line, len(m.Incarnation)) {
		m.Line = append(m.Line, wire.Incarnation(in))
	}
	m.ServerKey = ed25519.NewKeyFromSeed(seed)
	return m, nil
}

// versionOr tells a file that is not ours from a disk that fails.
func versionOr(err error) error {
	switch resultCode(err) & 0xff {
	case 1, 26: // SQLITE_ERROR: no such table; SQLITE_NOTADB
		return fmt.Errorf("%w: %w", ErrVersion, errNotClarion)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: %w, for it lacks its first row", ErrVersion, errNotClarion)
	}
	return err
}

// create makes the tables and the first row in one transaction, so that a
// crash leaves either nothing or all.
func (s *Store) create() (Meta, error) {
	ctx := context.Background()
	host := s.o.Host
	if host == "" {
		host = s.o.NewHost
	}
	if !wire.ValidHost(host) {
		return Meta{}, fmt.Errorf("%w: %q is no host", ErrHost, host)
	}
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return Meta{}, fault(err, s.o.Dir)
	}
	defer tx.Rollback()
	texts := Schema()
	for _, name := range schemaNames() {
		if _, err := tx.Exec(texts[name]); err != nil {
			return Meta{}, fault(fmt.Errorf("schema/%s: %w", name, err), s.o.Dir)
		}
	}
	if err = writeRow(tx, host); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return Meta{}, fault(err, s.o.Dir)
	}
	if err := syncDir(s.o.Dir); err != nil {
		return Meta{}, err
	}
	return readMeta(s.conn)
}

// writeRow writes the one row of meta: a new host with keys of its own.
func writeRow(tx *sql.Tx, host string) error {
	return putRow(tx, random(16), host, random(ed25519.SeedSize), random(32))
}

// putRow writes the one row of meta, of data that lived no life before.
func putRow(tx *sql.Tx, incarnation []byte, host string, seed, tombstoneKey []byte) error {
	_, err := tx.Exec(`INSERT INTO meta (only_row, schema_version, incarnation, line, host, server_seed, tombstone_key)
		VALUES (1, $1, $2, $3, $4, $5, $6)`, SchemaVersion, incarnation, []byte{}, host, seed, tombstoneKey)
	return err
}

// random returns n random bytes; crypto/rand does not fail.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// syncDir makes a new or renamed file's name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Meta returns what the data folder says of itself.
func (s *Store) Meta() Meta { return s.meta }

// Ping answers whether the store can be read.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return fault(s.reads.QueryRowContext(ctx, `SELECT 1 FROM meta`).Scan(&one), s.o.Dir)
}

// Close frees the folder. Run must have returned, or never have been called.
func (s *Store) Close() error {
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	if s.reads != nil {
		errs = append(errs, s.reads.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.writes != nil {
		errs = append(errs, s.writes.Close())
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
}

// hour is the present Unix hour, rounded down.
func (s *Store) hour() int64 { return s.o.Clock().Unix() / 3600 }

// days returns the last hour of n days from now: the hour that has begun
// counts as whole, so nothing is deleted early.
func (s *Store) days(n int) int64 { return s.hour() + int64(n)*24 + 1 }

// placeholders returns "$1, $2, …" for n values from first on.
func placeholders(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", first+i)
	}
	return b.String()
}
