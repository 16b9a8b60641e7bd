// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"clarion.chat/clarion/keydir"
	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

const (
	maxMembers   = 1 << 14 // leaves, as many as MLS takes here
	maxNameBytes = 400
	maxNameRunes = 100
	passesKept   = 64  // epochs whose pass secret is kept, to heal after a restore
	rawKept      = 512 // envelopes kept as they were, to heal after a restore
	ownOpenKept  = 512 // own messages whose marks are still awaited
)

// conversationID is the same for all members, and for the group's successors.
type conversationID [16]byte

// Fields describes the id.
func (id *conversationID) Fields(c *wire.Coder) { c.Fixed(id[:]) }

// String gives 32 hex digits.
func (id conversationID) String() string { return hex.EncodeToString(id[:]) }

// status says whether this device can take part.
//
//	           Welcome                    commit that removes us
//	awaiting ───────────▶ active ───────────────────────────▶ removed
//	   ▲                  │    │ commit nobody can process
//	   └── old ◀──────────┘    └──▶ broken ──(new group)──▶ active
//	     an envelope of our own leaf that this vault did not send
type status uint8

const (
	statusActive   status = 1
	statusAwaiting status = 2 // known from a recovery blob; no MLS state yet
	statusOld      status = 3 // never sends again from this state
	statusBroken   status = 4
	statusRemoved  status = 5
)

// conversation is what the vault holds of one, apart from its MLS state,
// history and queue.
type conversation struct {
	ID          conversationID
	Direct      bool
	Name        string
	Status      status
	Alarm       string // code of what stops sending, or empty
	Created     bool   // whether the server has the mailbox
	Mailbox     wire.MailboxID
	Incarnation wire.Incarnation
	Moves       uint32
	Keep        uint8
	Base        uint64 // place before the first of this mailbox
	BaseEpoch   uint64 // epoch in which this mailbox was made
	Anew        uint32 // how often the group was begun anew under this id
	Founder     string // who did it last: a handle, or empty
	Asked       int64  // when the way back was last asked for, Unix seconds
	Seq         uint64 // last place taken
	Start       uint64 // place after which this device reads
	Chain       [32]byte
	Epoch       uint64
	Passes      []epochPass // ascending
	Members     []memberState
	Read        uint64 // what the person has seen
	ToldGot     uint64 // delivered mark last sent
	ToldRead    uint64 // read mark last sent
	LastText    uint64 // place of the newest message of somebody else
	Unread      uint32
	UnreadFrom  uint64 // order of the oldest unread message, when Unread > 0
	HistNext    uint64
	OutNext     uint64
	OutFirst    uint64
	Open        []openMessage // own messages not yet read by all
	Pending     *pending
	Acked       []ackedEnvelope
	Renew       bool      // the ratchets of this epoch may have been used further than this vault knows
	Healing     []healing // taken in an earlier mailbox, to come again
	Top         uint64    // highest place that anything stood at
	LastSpot    spot      // where the last message stands
	LastOrder   uint64    // its order + 1; 0 when there is none
	Active      int64     // when it was last written in, Unix seconds
	Took        int64     // when an envelope was last taken, Unix seconds
	Forgets     int64     // the server forgets in less than this, as was seen, seconds; 0 for nothing seen

	Leaving bool // this person leaves, and the members are not yet told

	Trail []lifeBefore // mailboxes of the lives before, oldest first
	Lacks bool         // something was sent that this device cannot open any more, and its authors do not know yet

	Done   []deed // what the commits of the epochs did whose pass is kept, oldest first
	Undone []deed // of them what a restored server lost, and is not so again

	group     *mls.Group           // loaded when first needed
	falsePass bool                 // the commit just taken named a pass that is not ours
	lost      map[wire.Handle]bool // who asked to be added again while we wait for it ourselves
}

// Fields describes the record.
func (v *conversation) Fields(c *wire.Coder) {
	v.ID.Fields(c)
	c.Bool(&v.Direct)
	c.String(&v.Name, maxNameBytes)
	c.U8((*uint8)(&v.Status))
	c.String(&v.Alarm, 64)
	c.Bool(&v.Created)
	c.Bool(&v.Renew)
	v.Mailbox.Fields(c)
	c.Fixed(v.Incarnation[:])
	c.U32(&v.Moves)
	c.U8(&v.Keep)
	for _, n := range []*uint64{&v.Base, &v.BaseEpoch, &v.Seq, &v.Start, &v.Epoch, &v.Read, &v.ToldGot, &v.ToldRead, &v.LastText, &v.HistNext, &v.OutNext, &v.OutFirst, &v.UnreadFrom} {
		c.U64(n)
	}
	c.U32(&v.Anew)
	c.String(&v.Founder, wire.MaxName+1+wire.MaxHost)
	c.I64(&v.Asked)
	c.Fixed(v.Chain[:])
	wire.List(c, &v.Passes, passesKept)
	wire.List(c, &v.Members, maxMembers)
	c.U32(&v.Unread)
	wire.List(c, &v.Open, ownOpenKept)
	optional(c, &v.Pending)
	wire.List(c, &v.Acked, ownOpenKept)
	wire.List(c, &v.Healing, maxList)
	c.U64(&v.Top)
	v.LastSpot.Fields(c)
	c.U64(&v.LastOrder)
	c.I64(&v.Active)
	c.I64(&v.Took)
	c.I64(&v.Forgets)
	c.Bool(&v.Leaving)
	wire.List(c, &v.Trail, trailKept)
	c.Bool(&v.Lacks)
	wire.List(c, &v.Done, deedsKept)
	wire.List(c, &v.Undone, deedsKept)
}

// epochPass is the secret that an epoch's passes and mailboxes derive from.
type epochPass struct {
	Epoch  uint64
	Secret [32]byte
}

// Fields describes the value.
func (p *epochPass) Fields(c *wire.Coder) {
	c.U64(&p.Epoch)
	c.Fixed(p.Secret[:])
}

// memberState is a leaf, whose it is, and what its marks have said.
type memberState struct {
	Leaf     uint32
	Handle   wire.Handle
	Identity [32]byte
	Device   [32]byte
	Got      uint64
	Read     uint64
	Since    uint64 // epoch in which this leaf came
	From     uint64 // place at which it came: its marks speak of what follows
	Newcomer bool   // nobody of this handle was there before
	OldGot   uint64 // what an earlier leaf of the handle had told
	OldRead  uint64
	Heard    bool // whether anything from this leaf was taken
	Leaving  bool // the person has said that they leave
	Lapsed   bool // nothing was heard while their introduction was on the server

	unmet bool // replaces a leaf that is Lapsed; of one step only
}

// Fields describes the value.
func (m *memberState) Fields(c *wire.Coder) {
	c.U32(&m.Leaf)
	m.Handle.Fields(c)
	c.Fixed(m.Identity[:])
	c.Fixed(m.Device[:])
	c.U64(&m.Got)
	c.U64(&m.Read)
	c.U64(&m.Since)
	c.U64(&m.From)
	c.Bool(&m.Newcomer)
	c.U64(&m.OldGot)
	c.U64(&m.OldRead)
	c.Bool(&m.Heard)
	c.Bool(&m.Leaving)
	c.Bool(&m.Lapsed)
}

func (v *conversation) record() string      { return "conv/" + v.ID.String() }
func (v *conversation) groupRecord() string { return "mls/" + v.ID.String() }

func (v *conversation) rawRecord(seq uint64) string {
	return fmt.Sprintf("env/%s/%016x", v.ID, seq)
}

// mailboxChain is where the running hash begins in a mailbox that the members
// moved to. It knows nothing of what came before: some of them may have come
// through a restore of the server that others slept over.
func mailboxChain(m wire.MailboxID) [32]byte {
	return [32]byte(derive(m[:], "clarion envelope chain v1", 32))
}

// initialChain is where the running hash of a conversation begins.
func initialChain(id conversationID) [32]byte {
	return [32]byte(derive(id[:], "clarion envelope chain v1", 32))
}

// load reads the MLS state when it is needed.
func (c *Client) groupOf(ctx context.Context, v *conversation) (*mls.Group, error) {
	if v.group != nil {
		return v.group, nil
	}
	b, err := c.vault.Get(ctx, v.groupRecord())
	if err != nil {
		return nil, fail(FailVault, err)
	}
	g, err := mls.UnmarshalGroup(b, c.self.deviceKey())
	if err != nil {
		return nil, fail(FailVault, err)
	}
	v.group = g
	return g, nil
}

// save writes the conversation and, when it is loaded, its MLS state.
func (v *conversation) save(ch *change) {
	ch.put(v.record(), v)
	if v.group != nil {
		ch.putBytes(v.groupRecord(), v.group.Marshal())
	}
}

// exportPass is the exporter label of the secret behind passes and mailboxes.
const exportPass = "clarion mailbox pass"

// adopt makes g the conversation's MLS state: members, epoch and pass follow.
// Whoever is new at place seq is not asked for marks of what came before.
// fresh names devices that were added anew though they may be known.
func (c *Client) adopt(v *conversation, g *mls.Group, seq uint64, fresh map[[32]byte]bool) error {
	known := map[[32]byte]memberState{}
	for _, m := range v.Members {
		known[m.Device] = m
	}
	before := append(slices.Clone(v.Members), v.addedBefore()...)
	var members []memberState
	for _, m := range g.Members() {
		cert, err := memberCertificate(m, c.self.Handle.Host)
		if err != nil {
			return err
		}
		s := memberState{Handle: cert.Handle, Got: seq, Read: seq, Since: g.Epoch(), From: seq}
		if old, ok := known[cert.DeviceKey]; ok && !fresh[cert.DeviceKey] {
			s = old
		} else {
			s.follows(before)
		}
		s.Leaf, s.Handle, s.Identity, s.Device = uint32(m.Leaf), cert.Handle, cert.IdentityKey, cert.DeviceKey
		members = append(members, s)
	}
	v.group = g
	v.Members = members
	v.Epoch = g.Epoch()
	v.Passes = append(v.Passes, passSecret(g))
	if n := len(v.Passes) - passesKept; n > 0 {
		v.Passes = slices.Delete(v.Passes, 0, n)
	}
	v.dropStanding()
	return nil
}

// follows takes over what an earlier leaf of the same person had told. What
// came between the two was never theirs to have, and no mark says it was.
func (m *memberState) follows(before []memberState) {
	m.Newcomer = true
	for _, old := range before {
		if old.Handle != m.Handle {
			continue
		}
		m.Newcomer, m.unmet = false, old.Lapsed && !old.Heard
		if old.Newcomer || old.OldGot >= old.From { // no gap: all up to its mark
			m.OldGot, m.OldRead = max(m.OldGot, old.Got), max(m.OldRead, old.Read)
		} else {
			m.OldGot, m.OldRead = max(m.OldGot, old.OldGot), max(m.OldRead, old.OldRead)
		}
	}
}

// remember takes over, for a device that comes back into a conversation, what
// it knew there of its members' marks. Without that everybody would be new to
// it, and nothing it ever sent theirs to have.
func (v *conversation) remember(old *conversation) {
	for i := range v.Members {
		m := &v.Members[i]
		at := slices.IndexFunc(old.Members, func(o memberState) bool { return o.Device == m.Device })
		if at < 0 {
			m.follows(old.Members)
			continue
		}
		o := old.Members[at]
		m.From, m.Newcomer, m.Got, m.Read, m.OldGot, m.OldRead = o.From, o.Newcomer, o.Got, o.Read, o.OldGot, o.OldRead
	}
}

// told reports whether the person's marks speak of a place.
func (m *memberState) told(seq, now, before uint64) bool {
	if seq > m.From {
		return seq <= now
	}
	return m.Newcomer || seq <= before
}

// passSecret is the secret behind the passes of a group's epoch.
func passSecret(g *mls.Group) epochPass {
	return epochPass{Epoch: g.Epoch(), Secret: [32]byte(g.Export(exportPass, nil, 32))}
}

// pass is an epoch's pass for a mailbox.
func (p *epochPass) pass(m wire.MailboxID) wire.Pass {
	return wire.Pass(derive(p.Secret[:], "clarion mailbox pass v1"+string(m[:]), 32))
}

// newest is the current epoch's secret.
func (v *conversation) newest() *epochPass { return &v.Passes[len(v.Passes)-1] }

// passOf is the secret of an epoch, nil when it is no longer kept.
func (v *conversation) passOf(epoch uint64) *epochPass {
	for i := range v.Passes {
		if v.Passes[i].Epoch == epoch {
			return &v.Passes[i]
		}
	}
	return nil
}

// handles lists the people, sorted, each once.
func (v *conversation) handles() []wire.Handle {
	var list []wire.Handle
	for _, m := range v.Members {
		if !slices.Contains(list, m.Handle) {
			list = append(list, m.Handle)
		}
	}
	slices.SortFunc(list, func(a, b wire.Handle) int { return cmp.Compare(a.String(), b.String()) })
	return list
}

func (v *conversation) member(leaf uint32) *memberState {
	for i := range v.Members {
		if v.Members[i].Leaf == leaf {
			return &v.Members[i]
		}
	}
	return nil
}

// heard reports whether anything ever came from a device of that person.
func (v *conversation) heard(h wire.Handle) bool {
	return slices.ContainsFunc(v.Members, func(m memberState) bool { return m.Handle == h && m.Heard })
}

// peer is the other person of a one-to-one conversation.
func (v *conversation) peer(me wire.Handle) wire.Handle {
	for _, m := range v.Members {
		if m.Handle != me {
			return m.Handle
		}
	}
	return wire.Handle{}
}

// code is the 60 digits over the members' identities.
func (v *conversation) code() string {
	var ids []keydir.Member
	seen := map[wire.Handle]bool{}
	for _, m := range v.Members {
		if !seen[m.Handle] {
			seen[m.Handle] = true
			ids = append(ids, keydir.Member{Handle: m.Handle, IdentityKey: m.Identity})
		}
	}
	return keydir.SafetyCode(ids)
}

func (c *Client) public(v *conversation) Conversation {
	out := Conversation{
		ID: v.ID.String(), Name: v.Name, Host: c.self.Handle.Host, Direct: v.Direct, Epoch: v.Epoch,
		Members: v.handles(), Unread: int(v.Unread), Queued: int(v.OutNext - v.OutFirst), Problem: v.obstacle(), Keep: int(v.Keep),
	}
	if out.Problem == "" && c.held(v) {
		out.Problem = FailIdentityChanged
	}
	if v.Direct && out.Problem == "" && v.lapsed(v.peer(c.self.Handle)) {
		out.Problem = ProblemLapsed
	}
	if v.Direct {
		out.Name = v.peer(c.self.Handle).String()
	}
	if v.Active != 0 {
		out.Active = time.Unix(v.Active, 0).UTC()
	}
	out.Removed = v.Status == statusRemoved
	if out.State = v.state(); out.Removed || out.State == ConversationLeft {
		out.Members = slices.DeleteFunc(out.Members, func(h wire.Handle) bool { return h == c.self.Handle })
	}
	if len(v.Members) > 1 && v.Status != statusAwaiting {
		out.Code = v.code()
	}
	return out
}

// obstacle is the code of what keeps this device from sending, or empty.
func (v *conversation) obstacle() string {
	switch v.Status {
	case statusLeft:
		return FailLeft
	case statusEnded:
		return FailOtherLeft
	case statusAwaiting, statusBroken:
		return FailAwaitingMembers
	case statusOld:
		return FailOldVault
	case statusRemoved:
		return string(wire.CodeStalePass)
	}
	if v.Leaving {
		return FailLeft
	}
	return v.Alarm
}
