// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"

	"clarion.chat/clarion/wire"
)

func lookUp(s *session, _ wire.Ref, m *wire.LookUp) (wire.Body, error) {
	if !wire.ValidName(m.Name) {
		return nil, wire.Refuse(wire.CodeNameInvalid)
	}
	chain, err := s.srv.store.Chain(context.Background(), m.Name)
	if err != nil {
		return nil, err
	}
	return &wire.Chain{Entries: chain}, nil
}

func takeKeyPackages(s *session, _ wire.Ref, m *wire.TakeKeyPackages) (wire.Body, error) {
	if !wire.ValidName(m.Name) {
		return nil, wire.Refuse(wire.CodeNameInvalid)
	}
	taken, err := s.srv.store.TakeKeyPackages(m.Name)
	if err != nil {
		return nil, err
	}
	return &wire.KeyPackages{KeyPackages: taken}, nil
}

// introduce puts an introduction into an inbox: anybody may.
func introduce(s *session, ref wire.Ref, m *wire.Introduce) (wire.Body, error) {
	if err := fits("an introduction", len(m.Body), s.srv.c.Sizes.Introduction, "max_introduction"); err != nil {
		return nil, err
	}
	s.srv.store.Introduce(m, s.receipt(ref))
	return nil, nil
}

func putInvite(s *session, _ wire.Ref, m *wire.PutInvite) (wire.Body, error) {
	return done(s.srv.store.PutInvite(m))
}
