// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

import (
	"slices"
	"strconv"
	"strings"
)

// Word is the English of one code. In braces stand who, host, count, some and
// date, which are the arguments of a claim.
type Word struct{ Code, Text string }

// Sentence is a claim in English. It is for terminals and public pages; the web
// app says the same by its catalogue.
func Sentence(c Claim) string { return fill(text(c.Code), c.Args) }

// Heading is the English name of a role, tense or feature.
func Heading[T ~string](kind string, value T) string { return text(kind + "_" + string(value)) }

func text(code string) string {
	for _, list := range [][]Word{reportWords, onlookerWords, tableWords} {
		for _, w := range list {
			if w.Code == code {
				return w.Text
			}
		}
	}
	return ""
}

func fill(text string, a Args) string {
	if !strings.Contains(text, "{") {
		return text
	}
	date := "a day that was not noted"
	if !a.At.IsZero() {
		date = a.At.UTC().Format("2 January 2006")
	}
	return strings.NewReplacer("{who}", a.Who, "{host}", a.Host, "{count}", strconv.Itoa(a.Count), "{some}", strconv.Itoa(a.Some), "{date}", date).Replace(text)
}

// Words lists the words of every code, of reports first.
func Words() []Word { return slices.Concat(reportWords, onlookerWords, tableWords) }

// ReportWords are those of the codes that a Report can hold, and of its roles.
func ReportWords() []Word { return slices.Concat(reportWords, onlookerWords) }

// Nothing writes to these.
var reportWords = []Word{
	{"headline_open", "Whoever carries this call can hear it: it is not end to end encrypted."},
	{"headline_open_relay", "{host} can hear this call, and so can every network on the way: it is not end to end encrypted."},
	{"headline_middle_keys", "Somebody in the middle could hear: nothing shows that the keys of this call are those of the people in it."},
	{"headline_middle_code", "Somebody in the middle could hear: the codes you read to each other do not match."},
	{"headline_changed", "The keys of {who} changed after you had checked them: this may be somebody else."},
	{"headline_changed_some", "{count} people. {some} of them have other keys than those you had checked, and may be somebody else."},
	{"headline_nobody", "It is not known who else is in this call."},
	{"headline_two_unchecked", "Two people. You have not checked {who}."},
	{"headline_two_code", "Two people. You have not checked {who}, but the code of this call matched."},
	{"headline_two", "You and {who}, whom you checked."},
	{"headline_only_two", "Only you and {who}, whom you checked."},
	{"headline_group_one", "{count} people. You have not checked one of them."},
	{"headline_group_some", "{count} people. You have not checked {some} of them."},
	{"headline_group", "{count} people. You have checked all of them."},
	{"headline_only_group", "Only {count} people, and you have checked all of them."},

	{"path_unknown", "Not connected yet: the way it will take is not known."},
	{"path_direct", "Direct, from device to device."},
	{"path_relay", "Through the relay of {host}."},
	{"path_sfu", "Through {host}, which passes on what each person sends."},
	{"path_unnamed", "Through a relay whose name is not known."},

	{"seal_dtls", "Sound and picture are sealed on each device, for the device at the other end."},
	{"seal_frames", "Sound and picture are sealed on each device, for the people in the call."},
	{"seal_not_yet", "Nothing is sent yet: the two devices agree on keys first."},
	{"seal_unknown", "Sound and picture are sealed, but nothing shows for whom."},
	{"seal_none", "Sound and picture are not sealed from end to end."},
	{"code_not_compared", "Read the code to each other. If the two differ, somebody is in the middle."},
	{"code_same", "You read the code to each other, and the two matched."},
	{"code_differs", "You read the code to each other, and the two differed."},

	{"person_not_checked", "Not checked."},
	{"person_invite_link", "Checked by their invite link, {date}."},
	{"person_digits", "Checked by comparing sixty digits, {date}."},
	{"person_qr", "Checked by scanning their screen, {date}."},
	{"person_came_by_your_link", "Came by your link; not checked."},
	{"person_changed_since_check", "Has had other keys since {date}, after you had checked them."},
	{"person_changed_not_checked", "Has had other keys since {date}; not checked."},
	{"person_device", "One device."},
	{"person_devices", "{count} devices."},
	{"person_browser", "Their device says that it is a browser."},
	{"person_native", "Their device says that it is no browser."},
}

var onlookerWords = []Word{
	{"peer_audio", "Hears what you say, and could record it."},
	{"peer_video", "Sees the picture of your camera, and could record it."},
	{"peer_screen", "Sees your screen, and could record it."},
	{"peer_address", "Sees the network address of your device."},
	{"peer_address_offered", "Has the network address of your device, which was offered for a direct way."},
	{"peer_address_hidden", "Does not learn the network address of your device."},
	{"peer_speaks_as", "Could speak as any other person of the call: all of them can work out the same keys."},

	{"host_signals", "Sees that devices of a conversation signal now: the network address of each connection, times and sizes."},
	{"host_ties", "Could tie the addresses to accounts, if it records them from now on. It does not store who calls whom."},
	{"host_said", "Does not hear or see the call: the keys stay on the devices."},
	{"host_could_hear", "Could be the one in the middle, and hear and see everything."},
	{"relay_addresses", "Sees the network addresses that it passes packets between, when and how much."},
	{"sfu_addresses", "Sees the network address of each device, who sends when and how much, under names drawn for this call."},
	{"relay_said", "Does not hear or see the call: what it passes on is sealed."},
	{"relay_could_hear", "Could be the one in the middle, and hear and see everything."},
	{"relay_hears", "Can hear and see everything."},
	{"network_direct", "Sees the network addresses of both devices, when they exchange packets and how much."},
	{"network_relay", "Sees that your device exchanges packets with the relay, when and how much."},
	{"network_tried", "Saw the network addresses of the other device that were tried for a direct way."},
	{"network_whom", "Does not see whom you talk with, unless it watches the other end too."},
	{"network_said", "Does not hear or see the call: what it carries is sealed."},
	{"network_could_hear", "Could be the one in the middle, and hear and see everything."},
	{"network_hears", "Can hear and see everything."},
	{"page_own", "Could serve you another program, which hears and sees everything: in a browser, the program is what this server sends."},
	{"page_peer", "If {who} is in a browser, could serve {who} another program, which hears and sees everything."},

	{"role_peer", "The other person"},
	{"role_host", "The server"},
	{"role_relay", "The relay"},
	{"role_network", "Your network"},
	{"role_page", "Whoever serves the page"},
	{"role_stranger", "Anybody else"},
}
