// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"

	"clarion.chat/clarion/wire"
)

func putRecoveryBlob(s *session, _ wire.Ref, m *wire.PutRecoveryBlob) (wire.Body, error) {
	if err := s.signedIn(); err != nil {
		return nil, err
	}
	if err := s.srv.blobFits(m.Blob); err != nil {
		return nil, err
	}
	if !wire.IsSizeClass(len(m.Blob)) {
		return nil, wire.Refuse(wire.CodeNotPadded)
	}
	return done(s.srv.store.PutRecoveryBlob(s.who.name, m))
}

func (srv *Server) blobFits(blob []byte) error {
	return fits("a recovery blob", len(blob), srv.c.Sizes.RecoveryBlob, "max_recovery_blob")
}

// getRecoveryBlob serves the recovery key as well as a device.
func getRecoveryBlob(s *session, _ wire.Ref, _ *wire.GetRecoveryBlob) (wire.Body, error) {
	if s.who.role != recovery {
		if err := s.signedIn(); err != nil {
			return nil, err
		}
	}
	blob, err := s.srv.store.RecoveryBlob(context.Background(), s.who.name)
	if err != nil {
		return nil, err
	}
	return blob, nil
}
