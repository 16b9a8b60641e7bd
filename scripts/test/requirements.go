// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import "clarion.chat/clarion/scripts/need"

// requirements reports whether all that the tests need beside Go is there.
func (r *run) requirements() bool {
	r.begin("requirements")
	return need.Met(r.ctx, append(need.Node(), []need.Program{
		{Name: "gcc", Packages: []string{"gcc", "libc6-dev"}, Why: "the race detector"},
		{Name: "chromium", Packages: []string{"chromium"}, Why: "the vault in a browser's IndexedDB, and the web app"},
		{Name: "postgres", Places: "/usr/lib/postgresql/*/bin", Packages: []string{"postgresql-15"}, Why: "the store's SQL on PostgreSQL"},
		{Name: "initdb", Places: "/usr/lib/postgresql/*/bin", Packages: []string{"postgresql-15"}, Why: "the store's SQL on PostgreSQL"},
		{Name: "opusenc", Packages: []string{"opus-tools"}, Why: "sound that goes through a call"},
		{Name: "ip", Packages: []string{"iproute2"}, Why: "calls through routers and walls"},
		{Name: "nft", Places: "/usr/sbin", Packages: []string{"nftables"}, Why: "calls through routers and walls"},
		{Name: "brotli", Packages: []string{"brotli"}, Why: "measuring the core's size", Optional: true},
	}...), r.say)
}
