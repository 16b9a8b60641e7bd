// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/lxzan/gws"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// Kinds of the relay's frames. A frame is kind (uint16), ref (uint32), filler
// up to the length that Clarion's frame has, and last the body.
const (
	relaySend     = 1 // ↑
	relayAck      = 2 // ↓ it is durable
	relayDelivery = 3 // ↓ what another sent
)

const (
	relayBatch = 256
	bodySize   = 1024
)

//go:embed relay.sql
var relaySchema string

// relay is the yardstick: what a message costs when nothing is asked but that
// it is on the disk before it is acknowledged, and reaches the other side.
//
// Goroutines: one reader per connection, one that commits, one that writes to
// the sockets what was committed.
type relay struct {
	db       *sql.DB
	conn     *sql.Conn
	insert   *sql.Stmt
	upgrader *gws.Upgrader
	sent     chan *parcel
	durable  chan []*parcel

	mu    sync.Mutex
	rooms map[int64]*room
}

type room struct {
	number int64
	seq    int64 // owned by the committer

	mu      sync.Mutex
	members []*gws.Conn
}

// parcel is one frame on its way; the frame is the socket library's buffer,
// given back when it was passed on.
type parcel struct {
	from    *gws.Conn
	room    *room
	message *gws.Message
}

func openRelay(dir string) (*relay, error) {
	ctx := context.Background()
	// The same settings as the server's store.
	file := url.URL{Scheme: "file", Path: filepath.Join(dir, "relay.db")}
	if err := setPages(file.String()); err != nil {
		return nil, err
	}
	file.RawQuery = url.Values{"_pragma": {
		"busy_timeout(2000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "wal_autocheckpoint(4000)", "cache_size(-65536)",
	}}.Encode()
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	r := &relay{
		db: db, sent: make(chan *parcel, 4*relayBatch), durable: make(chan []*parcel, 4), rooms: make(map[int64]*room),
	}
	if r.conn, err = db.Conn(ctx); err == nil {
		_, err = r.conn.ExecContext(ctx, relaySchema)
	}
	if err == nil {
		r.insert, err = r.conn.PrepareContext(ctx, `INSERT INTO frame (room, seq, body) VALUES ($1, $2, $3)`)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	r.upgrader = gws.NewUpgrader(relayEvents{r: r}, &gws.ServerOption{
		ReadMaxPayloadSize: 2 << 20, ReadBufferSize: 2048, Logger: quiet{},
		NewSession: func() gws.SessionStorage { return new(place) },
	})
	return r, nil
}

// setPages makes the database with the pages that the store has: beside
// journal_mode the setting comes too late.
func setPages(file string) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec("PRAGMA page_size = 8192; PRAGMA user_version = 0")
	return errors.Join(err, db.Close())
}

// quiet is the WebSocket library's logger.
type quiet struct{}

func (quiet) Error(...any) {}

// run commits and passes on until ctx ends.
func (r *relay) run(ctx context.Context) error {
	go r.passOn()
	defer close(r.durable)
	for {
		var batch []*parcel
		select {
		case p := <-r.sent:
			batch = append(batch, p)
		case <-ctx.Done():
			return r.db.Close()
		}
	fill:
		for len(batch) < relayBatch {
			select {
			case p := <-r.sent:
				batch = append(batch, p)
			default:
				break fill
			}
		}
		if err := r.commit(ctx, batch); err != nil {
			return err
		}
		r.durable <- batch
	}
}

func (r *relay) commit(ctx context.Context, batch []*parcel) error {
	tx, err := r.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := tx.Stmt(r.insert)
	for _, p := range batch {
		b := p.message.Bytes()
		p.room.seq++
		if _, err := insert.Exec(p.room.number, p.room.seq, b[len(b)-bodySize:]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// passOn answers the senders and tells the others of their rooms.
func (r *relay) passOn() {
	var ack [14]byte // as long as Clarion's answer
	for batch := range r.durable {
		for _, p := range batch {
			frame := p.message.Bytes()
			copy(ack[:6], frame[:6])
			binary.BigEndian.PutUint16(ack[:], relayAck)
			_ = p.from.WriteMessage(gws.OpcodeBinary, ack[:])
			binary.BigEndian.PutUint16(frame, relayDelivery)
			p.room.mu.Lock()
			for _, member := range p.room.members {
				if member != p.from {
					_ = member.WriteMessage(gws.OpcodeBinary, frame)
				}
			}
			p.room.mu.Unlock()
			_ = p.message.Close()
		}
	}
}

// ServeHTTP lets a connection into the room that its path names.
func (r *relay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	number, err := strconv.ParseInt(q.PathValue("room"), 10, 64)
	if err != nil {
		http.Error(w, "a room is a number", http.StatusBadRequest)
		return
	}
	socket, err := r.upgrader.Upgrade(w, q)
	if err != nil {
		return
	}
	r.mu.Lock()
	at := r.rooms[number]
	if at == nil {
		at = &room{number: number}
		r.rooms[number] = at
	}
	r.mu.Unlock()
	socket.Session().(*place).room = at
	at.mu.Lock()
	at.members = append(at.members, socket)
	at.mu.Unlock()
	go socket.ReadLoop()
}

// relayEvents hands what arrives to the relay.
type relayEvents struct {
	gws.BuiltinEventHandler
	r *relay
}

// OnMessage takes one frame to be committed.
func (e relayEvents) OnMessage(socket *gws.Conn, message *gws.Message) {
	if b := message.Bytes(); len(b) < bodySize+6 || binary.BigEndian.Uint16(b) != relaySend {
		_ = socket.WriteClose(1002, nil)
		return
	}
	e.r.sent <- &parcel{socket, socket.Session().(*place).room, message}
}

// OnClose takes the connection out of its room.
func (relayEvents) OnClose(socket *gws.Conn, _ error) {
	at := socket.Session().(*place).room
	at.mu.Lock()
	defer at.mu.Unlock()
	for i, member := range at.members {
		if member == socket {
			at.members = append(at.members[:i], at.members[i+1:]...)
			return
		}
	}
}

// place ties a socket to its room, where the library keeps a map otherwise.
type place struct {
	gws.SessionStorage
	room *room
}
