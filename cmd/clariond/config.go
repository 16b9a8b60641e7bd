// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"

	"clarion.chat/clarion/server"
	"clarion.chat/clarion/wire"
)

// config is the manual of the settings: each field is a line `key = value` of
// the file that --config names, with the key in its tag. A # begins a comment,
// a key stands once, an unknown key is an error, and every error names its
// line. Flags given on the command line win over the file, but for the host,
// where a difference refuses to start: it is in every handle.
//
//	# /etc/clariond.conf
//	data         = /var/lib/clarion
//	listen       = localhost:8440
//	host         = clarion.example
//	registration = invite
//	keep         = 30
type config struct {
	// Data is the folder that holds everything. Default ./data.
	Data string `key:"data"`
	// Listen is the address to serve at, HOST:PORT; port 0 takes a free one.
	// Default localhost:8440.
	Listen string `key:"listen"`
	// TLSCert and TLSKey are files in PEM: the certificate with those between
	// it and its root, and its private key. Both or none; with them the server
	// speaks HTTP under TLS 1.2 or newer alone at its address. They are read
	// again when they change. Default: plain HTTP, for a reverse proxy with TLS
	// in front, or for this machine alone.
	TLSCert string `key:"tls_cert"`
	TLSKey  string `key:"tls_key"`
	// Host stands after the @ of this server's handles, with the port unless
	// it is 443. It is kept in the data folder from the first start on; then
	// another one refuses to start. Default: the address of the first start.
	Host string `key:"host"`
	// Registration is open (anybody), invite (whoever has a code of
	// `clariond invite`) or closed. Default open.
	Registration string `key:"registration"`
	// Operator, Jurisdiction and Contact say who runs this server, under whose
	// law, and where they are reached; people see it before they make an
	// account. One line each, at most 200 bytes, without #. Default: nothing
	// is said.
	Operator     string `key:"operator"`
	Jurisdiction string `key:"jurisdiction"`
	Contact      string `key:"contact"`
	// Relay are the settings of the relay for calls, see there.
	Relay relayConfig
	// Keep is for how many days an envelope may stay at the longest, 1 to 30;
	// a mailbox may ask for less. Default 30.
	Keep int `key:"keep"`
	// Connections is how many may be open at once. Default 15000.
	Connections int `key:"connections"`
	// CommandsPerSecond and CommandBurst bound one connection. Default 2000
	// and 4000.
	CommandsPerSecond int `key:"commands_per_second"`
	CommandBurst      int `key:"command_burst"`
	// SlowPerSecond and SlowBurst bound the costly commands of one connection:
	// registering, signing in, looking up, taking key packages, introducing,
	// making mailboxes and invites, holdings and deletion. Default 10 and 100.
	SlowPerSecond int `key:"slow_per_second"`
	SlowBurst     int `key:"slow_burst"`
	// LivePerSecond and LiveBurst bound live events. Default 50 and 200.
	LivePerSecond int `key:"live_per_second"`
	LiveBurst     int `key:"live_burst"`
	// Subscriptions and WaitingReads bound one connection. Default 4096 and 64.
	Subscriptions int `key:"subscriptions"`
	WaitingReads  int `key:"waiting_reads"`
	// Sizes are limits in bytes, or counts, of what is taken and kept. Each is
	// at most the protocol's own, which clients know; a lower one is named in
	// the error that a client gets. `clariond serve --help` lists the keys with
	// their ranges: max_frame, max_body, max_introduction, max_live,
	// max_recovery_blob, max_key_packages, max_invites, inbox_introductions,
	// inbox_bytes. What is stored already stays when a limit is lowered.
	// Introductions past the last two are refused (inbox_full) until older ones
	// are past their limit, but for those that spend an invite.
	Sizes server.Sizes

	file  string
	lines map[string]int // where each key stands in the file
}

// Four flags of serve are no settings and hidden from its help, since they are
// for tests: --clock-offset shifts the server's clock, --retention deletes
// envelopes sooner than their keep. From an hour on it counts in whole hours,
// rounded up; below (--retention 2s) an envelope goes between once and one and
// a half times this after it arrived, and the times of arrival are kept in
// memory: what is stored stays rounded to the hour. --app hands out the web app
// that was built into a folder instead of the one in this program.
// --relay-anywhere lets the relay reach any address, private ones too, as tests
// on one machine need.

const (
	defaultData   = "./data"
	defaultListen = "localhost:8440"
)

// fields ties each key to its field.
func (c *config) fields() map[string]any {
	all := map[string]any{
		"data": &c.Data, "listen": &c.Listen, "host": &c.Host, "registration": &c.Registration, "keep": &c.Keep,
		"tls_cert": &c.TLSCert, "tls_key": &c.TLSKey, "operator": &c.Operator, "jurisdiction": &c.Jurisdiction, "contact": &c.Contact,
		"connections": &c.Connections, "commands_per_second": &c.CommandsPerSecond, "command_burst": &c.CommandBurst,
		"slow_per_second": &c.SlowPerSecond, "slow_burst": &c.SlowBurst,
		"live_per_second": &c.LivePerSecond, "live_burst": &c.LiveBurst,
		"subscriptions": &c.Subscriptions, "waiting_reads": &c.WaitingReads,
	}
	for _, size := range c.Sizes.Settings() {
		all[size.Key] = size.Value
	}
	maps.Copy(all, c.Relay.fields())
	return all
}

// readConfig reads the file, or nothing when the name is empty.
func readConfig(file string) (*config, error) {
	c := &config{file: file, lines: make(map[string]int)}
	if file == "" {
		return c, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fields := c.fields()
	number := 0
	for line := range strings.Lines(string(b)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := c.set(fields, number, line); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

// wrong is an error at a line of the file.
func (c *config) wrong(number int, format string, args ...any) *failure {
	return &failure{"config_invalid", fmt.Sprintf("%s line %d: ", c.file, number) + fmt.Sprintf(format, args...),
		"`clariond serve --help` shows the settings", exitUsage}
}

func (c *config) set(fields map[string]any, number int, line string) error {
	key, value, found := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	field, known := fields[key]
	switch {
	case !found || value == "":
		return c.wrong(number, "write key = value, not %q", line)
	case !known:
		return c.wrong(number, "there is no setting %q", key)
	case c.lines[key] != 0:
		return c.wrong(number, "%s stands in line %d already", key, c.lines[key])
	}
	c.lines[key] = number
	switch f := field.(type) {
	case *string:
		*f = value
	case *int:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return c.wrong(number, "%s is a number from 1 on, not %q", key, value)
		}
		*f = n
	}
	return nil
}

// check refuses values that cannot be meant, alone or together.
func (c *config) check() error {
	if c.Keep > wire.MaxKeep {
		return c.wrong(c.lines["keep"], "keep is %d to %d days, not %d", wire.MinKeep, wire.MaxKeep, c.Keep)
	}
	if c.Registration != "" {
		if _, err := server.ParsePolicy(c.Registration); err != nil {
			return c.wrong(c.lines["registration"], "%v", err)
		}
	}
	if c.Host != "" && !wire.ValidHost(c.Host) {
		return c.wrong(c.lines["host"], "%q is no host: lower case, with the port unless it is 443", c.Host)
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			return c.wrong(c.lines["listen"], "listen is HOST:PORT, not %q", c.Listen)
		}
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if err := c.checkRelay(); err != nil {
		return err
	}
	if err := c.Sizes.Check(); err != nil {
		var at *server.SettingError
		if !errors.As(err, &at) {
			return err
		}
		return c.wrong(c.lineOf(at), "%v", at)
	}
	for _, key := range []string{"operator", "jurisdiction", "contact"} {
		if err := server.Statement(*c.fields()[key].(*string)); err != nil {
			return c.wrong(c.lines[key], "%s is %v", key, err)
		}
	}
	for _, pair := range [][2]string{{"commands_per_second", "command_burst"}, {"slow_per_second", "slow_burst"}, {"live_per_second", "live_burst"}} {
		rate, burst := *c.fields()[pair[0]].(*int), *c.fields()[pair[1]].(*int)
		if rate > 0 && burst > 0 && burst < rate {
			return c.wrong(c.lines[pair[1]], "%s = %d contradicts %s = %d in line %d: a burst is at least a second's worth",
				pair[1], burst, pair[0], rate, c.lines[pair[0]])
		}
	}
	return nil
}

// lineOf finds the line of a wrong setting. One that contradicts another may
// not stand in the file itself; then the other does.
func (c *config) lineOf(e *server.SettingError) int {
	if line := c.lines[e.Key]; line != 0 {
		return line
	}
	for key, line := range c.lines {
		if strings.Contains(e.Text, " "+key+" ") {
			return line
		}
	}
	return 0
}

// limits returns the limits of one connection; 0 leaves the default.
func (c *config) limits() server.Limits {
	return server.Limits{
		Connections: c.Connections,
		Commands:    float64(c.CommandsPerSecond), CommandBurst: float64(c.CommandBurst),
		Tight: float64(c.SlowPerSecond), TightBurst: float64(c.SlowBurst),
		Live: float64(c.LivePerSecond), LiveBurst: float64(c.LiveBurst),
		Subscriptions: c.Subscriptions, Waiting: c.WaitingReads,
	}
}
