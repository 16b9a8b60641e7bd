// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

// Proof is the test that fails when a claim of this code is not true any more.
type Proof struct {
	Code  string
	Test  string // package.TestName, by the package's last word; or file.spec.ts: beginning of a title
	Warns bool
}

// Tests that several claims stand on.
const (
	wireView   = "clariontest.TestWireView"
	swap       = "clariontest.TestSwap"
	identity   = "clariontest.TestIdentityChanged"
	check      = "clariontest.TestCheck"
	combined   = "exposure.TestNeverMoreReassuring"
	swapped    = "client.TestSwappedFingerprint"
	grinding   = "client.TestShortCodeGrinding"
	anotherOne = "web/e2e/releases.spec.ts: an update under two open tabs"

	// Awaited: see there what each has to show.
	callPath    = "clariontest.TestCallPath"
	callSealed  = "clariontest.TestCallSealed"
	callWire    = "clariontest.TestCallWireView"
	callUnasked = "clariontest.TestCallStranger"
	callPage    = "web/e2e/call.spec.ts: who could hear this call"
)

// Wait is a test that is not written yet, and what it is to show.
type Wait struct{ Test, Shows string }

// Awaited lists the tests that claims name and the tree has not. They come with
// what they test; one that exists has to leave this list.
func Awaited() []Wait {
	return []Wait{
		{callPath, "path, relay and addresses: a report's path and relay are those of the candidate pair in use; with always relay on, no candidate " +
			"but the relay's leaves the device"},
		{callSealed, "what the relay and the network carry holds neither the sound that went in nor a key; without the fingerprints no media flows"},
		{callWire, "the wire view with a call in it: times, sizes and addresses are all that a server could note of it"},
		{callUnasked, "who is not accepted neither rings nor learns an address"},
	}
}

// Proofs lists every code that a Report or Table can hold, but for headings.
func Proofs() []Proof {
	return append(callProofs[:len(callProofs):len(callProofs)], tableProofs()...)
}

// callProofs are those of reports. Nothing writes to it.
var callProofs = []Proof{
	{"headline_open", combined, true},
	{"headline_open_relay", combined, true},
	{"headline_middle_keys", swapped, true},
	{"headline_middle_code", grinding, true},
	{"headline_changed", identity, true},
	{"headline_changed_some", identity, true},
	{"headline_nobody", combined, true},
	{"headline_two_unchecked", check, true},
	{"headline_two_code", grinding, true},
	{"headline_two", check, false},
	{"headline_only_two", check, false},
	{"headline_group_one", check, true},
	{"headline_group_some", check, true},
	{"headline_group", check, false},
	{"headline_only_group", check, false},

	{"path_unknown", combined, false},
	{"path_direct", callPath, false},
	{"path_relay", callPath, false},
	{"path_sfu", combined, false},
	{"path_unnamed", combined, true},

	{"seal_dtls", callSealed, false},
	{"seal_frames", combined, false},
	{"seal_unknown", swapped, true},
	{"seal_none", combined, true},
	{"code_not_compared", grinding, false},
	{"code_same", grinding, false},
	{"code_differs", grinding, true},

	{"person_not_checked", check, true},
	{"person_invite_link", "clariontest.TestTwoPeopleMeet", false},
	{"person_digits", check, false},
	{"person_qr", check, false},
	{"person_came_by_your_link", "clariontest.TestTwoPeopleMeet", true},
	{"person_changed_since_check", identity, true},
	{"person_changed_not_checked", identity, true},
	{"person_device", "clariontest.TestDevices", false},
	{"person_devices", "clariontest.TestDevices", false},
	{"person_browser", combined, false},
	{"person_native", combined, false},

	{"peer_audio", callPage, false},
	{"peer_video", callPage, false},
	{"peer_screen", callPage, false},
	{"peer_address", callPath, true},
	{"peer_address_offered", callPath, true},
	{"peer_address_hidden", callPath, false},
	{"peer_speaks_as", combined, true},

	{"host_signals", callWire, false},
	{"host_ties", callWire, false},
	{"host_said", callSealed, false},
	{"host_could_hear", swapped, true},
	{"relay_addresses", callPath, false},
	{"sfu_addresses", combined, false},
	{"relay_said", callSealed, false},
	{"relay_could_hear", swapped, true},
	{"relay_hears", combined, true},
	{"network_direct", callPath, false},
	{"network_relay", callPath, false},
	{"network_tried", callPath, true},
	{"network_whom", callPath, false},
	{"network_said", callSealed, false},
	{"network_could_hear", swapped, true},
	{"network_hears", combined, true},
	{"page_own", anotherOne, true},
	{"page_peer", anotherOne, true},
}

func proofOf(code string) (test string, warns bool) {
	for _, p := range callProofs {
		if p.Code == code {
			return p.Test, p.Warns
		}
	}
	return "", false
}
