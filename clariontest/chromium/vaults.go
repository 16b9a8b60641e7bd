// SPDX-License-Identifier: AGPL-3.0-or-later

package chromium

import (
	"context"
	"net/http"

	"clarion.chat/clarion/client/vault/vaulttest"
	"github.com/coder/websocket"
)

// maxVaultFrame bounds what a page answers at once, in bytes.
const maxVaultFrame = 64 << 20

// link is a page's WebSocket.
type link struct{ *websocket.Conn }

// Send implements vaulttest.Conn.
func (l *link) Send(ctx context.Context, frame []byte) error {
	return l.Write(ctx, websocket.MessageBinary, frame)
}

// Recv implements vaulttest.Conn.
func (l *link) Recv(ctx context.Context) ([]byte, error) {
	_, frame, err := l.Read(ctx)
	return frame, err
}

func (h *Host) acceptVaults(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	conn.SetReadLimit(maxVaultFrame)
	select {
	case h.vaults <- &link{conn}:
	case <-r.Context().Done():
	}
}

// Vaults opens a page that keeps vaults in IndexedDB, each under a name, for
// tests that run outside of the browser.
func (s *Stage) Vaults() *vaulttest.Far {
	s.T.Helper()
	_, run, out := s.Start("vaults " + s.Host.URL)
	select {
	case l := <-s.Host.vaults:
		f := vaulttest.NewFar(l)
		s.T.Cleanup(f.Close)
		return f
	case <-run.Exited():
		s.T.Fatalf("the page ended: %q", out.Whole())
	case <-s.Context.Done():
		s.T.Fatalf("the page does not come: %q", out.Whole())
	}
	return nil
}
