// SPDX-License-Identifier: AGPL-3.0-or-later

package main

// entry is one fact, the place that makes or enforces it, changed so that it
// holds no more, and the test that must notice.
type entry struct {
	fact string // a field of exposure.Facts, as People.Checked, or the code of a claim
	file string // from the root, with slashes
	old  string // stands in it exactly once
	new  string
	test string // as exposure names tests
}

// without lists the facts whose gathering nothing here breaks yet, and why.
func without() map[string]string {
	const engines = "gathered where the media engines are"
	return map[string]string{
		"Kind":             "calls of more than two do not exist",
		"Host":             engines,
		"Seal":             engines,
		"ComparedAt":       engines,
		"Program":          engines,
		"PageHost":         engines,
		"NotYet":           "the other side of Verified, by the same line",
		"Sends":            engines,
		"People.Handle":    engines,
		"People.Devices":   engines,
		"People.Program":   "no device says what it is",
		"People.CheckedAt": "taken with People.Checked, by the same line",
	}
}

func table() []entry {
	all := peopleEntries()
	all = append(all, callEntries()...)
	all = append(all, serverEntries()...)
	return append(all, reportEntries()...)
}

// peopleEntries: whose keys they are, and how that is known.
func peopleEntries() []entry {
	const check, changed = "clariontest.TestCheck", "clariontest.TestIdentityChanged"
	return []entry{
		{"People.Checked", "client/check.go", "			n.How = CheckedChanged\n", "			n.How = CheckedDigits\n", changed},
		{"People.Checked", "client/check.go", "was != now", "false && was != now", check},
		{"People.Checked", "client/check.go", "case sameTheirs != 1:", "case sameTheirs == 7:", changed},
		{"People.Checked", "client/check.go", "k.To != c.self.Handle ||", "", check},
		{"person_came_by_your_link", "client/introduction.go", "n.How, n.CheckedAt = CheckedCameByLink, ", "n.How, n.CheckedAt = CheckedInviteLink, ",
			"clariontest.TestTwoPeopleMeet"},
		{"person_digits", "keydir/safety.go", ", sorted[i].IdentityKey[:])", ")", "keydir.TestSafetyCode"},
		{"lookup_lie", "client/invite.go", "sha256.Sum256(a.Newest.IdentityKey[:]) != l.Fingerprint", "l.Fingerprint == [32]byte{}", "clariontest.TestDirectoryLies"},
		{"lookup_lie", "keydir/account.go", "e.IdentityKey != was.IdentityKey && !s.byRecovery", "false", "keydir.TestNextRefuses"},
		{"People.Checked", "web/src/state/standing.ts", "['invite_link', 'digits', 'qr']", "['invite_link', 'digits', 'qr', 'changed_not_checked']",
			"web/test/standing.spec.ts: only what was checked counts as checked"},
		{"request_shown", "web/src/view/people/Request.svelte", "{m.request_means()}", "<a href=\"/\">{m.request_means()}</a>",
			"web/e2e/refuse.spec.ts: a request shows who asks, in text, and nothing that they wrote"},
	}
}

// callEntries: who is at the other end of a call, and which way it takes.
func callEntries() []entry {
	const callPath = "clariontest.TestCallPath"
	return []entry{
		{"Verified", "client/callrecord.go", "return subtle.ConstantTimeCompare(want[:], k.round.commit[:]) == 1",
			"return subtle.ConstantTimeCompare(want[:], k.round.commit[:]) < 2", "client.TestSwappedFingerprint"},
		{"Compared", "client/callrecord.go", "round[:], device[:], fingerprint[:], nonce[:]))", "round[:], device[:]))", "client.TestShortCodeGrinding"},
		{"Path", "client/call/connection.go", "return \"relay\", c.relay", "return \"direct\", c.relay", callPath},
		{"Relay", "client/call/connection.go", "return \"relay\", c.relay", "return \"relay\", \"\"", callPath},
		{"AlwaysRelay", "client/call/connection.go", "config.ICETransportPolicy = webrtc.ICETransportPolicyRelay",
			"config.ICETransportPolicy = webrtc.ICETransportPolicyAll", callPath},
		{"AlwaysRelay", "client/call/connection.go", "Candidate: baseless(init.Candidate)", "Candidate: init.Candidate", callPath},
	}
}

// serverEntries: what a server has, and what passes by.
func serverEntries() []entry {
	const wireView = "clariontest.TestWireView"
	return []entry{
		{"message_text", "server/doc.go", "\npackage server\n", "\npackage server\n\nimport _ \"clarion.chat/clarion/mls\"\n", "clarion.TestHouse"},
		{"account_contacts", "client/recovery.go", "	return sealTo(a.Newest.RecoverySealKey, blobPurpose, c.self.Handle, plain)\n", "	_ = a\n	return plain, nil\n", wireView},
		{"stored_members", "server/internal/store/schema/mailbox.sql", "PRIMARY KEY (id)\n) STRICT, WITHOUT ROWID;", "PRIMARY KEY (id)\n) STRICT;", "clariontest.TestSwap"},
		{"message_holds", "server/internal/store/purge.go", "range s.limits {", "range s.limits[1:] {", "store.TestPurgeFollowsTheAnnotations"},
		{"message_pass", "server/internal/store/mailbox.go", "case !current:\n", "case false:\n", "store.TestPassRules"},
		{"invite_once", "server/internal/store/introduction.go", "	case used:\n		return refuse(wire.CodeInviteUsed)\n", "", "clariontest.TestInviteOnce"},
		{"request_fill", "server/internal/store/introduction.go", "count >= b.Introductions ||", "", "store.TestInboxCap"},
		{"page_other_site", "server/http.go", "if !srv.ownOrigin(r) {", "if false {", "server.TestOrigin"},
		{"network_frames", "cmd/clariond/tls.go", "MinVersion: tls.VersionTLS12,", "MinVersion: tls.VersionTLS10,", "clariond.TestTLS"},
	}
}

// reportEntries: what a report makes of each fact, whoever gathered it.
func reportEntries() []entry {
	const combined = "exposure.TestNeverMoreReassuring"
	return []entry{
		{"Kind", "exposure/facts.go", "f.Seal == SealDTLS && f.Kind == KindTwo && ", "f.Seal == SealDTLS && ", combined},
		{"Path", "exposure/report.go", "	return say(\"path_unknown\"", "	return say(\"path_direct\"", combined},
		{"Relay", "exposure/report.go", "say(\"path_relay\", Is, Args{Host: f.Relay})", "say(\"path_relay\", Is, Args{Host: f.Host})", combined},
		{"Host", "exposure/onlooker.go", "all := []string{f.Host}", "all := []string{}", combined},
		{"Seal", "exposure/facts.go", " && f.Path != PathSFU", "", combined},
		{"Verified", "exposure/facts.go", "return !f.Verified && !f.waits() || ", "return ", combined},
		{"NotYet", "exposure/facts.go", " && f.NotYet && f.Path == PathUnknown }", " && f.NotYet }", combined},
		{"Compared", "exposure/facts.go", " || f.Compared == ComparedDiffers }", " }", combined},
		{"People.Checked", "exposure/facts.go", "|| p.Checked == CheckedQR", "|| p.Checked == CameByLink", combined},
		{"People.Program", "exposure/onlooker.go", "p.Program != ProgramNative", "p.Program == ProgramBrowser", combined},
		{"Program", "exposure/onlooker.go", "if f.Program != ProgramNative {", "if f.Program == ProgramBrowser {", combined},
		{"AlwaysRelay", "exposure/onlooker.go", "case !f.AlwaysRelay:", "case f.AlwaysRelay:", combined},
		{"ComparedAt", "exposure/report.go", "say(\"code_same\", Is, Args{At: f.ComparedAt})", "say(\"code_same\", Is, Args{})", combined},
		{"Sends", "exposure/onlooker.go", "if f.Sends.Screen {", "if false {", "exposure.TestReportsSayAll"},
	}
}
