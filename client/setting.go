// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"unicode/utf8"

	"clarion.chat/clarion/client/vault"
)

const (
	maxSettingName = 32
	maxSetting     = 1024
	maxSettings    = 256
	recordSetting  = "setting"
	// FailSetting: a setting's name or value that no vault keeps.
	FailSetting = "setting_invalid"
)

// SetSetting keeps a small wish of a program's in this device's vault: a name
// of 1 to 32 letters a-z, digits and underscores, a value of at most 1,024
// bytes of UTF-8; an empty value forgets it. There are at most 256. Nothing is
// sent.
func (c *Client) SetSetting(ctx context.Context, name, value string) error {
	return c.withAccount(ctx, func() error {
		if !settingName(name) || len(value) > maxSetting || !utf8.ValidString(value) {
			return fail(FailSetting, nil)
		}
		var ch change
		record := c.keyed(recordSetting, []byte(name))
		if value == "" {
			ch.drop(record)
		} else {
			others := 0
			err := scan(ctx, c.vault, recordSetting+"/", func(key string, _ []byte) error {
				if key != record {
					others++
				}
				return nil
			})
			if err != nil {
				return fail(FailVault, err)
			}
			if others >= maxSettings {
				return fail(FailSetting, nil)
			}
			ch.putBytes(record, []byte(value))
		}
		return c.commit(ctx, &ch)
	})
}

// Setting returns what SetSetting kept, or nothing.
func (c *Client) Setting(ctx context.Context, name string) (value string, err error) {
	err = c.withAccount(ctx, func() error {
		if !settingName(name) {
			return fail(FailSetting, nil)
		}
		b, err := c.vault.Get(ctx, c.keyed(recordSetting, []byte(name)))
		if errors.Is(err, vault.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fail(FailVault, err)
		}
		value = string(b)
		return nil
	})
	return value, err
}

func settingName(s string) bool {
	if len(s) == 0 || len(s) > maxSettingName {
		return false
	}
	for _, b := range []byte(s) {
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '_' {
			return false
		}
	}
	return true
}
