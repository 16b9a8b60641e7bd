// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"strings"

	"clarion.chat/clarion/wire"
)

// address is the part of a URL that names a server. net/url is not linked: it
// costs the browser's core 60 kB for what five lines do.
type address struct{ scheme, host string }

func (a address) String() string { return a.scheme + "://" + a.host }

// splitURL reads scheme, host and what follows; ok is false when scheme or
// host are not what a server can have.
func splitURL(s string) (a address, rest string, ok bool) {
	scheme, after, found := strings.Cut(strings.TrimSpace(s), "://")
	a.scheme = strings.ToLower(scheme)
	if !found || (a.scheme != "http" && a.scheme != "https") {
		return a, "", false
	}
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	a.host, rest = strings.ToLower(after[:end]), after[end:]
	return a, rest, wire.ValidHost(a.host)
}

// loopback reports whether the address is on this machine.
func (a address) loopback() bool {
	name := a.host
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name = name[:i]
	}
	digits := strings.Trim(name, "0123456789.") == "" // a name may begin with 127. too
	return name == "localhost" || name == "[::1]" || (digits && strings.HasPrefix(name, "127."))
}

// cleanServer keeps scheme and host of a server's URL; https is understood
// when no scheme stands there.
func cleanServer(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	a, rest, ok := splitURL(s)
	if !ok || (rest != "" && rest != "/") {
		return "", &Failure{Code: "server_invalid", Text: "this is not a server's address", Hint: "write http://host:port or https://host"}
	}
	return a.String(), nil
}
