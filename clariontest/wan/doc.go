// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wan is a small internet for tests: hosts in network namespaces of
// their own, some behind a router that translates addresses or blocks, joined
// by a hub in this process that delays, loses and slows packets. Programs run
// in a host as they would on a machine of that access. No packet leaves the
// namespaces. It needs Linux, root, ip and nft.
package wan
