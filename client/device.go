// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"slices"
	"time"

	"clarion.chat/clarion/keydir"
)

// Device is one of the account's own devices, as the directory shows it.
type Device struct {
	Fingerprint string    // SHA-256 of the device key, 64 hex digits
	This        bool      // the device of this vault
	Since       time.Time // the entry that first named it, to the hour
	Until       time.Time // end of its certificate; zero when that is not known here
}

// Devices asks the directory which devices this account has, so that one that
// is not the person's own shows. The answer is verified as anybody's is. It
// needs the server.
func (c *Client) Devices(ctx context.Context) (list []Device, err error) {
	err = c.withAccount(ctx, func() error {
		a, err := c.lookUp(ctx, c.self.Handle)
		if err != nil {
			return err
		}
		chain, err := c.lookUpChain(ctx, c.self.Handle)
		if err != nil {
			return err
		}
		own := c.self.devicePublic()
		for _, key := range a.Newest.Devices {
			d := Device{Fingerprint: fingerprint(key), This: key == own, Since: since(c.self.Handle.Host, chain, key)}
			if d.This {
				if cert, err := keydir.VerifyCertificate(c.self.Certificate, c.self.Handle.Host, c.now().Unix()); err == nil {
					d.Until = time.Unix(cert.NotAfter, 0).UTC()
				}
			}
			list = append(list, d)
		}
		return nil
	})
	return list, err
}

// since finds the hour of the entry from which on a chain names a device.
func since(host string, chain [][]byte, device [32]byte) (from time.Time) {
	for n := len(chain); n > 0; n-- {
		a, err := keydir.Verify(host, chain[:n])
		if err != nil || !slices.Contains(a.Newest.Devices, device) {
			return from
		}
		from = time.Unix(a.Newest.Hour*60*60, 0).UTC()
	}
	return from
}
