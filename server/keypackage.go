// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"

	"clarion.chat/clarion/wire"
)

func putKeyPackages(s *session, _ wire.Ref, m *wire.PutKeyPackages) (wire.Body, error) {
	if err := s.signedIn(); err != nil {
		return nil, err
	}
	p, err := packages(s.who.device, m.KeyPackages, m.LastResort)
	if err != nil {
		return nil, err
	}
	count, err := s.srv.store.PutKeyPackages(s.who.name, &p)
	if err != nil {
		return nil, err
	}
	return count, nil
}

func countKeyPackages(s *session, _ wire.Ref, _ *wire.CountKeyPackages) (wire.Body, error) {
	if err := s.signedIn(); err != nil {
		return nil, err
	}
	count, err := s.srv.store.CountKeyPackages(context.Background(), s.who.name, s.who.device)
	if err != nil {
		return nil, err
	}
	return count, nil
}
