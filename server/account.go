// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"slices"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/server/internal/store"
	"clarion.chat/clarion/wire"
)

// role is what a connection of the account door has proved.
type role uint8

const (
	nobody   role = iota
	device        // holds a device key that the account names
	recovery      // holds the recovery key
)

// who is the account and device of a connection.
type who struct {
	role   role
	name   string
	device [32]byte // zero with recovery
}

// Tolerances for clocks, in seconds.
const (
	slack    = 12 * 3600      // a certificate may begin this far ahead
	farAhead = 90 * 24 * 3600 // further than this is no wrong clock
	dayAhead = 24             // hours that an entry may be dated ahead
)

// certificate verifies a device certificate. One that begins up to slack ahead
// passes: clocks differ. One that begins later but within farAhead shows a
// wrong clock here or there (clock_skew); all else is bad_certificate, an
// expired one too, since time alone cannot tell it from a clock that is late.
func (srv *Server) certificate(b []byte) (*keydir.Certificate, error) {
	now := srv.c.Clock().Unix()
	c, err := keydir.VerifyCertificate(b, srv.host(), now)
	if errors.Is(err, keydir.ErrNotYetValid) {
		if c, err = keydir.VerifyCertificate(b, srv.host(), now+slack); err == nil {
			return c, nil
		}
		if _, later := keydir.VerifyCertificate(b, srv.host(), now+farAhead); later == nil {
			return nil, wire.Refuse(wire.CodeClockSkew)
		}
	}
	switch {
	case errors.Is(err, keydir.ErrVersion):
		return nil, wire.Refuse(wire.CodeUnknownVersion)
	case err != nil:
		return nil, wire.Refuse(wire.CodeBadCertificate)
	}
	return c, nil
}

// badEntry is what a client is told of a chain that does not verify.
func badEntry(err error) error {
	if errors.Is(err, keydir.ErrVersion) {
		return wire.Refuse(wire.CodeUnknownVersion)
	}
	return wire.Refuse(wire.CodeBadEntry)
}

// certified verifies that a certificate is the account's.
func (srv *Server) certified(a *keydir.Account, b []byte) (*keydir.Certificate, error) {
	c, err := srv.certificate(b)
	if err != nil {
		return nil, err
	}
	if a.Certifies(c) != nil {
		return nil, wire.Refuse(wire.CodeBadCertificate)
	}
	return c, nil
}

// dated refuses an entry from the future: the next one could not follow it.
func (srv *Server) dated(e *keydir.Entry) error {
	if e.Hour > srv.c.Clock().Unix()/3600+dayAhead {
		return wire.Refuse(wire.CodeClockSkew)
	}
	return nil
}

// packages checks what can be checked of key packages, which the server does
// not read.
func packages(device [32]byte, oneTime [][]byte, lastResort []byte) (store.Packages, error) {
	for _, p := range oneTime {
		if len(p) == 0 {
			return store.Packages{}, wire.Refuse(wire.CodeMalformed)
		}
	}
	return store.Packages{Device: device, OneTime: oneTime, LastResort: lastResort}, nil
}

// register makes an account. When the name is held by a chain that the given
// one continues, it brings the missing entries instead: a device that outlived
// a restore of the server. The same chain once more changes nothing.
func register(s *session, _ wire.Ref, m *wire.Register) (wire.Body, error) {
	srv := s.srv
	a, err := keydir.Verify(srv.host(), m.Chain)
	if err != nil {
		return nil, badEntry(err)
	}
	if err := srv.dated(&a.Newest); err != nil {
		return nil, err
	}
	cert, err := srv.certified(a, m.Certificate)
	if err != nil {
		return nil, err
	}
	if !verify(cert.DeviceKey, m.SignedBytes(srv.host(), s.challenge), m.Authorisation) {
		return nil, wire.Refuse(wire.CodeBadSignature)
	}
	if m.InboxPass == (wire.PassHash{}) {
		return nil, wire.Refuse(wire.CodeMalformed)
	}
	if err := srv.blobFits(m.RecoveryBlob); err != nil {
		return nil, err
	}
	if len(m.RecoveryBlob) > 0 && !wire.IsSizeClass(len(m.RecoveryBlob)) {
		return nil, wire.Refuse(wire.CodeNotPadded)
	}
	p, err := packages(cert.DeviceKey, m.KeyPackages, m.LastResort)
	if err != nil {
		return nil, err
	}
	name := a.Newest.Handle.Name
	stored, err := srv.store.Chain(context.Background(), name)
	switch wire.CodeOf(err) {
	case wire.CodeNoAccount:
		err = srv.newAccount(a, m, p)
	default:
		if err == nil {
			err = srv.continued(a, stored, m, p)
		}
	}
	if err != nil {
		return nil, err
	}
	s.who = who{device, name, cert.DeviceKey}
	return &wire.Done{}, nil
}

// newAccount registers under the operator's policy.
func (srv *Server) newAccount(a *keydir.Account, m *wire.Register, p store.Packages) error {
	if srv.c.Registration == RegistrationClosed {
		return wire.Refuse(wire.CodeClosed)
	}
	return srv.store.Register(&store.NewAccount{
		Name: a.Newest.Handle.Name, Chain: m.Chain, Inbox: a.Newest.Inbox, InboxPass: m.InboxPass,
		Devices: a.Newest.Devices, Packages: p, Blob: m.RecoveryBlob, BlobVersion: m.BlobVersion,
		Invite: m.Invite, NeedInvite: srv.c.Registration == RegistrationInvite,
	})
}

// continued brings the entries that a stored chain lacks. The chain is proved
// by its own signatures; name_taken when it is not the same account's.
func (srv *Server) continued(a *keydir.Account, stored [][]byte, m *wire.Register, p store.Packages) error {
	taken := wire.Refuse(wire.CodeNameTaken)
	if len(stored) > len(m.Chain) || !slices.EqualFunc(stored, m.Chain[:len(stored)], bytes.Equal) {
		return taken
	}
	if len(stored) == len(m.Chain) {
		return nil
	}
	was, err := keydir.Verify(srv.host(), stored)
	if err != nil {
		return taken
	}
	err = srv.store.PutEntry(&store.NewEntry{
		Name: a.Newest.Handle.Name, Count: len(stored), Entries: m.Chain[len(stored):],
		Inbox: a.Newest.Inbox, InboxPass: m.InboxPass, Devices: a.Newest.Devices,
		Packages: p, DropPackages: a.Newest.IdentityKey != was.Newest.IdentityKey,
	})
	if errors.Is(err, store.ErrMoved) {
		return taken
	}
	if err != nil || len(m.RecoveryBlob) == 0 {
		return err
	}
	err = srv.store.PutRecoveryBlob(a.Newest.Handle.Name, &wire.PutRecoveryBlob{Version: m.BlobVersion, Blob: m.RecoveryBlob})
	if wire.CodeOf(err) == wire.CodeBlobOutdated {
		return nil // the one that is held may stay
	}
	return err
}

func verify(key [32]byte, signed []byte, signature wire.Signature) bool {
	return ed25519.Verify(key[:], signed, signature[:])
}

func signIn(s *session, _ wire.Ref, m *wire.SignIn) (wire.Body, error) {
	if !wire.ValidName(m.Name) {
		return nil, wire.Refuse(wire.CodeNameInvalid)
	}
	if m.Recovery != (len(m.Certificate) == 0) {
		return nil, wire.Refuse(wire.CodeMalformed)
	}
	a, _, err := s.srv.account(m.Name)
	if err != nil {
		return nil, err
	}
	next := who{role: recovery, name: m.Name}
	key := a.Newest.RecoveryKey
	if !m.Recovery {
		cert, err := s.srv.certified(a, m.Certificate)
		if err != nil {
			return nil, err
		}
		key = cert.DeviceKey
		next.role, next.device = device, key
	}
	if !verify(key, m.SignedBytes(s.srv.host(), s.challenge), m.Authorisation) {
		return nil, wire.Refuse(wire.CodeBadSignature)
	}
	s.who = next
	return &wire.Done{}, nil
}

// account reads and verifies what is stored.
func (srv *Server) account(name string) (*keydir.Account, [][]byte, error) {
	chain, err := srv.store.Chain(context.Background(), name)
	if err != nil {
		return nil, nil, err
	}
	a, err := keydir.Verify(srv.host(), chain)
	if err != nil {
		srv.c.Log.Error("a stored directory chain does not verify", "cause", err)
		return nil, nil, wire.Refuse(wire.CodeInternal)
	}
	return a, chain, nil
}

// signedIn checks that the connection still speaks for a device that the
// account names: another device may have removed it meanwhile.
func (s *session) signedIn() error {
	if s.who.role != device {
		return wire.Refuse(wire.CodeNotSignedIn)
	}
	named, err := s.srv.store.HasDevice(context.Background(), s.who.name, s.who.device)
	if err != nil {
		return err
	}
	if !named {
		s.who = who{}
		return wire.Refuse(wire.CodeNotSignedIn)
	}
	return nil
}

func putEntry(s *session, _ wire.Ref, m *wire.PutEntry) (wire.Body, error) {
	if s.who.role != recovery {
		if err := s.signedIn(); err != nil {
			return nil, err
		}
	}
	// Another device may append at the same moment; then this entry does not
	// follow any more and the second round refuses it.
	for range 2 {
		err := s.putEntryOnce(m)
		if !errors.Is(err, store.ErrMoved) {
			return done(err)
		}
	}
	return nil, wire.Refuse(wire.CodeBadEntry)
}

func (s *session) putEntryOnce(m *wire.PutEntry) error {
	srv := s.srv
	was, chain, err := srv.account(s.who.name)
	if err != nil {
		return err
	}
	repeated := bytes.Equal(chain[len(chain)-1], m.Entry)
	next, change := was, keydir.Change{}
	if !repeated {
		if next, change, err = was.Next(m.Entry); err != nil {
			return badEntry(err)
		}
		if err := srv.dated(&next.Newest); err != nil {
			return err
		}
	}
	cert, err := srv.certified(next, m.Certificate)
	if err != nil {
		return err
	}
	p, err := packages(cert.DeviceKey, m.KeyPackages, m.LastResort)
	if err != nil {
		return err
	}
	moved := next.Newest.Inbox != was.Newest.Inbox
	if moved && m.InboxPass == (wire.PassHash{}) {
		return wire.Refuse(wire.CodeMalformed)
	}
	if !repeated {
		err = srv.store.PutEntry(&store.NewEntry{
			Name: s.who.name, Count: was.Count, Entries: [][]byte{m.Entry},
			Inbox: next.Newest.Inbox, InboxPass: m.InboxPass, Devices: next.Newest.Devices,
			Packages: p, DropPackages: change.IdentityChanged,
		})
		if err != nil {
			return err
		}
	}
	s.who = who{device, s.who.name, cert.DeviceKey}
	return nil
}
