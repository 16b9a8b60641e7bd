// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"slices"
	"strings"

	"clarion.chat/clarion/client/vault"
)

// Sheet returns the 24 words of a recovery sheet that Register was asked to
// keep (RegisterParams.KeepSheet), until ForgetSheet; nil when none is kept.
func (c *Client) Sheet(ctx context.Context) (words []string, err error) {
	err = c.withAccount(ctx, func() error {
		entropy, err := c.vault.Get(ctx, recordWord)
		if errors.Is(err, vault.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fail(FailVault, err)
		}
		keys, err := newRecoveryKeys(entropy)
		if err != nil {
			return err
		}
		words = keys.words
		return nil
	})
	return words, err
}

// ForgetSheet removes the kept words from the vault: the person has them now,
// and they exist nowhere else from then on.
func (c *Client) ForgetSheet(ctx context.Context) error {
	return c.withAccount(ctx, func() error {
		var ch change
		ch.drop(recordWord)
		return c.commit(ctx, &ch)
	})
}

// SheetCheck says what is wrong with words that were typed from a sheet.
type SheetCheck struct {
	Unknown []int // places, from 0, of words that stand on no sheet
	Fits    bool  // 24 known words with a checksum that fits
}

// CheckSheet reads words as Restore does, without using them.
func CheckSheet(words []string) SheetCheck {
	list := strings.Fields(wordList) // in alphabetical order
	var s SheetCheck
	for i, w := range words {
		if _, known := slices.BinarySearch(list, strings.ToLower(w)); !known {
			s.Unknown = append(s.Unknown, i)
		}
	}
	_, s.Fits = entropyOf(words)
	return s
}
