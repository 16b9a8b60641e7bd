// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"crypto/ed25519"

	"clarion.chat/clarion/wire"
)

func getHoldings(s *session, _ wire.Ref, _ *wire.GetHoldings) (wire.Body, error) {
	if err := s.signedIn(); err != nil {
		return nil, err
	}
	tables, err := s.srv.store.Holdings(context.Background(), s.who.name)
	if err != nil {
		return nil, err
	}
	h := &wire.Holdings{
		Account: wire.Handle{Name: s.who.name, Host: s.srv.host()}.String(),
		At:      s.srv.c.Clock().Unix(),
		Tables:  tables,
	}
	h.Could, h.Cannot = s.srv.c.Tenses()
	key := s.srv.store.Meta().ServerKey
	h.Signature = wire.Signature(ed25519.Sign(key, h.SignedBytes(s.srv.host())))
	return h, nil
}

// getMailboxHoldings is asked by pass, at the door that knows no accounts.
func getMailboxHoldings(s *session, _ wire.Ref, m *wire.GetMailboxHoldings) (wire.Body, error) {
	h, err := s.srv.store.MailboxHoldings(context.Background(), m.Mailbox, m.Pass)
	if err != nil {
		return nil, err
	}
	h.At = s.srv.c.Clock().Unix()
	h.Could, h.Cannot = s.srv.c.MailboxTenses()
	key := s.srv.store.Meta().ServerKey
	h.Signature = wire.Signature(ed25519.Sign(key, h.SignedBytes(s.srv.host())))
	return h, nil
}

func deleteEverything(s *session, _ wire.Ref, m *wire.DeleteEverything) (wire.Body, error) {
	if err := s.signedIn(); err != nil {
		return nil, err
	}
	signed := wire.ToSign(wire.PurposeDelete, s.srv.host(), s.challenge[:], []byte(s.who.name))
	if !verify(s.who.device, signed, m.Authorisation) {
		return nil, wire.Refuse(wire.CodeBadSignature)
	}
	tables, err := s.srv.store.DeleteEverything(s.who.name)
	if err != nil {
		return nil, err
	}
	s.who = who{}
	return &wire.Deleted{Tables: tables, Beyond: s.srv.c.Beyond()}, nil
}
