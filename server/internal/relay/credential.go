// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/turn/v5"
)

// realm is one for all servers: it tells a client nothing that it does not know.
const realm = "clarion"

// longestCall is how long after a credential expired an allocation made with it
// may still be refreshed. Without it a call would end with its credential.
const longestCall = 12 * time.Hour

// Credential opens the relay to whoever has it, until it expires.
type Credential struct {
	URLs     []string // where, as RFC 7064 and 7065 write it
	Username string   // expiry in Unix seconds, a colon, 16 random bytes
	Password string
	Expires  time.Time // no allocation is made with it from then on
}

// secret makes passwords of names: it is drawn at each start, kept in memory
// alone, and no list of credentials exists.
type secret [32]byte

func newSecret() *secret {
	s := new(secret)
	rand.Read(s[:])
	return s
}

// name makes a name that nobody had before.
func (s *secret) name(expires time.Time) string {
	var random [16]byte
	rand.Read(random[:])
	return strconv.FormatInt(expires.Unix(), 10) + ":" + base64.RawURLEncoding.EncodeToString(random[:])
}

// password is HMAC-SHA256 of the name: only the relay can make it, and it needs
// not remember it.
func (s *secret) password(name string) string {
	mac := hmac.New(sha256.New, s[:])
	mac.Write([]byte(name))
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

// maxName bounds a name, in bytes, before anything is computed of it.
const maxName = 64

// key returns the key that a request under this name must be signed with
// (RFC 8489 §9.2.2), or false when the name's time is over. The library
// compares, in constant time.
func (s *secret) key(name string, method stun.Method, now time.Time) ([]byte, bool) {
	at, _, found := strings.Cut(name, ":")
	expires, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil || len(name) > maxName {
		return nil, false
	}
	until := time.Unix(expires, 0)
	if method != stun.MethodAllocate {
		until = until.Add(longestCall) // the library asks for an allocation of this name
	}
	if !now.Before(until) {
		return nil, false
	}
	return turn.GenerateAuthKey(name, realm, s.password(name)), true
}

// authenticate is the library's question for the key of a name.
func (r *Relay) authenticate(a *turn.RequestAttributes) (string, []byte, bool) {
	key, ok := r.secret.key(a.Username, a.Method, r.c.Clock())
	return a.Username, key, ok
}

// Issue makes a credential. It starts nothing and is remembered nowhere.
func (r *Relay) Issue() Credential {
	expires := r.c.Clock().Add(r.c.Lifetime).Truncate(time.Second)
	name := r.secret.name(expires)
	return Credential{URLs: r.urls, Username: name, Password: r.secret.password(name), Expires: expires}
}
