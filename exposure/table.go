// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

// Feature is something that people do here.
type Feature string

// The features, in the order of a table's rows.
const (
	FeatureAccount Feature = "account"
	FeatureSheet   Feature = "sheet" // the recovery sheet, and what is sealed under it
	FeatureLookUp  Feature = "lookup"
	FeatureInvite  Feature = "invite"
	FeatureRequest Feature = "request"
	FeatureMessage Feature = "message"
	FeatureGroup   Feature = "group"
	FeatureDirect  Feature = "call_direct"
	FeatureRelayed Feature = "call_relayed"
	FeaturePage    Feature = "page"
)

// Features lists them in that order.
func Features() []Feature {
	return []Feature{FeatureAccount, FeatureSheet, FeatureLookUp, FeatureInvite, FeatureRequest, FeatureMessage, FeatureGroup,
		FeatureDirect, FeatureRelayed, FeaturePage}
}

// Roles lists the parties in the order of a table's columns.
func Roles() []Role {
	return []Role{RolePeer, RoleHost, RoleRelay, RoleNetwork, RolePage, RoleStranger}
}

// Cell is one claim about what a party sees of a feature. A feature and party
// may have several, or none when the party has no part in it.
type Cell struct {
	Feature Feature
	Role    Role
	Claim   Claim
}

// Table says who sees what of each feature, whoever the people are. It speaks
// of a server under TLS, and of people on one server.
func Table() []Cell {
	var all []Cell
	proofs := Proofs()
	for _, r := range tableRows() {
		c := Cell{r.feature, r.role, Claim{Code: r.code, Tense: r.tense}}
		for _, p := range proofs {
			if p.Code == r.code {
				c.Claim.Test, c.Claim.Warns = p.Test, p.Warns
			}
		}
		all = append(all, c)
	}
	return all
}

type tableRow struct {
	feature Feature
	role    Role
	tense   Tense
	code    string
}

func tableRows() []tableRow {
	rows := accountRows()
	rows = append(rows, talkRows()...)
	for _, f := range []Feature{FeatureDirect, FeatureRelayed} {
		rows = append(rows, callRows(f)...)
	}
	for _, f := range Features() { // whatever is done, it is done in a program and over a network
		rows = append(rows, tableRow{f, RolePage, Could, "page_program"})
		if f != FeatureDirect && f != FeatureRelayed {
			rows = append(rows, tableRow{f, RoleNetwork, Sees, "network_server"}, tableRow{f, RoleNetwork, Cannot, "network_frames"})
		}
	}
	return rows
}

func accountRows() []tableRow {
	return []tableRow{
		{FeatureAccount, RolePeer, Sees, "account_public"},
		{FeatureAccount, RoleHost, Holds, "account_holds"},
		{FeatureAccount, RoleHost, Could, "account_signs_in"},
		{FeatureAccount, RoleHost, Cannot, "account_contacts"},
		{FeatureAccount, RoleStranger, Sees, "account_public"},
		{FeatureSheet, RolePeer, Sees, "sheet_used"},
		{FeatureSheet, RoleHost, Holds, "sheet_blob"},
		{FeatureSheet, RoleHost, Cannot, "sheet_words"},
		{FeatureSheet, RoleStranger, Could, "sheet_stolen"},
		{FeatureLookUp, RolePeer, Cannot, "lookup_untold"},
		{FeatureLookUp, RoleHost, Could, "lookup_who"},
		{FeatureLookUp, RoleHost, Cannot, "lookup_lie"},
		{FeatureLookUp, RoleStranger, Sees, "account_public"},
		{FeatureInvite, RolePeer, Sees, "invite_opened"},
		{FeatureInvite, RoleHost, Holds, "invite_holds"},
		{FeatureInvite, RoleHost, Cannot, "invite_secret"},
		{FeatureInvite, RoleStranger, Could, "invite_once"},
		{FeaturePage, RoleHost, Could, "page_visits"},
		{FeaturePage, RoleStranger, Cannot, "page_other_site"},
	}
}

func talkRows() []tableRow {
	return []tableRow{
		{FeatureRequest, RolePeer, Sees, "request_shown"},
		{FeatureRequest, RoleHost, Holds, "request_holds"},
		{FeatureRequest, RoleHost, Could, "request_address"},
		{FeatureRequest, RoleHost, Cannot, "stored_members"},
		{FeatureRequest, RoleStranger, Could, "request_fill"},
		{FeatureMessage, RolePeer, Sees, "message_peer"},
		{FeatureMessage, RoleHost, Holds, "message_holds"},
		{FeatureMessage, RoleHost, Could, "message_passes"},
		{FeatureMessage, RoleHost, Cannot, "message_text"},
		{FeatureMessage, RoleHost, Cannot, "stored_members"},
		{FeatureMessage, RoleStranger, Cannot, "message_pass"},
		{FeatureGroup, RolePeer, Sees, "group_peer"},
		{FeatureGroup, RolePeer, Could, "group_change"},
		{FeatureGroup, RoleHost, Holds, "message_holds"},
		{FeatureGroup, RoleHost, Could, "message_passes"},
		{FeatureGroup, RoleHost, Cannot, "group_name"},
		{FeatureGroup, RoleHost, Cannot, "stored_members"},
		{FeatureGroup, RoleStranger, Cannot, "message_pass"},
	}
}

// callRows say of calls between two, whose certificates were verified, what a
// Report says of one.
func callRows(f Feature) []tableRow {
	rows := []tableRow{
		{f, RolePeer, Sees, "peer_audio"},
		{f, RolePeer, Sees, "peer_video"},
		{f, RolePeer, Sees, "peer_screen"},
		{f, RoleHost, Sees, "host_signals"},
		{f, RoleHost, Holds, "call_holds"},
		{f, RoleHost, Could, "host_ties"},
		{f, RoleHost, Cannot, "host_said"},
		{f, RoleNetwork, Cannot, "network_said"},
		{f, RoleStranger, Cannot, "call_unasked"},
	}
	if f == FeatureDirect {
		return append(rows, tableRow{f, RolePeer, Sees, "peer_address"}, tableRow{f, RoleNetwork, Sees, "network_direct"})
	}
	return append(rows,
		tableRow{f, RolePeer, Cannot, "call_always_relay"},
		tableRow{f, RoleRelay, Sees, "relay_addresses"},
		tableRow{f, RoleRelay, Cannot, "relay_said"},
		tableRow{f, RoleNetwork, Sees, "network_relay"},
		tableRow{f, RoleNetwork, Sees, "network_tried"},
		tableRow{f, RoleNetwork, Cannot, "call_always_whom"},
	)
}

func tableProofs() []Proof {
	return []Proof{
		{"account_public", "server.TestRegisterLookUpIntroduce", false},
		{"account_holds", "server.TestHoldingsAndDeletion", false},
		{"account_signs_in", wireView, false},
		{"account_contacts", wireView, false},
		{"sheet_used", identity, false},
		{"sheet_blob", "client.TestRecoveryBlobIsSigned", false},
		{"sheet_words", wireView, false},
		{"sheet_stolen", "clariontest.TestRestoreFromWords", true},
		{"lookup_untold", wireView, false},
		{"lookup_who", wireView, false},
		{"lookup_lie", "clariontest.TestDirectoryLies", false},
		{"invite_opened", "clariontest.TestTwoPeopleMeet", false},
		{"invite_holds", "server.TestInvites", false},
		{"invite_secret", wireView, false},
		{"invite_once", "clariontest.TestInviteOnce", true},
		{"page_visits", "server.TestAppFiles", false},
		{"page_other_site", "server.TestOrigin", false},
		{"page_program", anotherOne, true},
		{"request_shown", "web/e2e/refuse.spec.ts: a request shows who asks, in text, and nothing that they wrote", false},
		{"request_holds", "server.TestRegisterLookUpIntroduce", false},
		{"request_address", wireView, false},
		{"request_fill", "store.TestInboxCap", true},
		{"stored_members", swap, false},
		{"message_peer", "clariontest.TestTwoPeopleMeet", false},
		{"message_holds", "store.TestPurgeFollowsTheAnnotations", false},
		{"message_passes", wireView, false},
		{"message_text", "clarion.TestHouse", false},
		{"message_pass", "store.TestPassRules", false},
		{"group_peer", "clariontest.TestGroup", false},
		{"group_change", "clariontest.TestGroup", true},
		{"group_name", wireView, false},
		{"call_holds", callWire, false},
		{"call_unasked", callUnasked, false},
		{"call_always_relay", callPath, false},
		{"call_always_whom", callPath, false},
		{"network_server", "clariond.TestTLS", false},
		{"network_frames", "clariond.TestTLS", false},
	}
}
