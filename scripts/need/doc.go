// SPDX-License-Identifier: AGPL-3.0-or-later

// Package need finds the programs that building and testing want beside Go and,
// as root on Debian, installs those that are missing.
package need
