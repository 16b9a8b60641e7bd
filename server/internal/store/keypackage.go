// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"

	"clarion.chat/clarion/wire"
)

// addPackages adds key packages of a device that exists. too_large when more
// than Bounds allow would wait.
func (t *tx) addPackages(name string, p *Packages) error {
	if len(p.OneTime) > 0 {
		left, _, err := t.countPackages(name, p.Device)
		if err != nil {
			return err
		}
		if most := t.s.o.Bounds.KeyPackages; left+len(p.OneTime) > most {
			return refuseWith(wire.CodeTooLarge, "at most %d key packages of a device wait on this server (max_key_packages); %d do", most, left)
		}
	}
	for _, body := range p.OneTime {
		if err := t.insertPackage(name, p.Device, 0, body); err != nil {
			return err
		}
	}
	if len(p.LastResort) == 0 {
		return nil
	}
	err := t.exec(`DELETE FROM key_package WHERE name = $1 AND device_key = $2 AND last_resort = 1`, name, p.Device[:])
	if err != nil {
		return err
	}
	return t.insertPackage(name, p.Device, 1, p.LastResort)
}

func (t *tx) insertPackage(name string, device [32]byte, last int, body []byte) error {
	return t.exec(`INSERT INTO key_package (name, device_key, last_resort, id, body, expires_hour)
		VALUES ($1, $2, $3, $4, $5, $6)`, name, device[:], last, random(16), body, t.s.days(packageDays))
}

// countPackages counts what waits for a device: one-time ones, last resorts.
func (t *tx) countPackages(name string, device [32]byte) (left, last int, err error) {
	_, err = t.row(packageCount, []any{name, device[:]}, &left, &last)
	return left, last, err
}

const packageCount = `SELECT count(*) - coalesce(sum(last_resort), 0), coalesce(sum(last_resort), 0)
	FROM key_package WHERE name = $1 AND device_key = $2`

// PutKeyPackages adds key packages of a device. not_signed_in when the account
// no longer names it.
func (s *Store) PutKeyPackages(name string, p *Packages) (*wire.KeyPackageCount, error) {
	var count wire.KeyPackageCount
	err := s.write(func(t *tx) error {
		var one int
		named, err := t.row(`SELECT 1 FROM device WHERE name = $1 AND device_key = $2`, []any{name, p.Device[:]}, &one)
		if err != nil {
			return err
		}
		if !named {
			return refuse(wire.CodeNotSignedIn)
		}
		if err := t.addPackages(name, p); err != nil {
			return err
		}
		left, last, err := t.countPackages(name, p.Device)
		count = wire.KeyPackageCount{Left: uint32(left), LastResort: last > 0}
		return err
	})
	return &count, err
}

// CountKeyPackages tells what waits for a device.
func (s *Store) CountKeyPackages(ctx context.Context, name string, device [32]byte) (*wire.KeyPackageCount, error) {
	var left, last int
	err := s.reads.QueryRowContext(ctx, packageCount, name, device[:]).Scan(&left, &last)
	return &wire.KeyPackageCount{Left: uint32(left), LastResort: last > 0}, fault(err, s.o.Dir)
}

// TakeKeyPackages removes and returns one key package of each device that has
// any; the last resort is returned and stays. no_such_account, no_key_package.
func (s *Store) TakeKeyPackages(name string) ([][]byte, error) {
	var taken [][]byte
	err := s.write(func(t *tx) error {
		taken = nil
		devices, err := t.devices(name)
		if err != nil {
			return err
		}
		if len(devices) == 0 {
			return refuse(wire.CodeNoAccount)
		}
		for _, device := range devices {
			body, err := t.takeOne(name, device)
			if err != nil {
				return err
			}
			if body != nil {
				taken = append(taken, body)
			}
		}
		if len(taken) == 0 {
			return refuse(wire.CodeNoKeyPackage)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

func (t *tx) devices(name string) ([][]byte, error) {
	st, err := t.s.stmt(`SELECT device_key FROM device WHERE name = $1`)
	if err != nil {
		return nil, err
	}
	return scanChain(st.Query(name))
}

// takeOne takes a one-time key package before the last resort.
func (t *tx) takeOne(name string, device []byte) ([]byte, error) {
	var id, body []byte
	var last int
	found, err := t.row(`SELECT last_resort, id, body FROM key_package WHERE name = $1 AND device_key = $2
		AND expires_hour > $3 ORDER BY last_resort, id LIMIT 1`, []any{name, device, t.s.hour()}, &last, &id, &body)
	if err != nil || !found || last == 1 {
		return body, err
	}
	return body, t.exec(`DELETE FROM key_package WHERE name = $1 AND device_key = $2 AND last_resort = 0 AND id = $3`,
		name, device, id)
}
