// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
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
// is not the person's own shows. It needs the server. identity_mismatch when
// the directory's chain neither goes on from this vault's nor is its beginning,
// as a restored server's is: then two people hold this account.
func (c *Client) Devices(ctx context.Context) (list []Device, err error) {
	err = c.withAccount(ctx, func() error {
		chain, err := c.lookUpChain(ctx, c.self.Handle)
		if err != nil {
			return err
		}
		a, err := keydir.Verify(c.self.Handle.Host, chain)
		if err != nil || a.Newest.Handle != c.self.Handle {
			return fail(FailIdentity, err)
		}
		if !continues(c.self.Chain, chain) && !continues(chain, c.self.Chain) {
			return fail(FailIdentity, errors.New("the directory's chain parts from this vault's"))
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
