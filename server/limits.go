// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"fmt"
	"strings"
	"time"

	"clarion.chat/clarion/server/internal/store"
	"clarion.chat/clarion/wire"
)

// SettingError is a setting that cannot be meant. Key is its name in the file
// of settings, Text says what is wrong and begins after the name.
type SettingError struct{ Key, Text string }

// Error names the setting.
func (e *SettingError) Error() string { return e.Key + " " + e.Text }

// Limits bound what one connection, and all together, may ask for. Rates are
// per second; a burst is how many may come at once. They are kept in memory
// and forgotten with the connection.
type Limits struct {
	Connections   int     // open at once, all doors; default 15000
	Commands      float64 // any command; default 2000
	CommandBurst  float64 // default 4000
	Tight         float64 // the costly commands, marked tight in the doors' tables; default 10
	TightBurst    float64 // default 100
	Live          float64 // live events; default 50
	LiveBurst     float64 // default 200
	Subscriptions int     // of one connection; default 4096
	Waiting       int     // reads of one connection that wait; default 64
	InFlight      int     // appends of one connection not yet durable; default 64
	Queue         int     // bytes waiting to be sent to one connection; default 2 MiB
	Malformed     int     // malformed frames after which a connection ends; default 8

	Write time.Duration // for one frame to leave; default 30 s
}

func (l Limits) withDefaults() (Limits, error) {
	var err error
	negative := func(key string) {
		err = &SettingError{key, "is below zero"}
	}
	count := func(key string, v *int, d int) {
		if *v < 0 {
			negative(key)
		} else if *v == 0 {
			*v = d
		}
	}
	rate := func(key string, v *float64, d float64) {
		if !(*v >= 0) { // NaN too
			negative(key)
		} else if *v == 0 {
			*v = d
		}
	}
	if l.Write < 0 {
		negative("write")
	} else if l.Write == 0 {
		l.Write = 30 * time.Second
	}
	count("connections", &l.Connections, 15000)
	rate("commands_per_second", &l.Commands, 2000)
	rate("command_burst", &l.CommandBurst, 4000)
	rate("slow_per_second", &l.Tight, 10)
	rate("slow_burst", &l.TightBurst, 100)
	rate("live_per_second", &l.Live, 50)
	rate("live_burst", &l.LiveBurst, 200)
	count("subscriptions", &l.Subscriptions, 4096)
	count("waiting_reads", &l.Waiting, 64)
	count("in_flight", &l.InFlight, 64)
	count("queue", &l.Queue, 2<<20)
	count("malformed", &l.Malformed, 8)
	return l, err
}

// Sizes are this server's own limits of what it takes and keeps, in bytes but
// for the counts, within those of the protocol (package wire). Zero fields take
// their defaults. Settings has the ranges.
type Sizes struct {
	Frame        int // a command, whole
	Body         int // an envelope's body
	Introduction int // the body of an introduction
	Live         int // a live event's body
	RecoveryBlob int
	KeyPackages  int // count: waiting for one device
	Invites      int // count: of one inbox, that can still be used
	InboxCount   int // count: introductions that one inbox holds
	InboxBytes   int // of their bodies
}

// SizeSetting is a field of Sizes as an operator sets it.
type SizeSetting struct {
	Key     string // in the file of settings
	What    string // what it bounds, for a person
	Value   *int   // the field
	Default int
	Least   int
	Most    int  // the protocol's own limit, or what a server can bear
	Class   bool // only a size class can be meant: 512 · 2^k
}

// Settings lists the sizes. Nothing is changed by it.
func (s *Sizes) Settings() []SizeSetting {
	return []SizeSetting{
		{"max_frame", "bytes of a whole command", &s.Frame, wire.MaxFrame, 128 << 10, wire.MaxFrame, false},
		{"max_body", "bytes of an envelope's body", &s.Body, wire.MaxBody, 4 << 10, wire.MaxBody, true},
		{"max_introduction", "bytes of an introduction's body", &s.Introduction, wire.MaxBody, 4 << 10, wire.MaxBody, true},
		{"max_live", "bytes of a live event's body", &s.Live, wire.MaxLive, 1 << 10, wire.MaxLive, false},
		{"max_recovery_blob", "bytes of a recovery blob", &s.RecoveryBlob, wire.MaxBlob, 4 << 10, wire.MaxBlob, true},
		{"max_key_packages", "key packages waiting for one device", &s.KeyPackages, store.MaxStored, wire.MaxPackages, store.MaxStored, false},
		{"max_invites", "unused invites of one account", &s.Invites, store.DefaultInvites, 1, 10_000, false},
		{"inbox_introductions", "introductions that one inbox holds", &s.InboxCount, store.DefaultIntroductions, 1, 10_000, false},
		{"inbox_bytes", "bytes of introductions that one inbox holds", &s.InboxBytes, store.DefaultIntroductionBytes, 4 << 10, 1 << 30, false},
	}
}

// besideBody is what a command holds besides its body, at most; besideBlob the
// same of Register, which brings a certificate and key packages too.
const (
	besideBody = 1 << 10
	besideBlob = 32 << 10
)

// Check refuses sizes out of their range, or that contradict each other: a
// *SettingError.
func (s Sizes) Check() error {
	_, err := s.withDefaults()
	return err
}

func (s Sizes) withDefaults() (Sizes, error) {
	for _, set := range s.Settings() {
		v := set.Value
		switch {
		case *v == 0:
			*v = set.Default
		case *v < set.Least || *v > set.Most:
			return s, &SettingError{set.Key, fmt.Sprintf("is %d to %d, not %d", set.Least, set.Most, *v)}
		case set.Class && !wire.IsSizeClass(*v):
			return s, &SettingError{set.Key, fmt.Sprintf("is a size class, 512 doubled any number of times, not %d: bodies are padded to one", *v)}
		}
	}
	for _, pair := range []struct {
		key         string
		small, more int
		other       string
		large       int
	}{
		{"max_body", s.Body, besideBody, "max_frame", s.Frame},
		{"max_introduction", s.Introduction, besideBody, "max_frame", s.Frame},
		{"max_recovery_blob", s.RecoveryBlob, besideBlob, "max_frame", s.Frame},
		{"max_introduction", s.Introduction, 0, "inbox_bytes", s.InboxBytes},
	} {
		if pair.small+pair.more > pair.large {
			return s, &SettingError{pair.other, fmt.Sprintf("= %d contradicts %s = %d: it has to hold at least %d",
				pair.large, pair.key, pair.small, pair.small+pair.more)}
		}
	}
	return s, nil
}

// tooLarge is the refusal of bytes that could not be read because a part of
// them is past its limit: it names them all.
func (srv *Server) tooLarge() *wire.Refusal {
	z := &srv.c.Sizes
	r := wire.Refuse(wire.CodeTooLarge)
	r.Text = fmt.Sprintf("the data is past its size limit: on this server a frame has at most %d bytes, an envelope's body %d, "+
		"an introduction %d, a live body %d, a key package %d, a directory entry %d, a recovery blob %d",
		z.Frame, z.Body, z.Introduction, z.Live, wire.MaxKeyPackage, wire.MaxEntry, z.RecoveryBlob)
	return r
}

// fits refuses a size past one of the server's own limits, and names it.
func fits(what string, size, most int, key string) error {
	if size <= most {
		return nil
	}
	r := wire.Refuse(wire.CodeTooLarge)
	r.Text = fmt.Sprintf("%s has at most %d bytes on this server (%s), not %d", what, most, key, size)
	return r
}

// past is a refusal that names the limit that was met.
func past(code wire.Code, format string, args ...any) *wire.Refusal {
	r := wire.Refuse(code)
	r.Text = strings.TrimSuffix(r.Text, ".") + ": " + fmt.Sprintf(format, args...)
	return r
}
