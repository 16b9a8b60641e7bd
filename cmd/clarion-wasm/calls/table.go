// SPDX-License-Identifier: AGPL-3.0-or-later

package calls

import (
	"context"
	"slices"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// OpenOptions are those of clarionCore.open. Without a vault's name the core
// keeps its state in memory, and it ends with the core.
type OpenOptions struct {
	Vault      string `core:"optional"`
	Passphrase string `core:"optional"`
	// Opener stands for the passphrase, as a core that had the vault open gave
	// it; it is of no use once the passphrase is another.
	Opener []byte `core:"optional"`
	// Take takes the vault from whatever page or worker has it open and does
	// not answer. That one can change nothing any more.
	Take bool `core:"optional"`
}

// VaultState is what can be told of a vault without opening it.
type VaultState struct {
	Exists     bool
	Passphrase bool // it opens with a passphrase only
}

// The parameters that several calls share.
type (
	// Where names a conversation by its id.
	Where struct{ Conversation string }
	// Who names a person: name@host, or a bare name of one's own server.
	Who struct{ Handle string }
	// Member names a person of a conversation.
	Member struct {
		Conversation string
		Handle       string
	}
)

// Paging asks for a page of a conversation's history.
type Paging struct {
	Conversation string
	Before       client.Cursor `core:"optional"` // from the page after it; left out for the newest
	Limit        int           // 1 to 200
}

// Scan is a code from another device's screen.
type Scan struct {
	Handle string `core:"optional"` // whom the person means to check; empty for whoever shows it
	Code   string
}

// Registration is client.RegisterParams.
type Registration struct {
	Server string   // http(s)://host[:port]
	Name   string   // the part before the @
	Invite string   `core:"optional"` // the server's registration invite, if it asks for one
	Words  []string `core:"optional"` // 24 words to use again; none draws new ones
	// KeepSheet keeps the words in the vault until forgetSheet, for a page
	// that may be gone before it has shown them.
	KeepSheet bool `core:"optional"`
}

// Holdings is the server's signed answer to what it holds, checked.
type Holdings struct {
	Account   string
	At        time.Time
	Host      string
	Tables    []wire.TableRows
	Could     []string // what the operator could be ordered to record from now on
	Cannot    []string // what it cannot give
	Signature []byte   // Ed25519 under ServerKey
	ServerKey []byte
}

// MailboxHoldings is the same about one conversation.
type MailboxHoldings struct {
	Conversation string
	Mailbox      []byte // SHA-256 of its address
	At           time.Time
	Host         string
	Tables       []wire.TableRows
	Sizes        []wire.SizeRows // envelopes by size class
	Epoch        uint64
	Head         uint64    // envelopes ever appended
	Keep         int       // days for which the server keeps what is written now
	Agreed       int       // and for how many the members say
	FirstGone    time.Time // when the first envelope is deleted; zero when none is held
	LastGone     time.Time
	Forget       time.Time // when the mailbox goes unless it is used
	Could        []string
	Cannot       []string
	Signature    []byte
	ServerKey    []byte
}

// All is the table of calls.
func All() []Entry {
	return slices.Concat(account(), people(), conversations(), messages(), talks(), settings(), vaults())
}

func account() []Entry {
	return []Entry{
		call("register", func(ctx context.Context, c *Core, p Registration) ([]string, error) {
			return c.Register(ctx, client.RegisterParams(p))
		}),
		do("restore", func(ctx context.Context, c *Core, p client.RestoreParams) error { return c.Restore(ctx, p) }),
		ask("sheet", (*client.Client).Sheet),
		act("forgetSheet", (*client.Client).ForgetSheet),
		call("checkSheet", func(_ context.Context, _ *Core, p struct{ Words []string }) (client.SheetCheck, error) {
			return client.CheckSheet(p.Words), nil
		}),
		ask("whoAmI", (*client.Client).WhoAmI),
		call("holdings", func(ctx context.Context, c *Core, _ None) (Holdings, error) { return holdings(c.Holdings(ctx)) }),
		do("trustServerKey", func(ctx context.Context, c *Core, p struct{ Key string }) error { return c.TrustServerKey(ctx, p.Key) }),
		call("conversationHoldings", func(ctx context.Context, c *Core, p Where) (MailboxHoldings, error) {
			return mailboxHoldings(c.ConversationHoldings(ctx, p.Conversation))
		}),
		ask("deleteEverything", (*client.Client).DeleteEverything),
	}
}

func people() []Entry {
	return []Entry{
		ask("contacts", (*client.Client).Contacts),
		call("invite", func(ctx context.Context, c *Core, p struct{ Days int }) (client.Invite, error) {
			return c.Invite(ctx, p.Days)
		}),
		call("accept", func(ctx context.Context, c *Core, p struct{ LinkOrHandle string }) (client.Conversation, error) {
			return c.Accept(ctx, p.LinkOrHandle)
		}),
		call("safetyDigits", func(ctx context.Context, c *Core, p Who) (client.Safety, error) { return c.SafetyDigits(ctx, p.Handle) }),
		call("check", func(ctx context.Context, c *Core, p struct{ Handle, How string }) (client.Contact, error) {
			return c.Check(ctx, p.Handle, p.How)
		}),
		call("checkScanned", func(ctx context.Context, c *Core, p Scan) (client.Scanned, error) {
			return c.CheckScanned(ctx, p.Handle, p.Code)
		}),
		call("uncheck", func(ctx context.Context, c *Core, p Who) (client.Contact, error) { return c.Uncheck(ctx, p.Handle) }),
		call("acknowledge", func(ctx context.Context, c *Core, p Who) (client.Contact, error) { return c.Acknowledge(ctx, p.Handle) }),
		do("block", func(ctx context.Context, c *Core, p Who) error { return c.Block(ctx, p.Handle) }),
		do("unblock", func(ctx context.Context, c *Core, p Who) error { return c.Unblock(ctx, p.Handle) }),
		do("decline", func(ctx context.Context, c *Core, p Who) error { return c.Decline(ctx, p.Handle) }),
	}
}

func conversations() []Entry {
	return []Entry{
		ask("conversations", (*client.Client).Conversations),
		call("find", func(ctx context.Context, c *Core, p struct{ What string }) (client.Conversation, error) {
			return c.Find(ctx, p.What)
		}),
		call("newGroup", func(ctx context.Context, c *Core, p struct {
			Name    string
			Handles []string
		}) (client.Conversation, error) {
			return c.NewGroup(ctx, p.Name, p.Handles)
		}),
		do("addMember", func(ctx context.Context, c *Core, p Member) error { return c.AddMember(ctx, p.Conversation, p.Handle) }),
		do("removeMember", func(ctx context.Context, c *Core, p Member) error {
			return c.RemoveMember(ctx, p.Conversation, p.Handle)
		}),
		do("leave", func(ctx context.Context, c *Core, p Where) error { return c.Leave(ctx, p.Conversation) }),
		do("setKeep", func(ctx context.Context, c *Core, p struct {
			Conversation string
			Days         int
		}) error {
			return c.SetKeep(ctx, p.Conversation, p.Days)
		}),
		call("relayServers", func(ctx context.Context, c *Core, p Where) (wire.Relay, error) {
			return c.RelayServers(ctx, p.Conversation)
		}),
		do("forget", func(ctx context.Context, c *Core, p Where) error { return c.Forget(ctx, p.Conversation) }),
	}
}

func messages() []Entry {
	return []Entry{
		call("history", func(ctx context.Context, c *Core, p Where) ([]client.Message, error) {
			return c.History(ctx, p.Conversation)
		}),
		call("historyPage", func(ctx context.Context, c *Core, p Paging) (client.Page, error) {
			return c.HistoryPage(ctx, p.Conversation, p.Before, p.Limit)
		}),
		call("message", func(ctx context.Context, c *Core, p struct{ Conversation, ID string }) (client.Message, error) {
			return c.Message(ctx, p.Conversation, p.ID)
		}),
		ask("unread", (*client.Client).Unread),
		call("send", func(ctx context.Context, c *Core, p struct{ Conversation, Text string }) (client.Message, error) {
			return c.Send(ctx, p.Conversation, p.Text)
		}),
		call("queue", func(ctx context.Context, c *Core, p struct{ Conversation, ID, Text string }) (client.Message, error) {
			return c.Queue(ctx, p.Conversation, p.ID, p.Text)
		}),
		act("flush", (*client.Client).Flush),
		do("flushConversation", func(ctx context.Context, c *Core, p Where) error { return c.FlushConversation(ctx, p.Conversation) }),
		do("markRead", func(ctx context.Context, c *Core, p struct {
			Conversation string
			Seq          uint64
		}) error {
			return c.MarkRead(ctx, p.Conversation, p.Seq)
		}),
		call("draft", func(ctx context.Context, c *Core, p Where) (string, error) { return c.Draft(ctx, p.Conversation) }),
		do("setDraft", func(ctx context.Context, c *Core, p struct{ Conversation, Text string }) error {
			return c.SetDraft(ctx, p.Conversation, p.Text)
		}),
		ask("drafts", (*client.Client).Drafts),
		do("typing", func(ctx context.Context, c *Core, p Where) error { return c.Typing(ctx, p.Conversation) }),
	}
}

func settings() []Entry {
	return []Entry{
		ask("devices", (*client.Client).Devices),
		call("setting", func(ctx context.Context, c *Core, p struct{ Name string }) (string, error) {
			return c.Setting(ctx, p.Name)
		}),
		do("setSetting", func(ctx context.Context, c *Core, p struct{ Name, Value string }) error {
			return c.SetSetting(ctx, p.Name, p.Value)
		}),
		ask("marks", (*client.Client).Marks),
		do("setMarks", func(ctx context.Context, c *Core, p struct{ On bool }) error { return c.SetMarks(ctx, p.On) }),
		act("listen", (*client.Client).Listen),
		act("settle", (*client.Client).Settle),
	}
}

func vaults() []Entry {
	return []Entry{
		call("passphrase", func(ctx context.Context, c *Core, _ None) (bool, error) { return c.Lock.Passphrase(ctx) }),
		// SetPassphrase protects a vault that has no passphrase yet.
		do("setPassphrase", func(ctx context.Context, c *Core, p struct{ Passphrase string }) error {
			return changePassphrase(ctx, c.Lock, "", p.Passphrase)
		}),
		// ChangePassphrase puts next in place of now. A wrong now changes nothing.
		do("changePassphrase", func(ctx context.Context, c *Core, p struct{ Now, Next string }) error {
			return changePassphrase(ctx, c.Lock, p.Now, p.Next)
		}),
		// RemovePassphrase lets the vault open without one from then on.
		do("removePassphrase", func(ctx context.Context, c *Core, p struct{ Now string }) error {
			return c.Lock.ChangePassphrase(ctx, p.Now, "")
		}),
	}
}

// Events is the table of events. The names are those of `clarion listen
// --json`, and some that a terminal is not told.
func Events() []EventEntry {
	return []EventEntry{
		event[client.MessageArrived]("message_arrived"),
		event[client.MessageStateChanged]("message_state"),
		event[client.MessageMoved]("message_moved"),
		event[client.ContactRequested]("contact_requested"),
		event[client.ConversationJoined]("conversation_joined"),
		event[client.MemberAdded]("member_added"),
		event[client.MemberRemoved]("member_removed"),
		event[client.DeviceAdded]("device_added"),
		event[client.KeepChanged]("keep_changed"),
		event[client.IdentityChanged]("identity_changed"),
		event[client.CodeChanged]("code_changed"),
		event[client.Typing]("typing"),
		event[client.Problem]("problem"),
		event[client.ConnectionChanged]("connection_changed"),
		event[client.CallArrived]("call_incoming"),
		event[client.CallChanged]("call_changed"),
		event[client.CallOfferWanted]("call_offer_wanted"),
		event[client.CallDescribed]("call_described"),
		event[client.CallCandidateArrived]("call_candidate"),
		event[client.CallAgain]("call_again"),
		event[client.CallEnds]("call_ended"),
	}
}

func holdings(h *client.SignedHoldings, err error) (Holdings, error) {
	if err != nil {
		return Holdings{}, err
	}
	return Holdings{
		Account: h.Account, At: time.Unix(h.At, 0), Host: h.Host, Tables: h.Tables, Could: h.Could, Cannot: h.Cannot,
		Signature: h.Signature[:], ServerKey: h.ServerKey[:],
	}, nil
}

// changePassphrase refuses an empty one, which would take the passphrase away.
func changePassphrase(ctx context.Context, l Lock, now, next string) error {
	if next == "" {
		return &client.Failure{Code: "passphrase_empty", Text: "the passphrase is empty", Hint: "choose one; several words are better than one"}
	}
	return l.ChangePassphrase(ctx, now, next)
}

func mailboxHoldings(h *client.SignedMailboxHoldings, err error) (MailboxHoldings, error) {
	if err != nil {
		return MailboxHoldings{}, err
	}
	out := MailboxHoldings{
		Conversation: h.Conversation, Mailbox: h.Mailbox[:], At: time.Unix(h.At, 0), Host: h.Host, Tables: h.Tables, Sizes: h.Sizes,
		Epoch: uint64(h.Epoch), Forget: time.Unix(h.Forget*3600, 0), Head: uint64(h.Head), Keep: int(h.Keep), Agreed: int(h.Agreed), Could: h.Could, Cannot: h.Cannot,
		Signature: h.Signature[:], ServerKey: h.ServerKey[:],
	}
	if h.FirstGone != 0 {
		out.FirstGone, out.LastGone = time.Unix(h.FirstGone*3600, 0), time.Unix(h.LastGone*3600, 0)
	}
	return out, nil
}
