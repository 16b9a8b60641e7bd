// SPDX-License-Identifier: AGPL-3.0-or-later

// Package vaulttest holds every vault to the same promises.
package vaulttest
