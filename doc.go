// SPDX-License-Identifier: AGPL-3.0-or-later

// Package clarion is the root of the house and holds no code. The rooms are
// named in ARCHITECTURE.md; house_test.go holds them to their rules.
package clarion
