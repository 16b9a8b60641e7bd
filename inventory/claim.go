// SPDX-License-Identifier: AGPL-3.0-or-later

package inventory

// Claim is a sentence about what an operator can give, and the test that fails
// when it stops being true.
type Claim struct {
	Text     string // one sentence for a person, at most 1,024 bytes
	ProvedBy string // package.TestName; house_test.go checks that it exists
}

// Could lists what is not stored, but passes through the server's memory and
// could be recorded from now on by order, or by an attacker on the machine.
func Could() []string { return texts(could()) }

// Cannot lists what the server never has, and so cannot give for the past or
// the future.
func Cannot() []string { return texts(cannot()) }

// CouldOfMailbox and CannotOfMailbox list those of the two that are about one
// conversation, whoever its members are.
func CouldOfMailbox() []string { return texts(couldOfMailbox()) }

// CannotOfMailbox is described with CouldOfMailbox.
func CannotOfMailbox() []string { return texts(cannotOfMailbox()) }

// Beyond lists what deleting an account does not reach.
func Beyond() []string { return texts(beyond()) }

// Claims lists every sentence of the three with its proof.
func Claims() []Claim { return append(append(could(), cannot()...), beyond()...) }

func texts(claims []Claim) []string {
	all := make([]string, len(claims))
	for i, c := range claims {
		all[i] = c.Text
	}
	return all
}

// What a capturing proxy sees between client and server, a server sees too:
// the wire view is the proof of both what could and what cannot be recorded.
const wireView = "clariontest.TestWireView"

func could() []Claim {
	return append(couldOfMailbox(),
		Claim{"That an introduction was put into your inbox, when, and from which network address. Not by whom; but the same connection has looked you up.", wireView},
		Claim{"Which account a device signed in to, when, and from which network address.", wireView},
		Claim{"Which accounts a network address looked up, and whose key packages it took.", wireView},
	)
}

// couldOfMailbox are those that are about one conversation.
func couldOfMailbox() []Claim {
	return []Claim{
		{"The network address of each connection, while it is open, and when it opens and closes.", wireView},
		{"The exact time and the size class of each envelope that is appended or read.", wireView},
		{"Which mailboxes one connection opens together, and so which address seems to be a member of several conversations.", wireView},
		{"The time and size of live events, such as typing and the setting up of calls.", wireView},
		{"For a call that goes through the relay: the network addresses of both sides, when it begins and ends, and how much passes; never what was said or shown. " +
			"For any call: from which address the means to relay it were asked for, and by whose pass.", "relay.TestRelaySees"},
	}
}

func cannot() []Claim {
	return append(cannotOfMailbox(),
		Claim{"Your contacts: they stand on your devices and in a blob that only your recovery words open.", wireView},
		Claim{"The recovery words: they never leave the device that made them.", wireView},
	)
}

// cannotOfMailbox are those that are about one conversation.
func cannotOfMailbox() []Claim {
	return []Claim{
		{"The text of messages: the server holds ciphertext, and the program that opens it is not part of the server.", "clarion.TestHouse"},
		{"The names of conversations: they travel inside sealed envelopes only.", wireView},
		{"Which accounts are members of a conversation: no table, log line or order of rows links an account to a mailbox but its own inbox.",
			"clariontest.TestSwap"},
		{"Private keys: devices, identity and conversations make them on the device, and only public halves are sent.", wireView},
	}
}

func beyond() []Claim {
	return []Claim{
		{"Envelopes in the mailboxes of your conversations: nothing says that they are yours; each is deleted at its mailbox's limit, after 30 days at the longest.",
			"store.TestDeleteEverything"},
		{"What other people's devices have received.", "clariontest.TestDeleteEverything"},
		{"Copies of this device's vault: whoever has one can read and write in a conversation until a member's client learns that you left it, and takes you out.",
			"clariontest.TestDeletedAccountsCopy"},
		{"Backups that the operator made before: they are deleted when the operator deletes them; a restore deletes your account again if the server still knows that it was deleted.",
			"store.TestRestoreKeepsDeletedAccountsDeleted"},
		{"A blinded mark that your name was used, so that nobody can take it and pass for you.", "store.TestNameIsNeverGivenAgain"},
		{"What the operator copied or recorded before, under an order or not.", "store.TestBackup"},
	}
}
