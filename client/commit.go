// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"crypto/sha256"
	"errors"

	"clarion.chat/clarion/mls"
	"clarion.chat/clarion/wire"
)

const (
	// ProblemFalsePass: a member's commit named a pass that nobody can derive.
	ProblemFalsePass = "false_pass"
	// ProblemBroken: a commit that no member can process.
	ProblemBroken = "commit_unreadable"
	// ProblemStranger: a member's identity is not the directory's.
	ProblemStranger = "member_not_in_directory"
)

// invitee is a person that a commit adds, and the inbox to tell them through.
type invitee struct {
	Handle   wire.Handle
	Inbox    wire.MailboxID
	InboxKey [32]byte
	Token    [32]byte // of the invite link that was opened, or zero
	Secret   [32]byte // of that link, or zero
}

// Fields describes the value.
func (i *invitee) Fields(c *wire.Coder) {
	i.Handle.Fields(c)
	i.Inbox.Fields(c)
	c.Fixed(i.InboxKey[:])
	c.Fixed(i.Token[:])
	c.Fixed(i.Secret[:])
}

// pendingCommit is what an own commit leads to once it is accepted.
type pendingCommit struct {
	State    []byte // the MLS state to adopt
	Welcome  []byte
	Invitees []invitee
	Devices  [][]byte // device keys that it adds
	Keep     uint8    // days that it changes keep to, or 0
	Fresh    bool     // made in this life of the server's data
	Lacks    bool     // tells that this device lacks something
}

// Fields describes the value.
func (p *pendingCommit) Fields(c *wire.Coder) {
	c.Bytes(&p.State, maxState)
	c.Bytes(&p.Welcome, wire.MaxBody)
	wire.List(c, &p.Invitees, maxMembers)
	c.Bool(&p.Fresh)
	c.Bool(&p.Lacks)
	c.BytesList(&p.Devices, maxMembers, 32)
	c.U8(&p.Keep)
}

// commitPlan is asked again for each try, because the group may have changed.
type commitPlan func(ctx context.Context, v *conversation) (add [][]byte, remove []mls.LeafIndex, tell []invitee, err error)

// errNothingToCommit is a plan's way to say that the group is as wanted.
var errNothingToCommit = errors.New("nothing to commit")

// changeGroup brings a planned commit into the group: read to the end, commit, and
// on losing against another commit read on and plan again.
func (c *Client) changeGroup(ctx context.Context, v *conversation, plan commitPlan) error {
	return c.changeGroupKeep(ctx, v, 0, plan)
}

// changeGroupKeep is changeGroup for a commit that also changes keep, unless
// that is 0.
func (c *Client) changeGroupKeep(ctx context.Context, v *conversation, keep uint8, plan commitPlan) error {
	for range 16 {
		if err := c.flushUnheld(ctx, v); err != nil { // members can be removed while texts are held
			return err
		}
		if err := c.ensureMailbox(ctx, v); err != nil {
			return err
		}
		if err := c.catchUp(ctx, v); err != nil {
			return err
		}
		if code := v.obstacle(); code != "" {
			return obstacleFailure(code)
		}
		add, remove, tell, err := plan(ctx, v)
		if errors.Is(err, errNothingToCommit) {
			return nil
		}
		if err != nil {
			return err
		}
		remove = v.withLeavers(remove)
		if err := c.makeCommit(ctx, v, keep, add, remove, tell); err != nil {
			return err
		}
		err = c.sendPending(ctx, v)
		if err == nil {
			if err := c.catchUp(ctx, v); err != nil { // to its echo, which adopts it
				return err
			}
			return c.sendIntroductions(ctx)
		}
		if !c.moveOn(ctx, v, err) {
			return err
		}
		if err := c.unseal(ctx, v); err != nil {
			return err
		}
	}
	return wire.Refuse(wire.CodeStaleEpoch)
}

// makeCommit makes the commit the pending envelope; it is in the vault, with
// the state to adopt, before it leaves.
func (c *Client) makeCommit(ctx context.Context, v *conversation, keep uint8, add [][]byte, remove []mls.LeafIndex, tell []invitee) error {
	g, err := c.groupOf(ctx, v)
	if err != nil {
		return err
	}
	if v.Renew {
		if err := g.SkipCommits(v.firstCommit()); err != nil {
			return err
		}
	}
	id := c.envelopeID(g, wire.KindCommit, uint64(g.NextCommitGeneration()))
	o := mls.CommitOptions{Add: add, Remove: remove, Now: uint64(c.now().Unix()), Validate: c.validator(), Pad: wire.SizeClass}
	if keep != 0 || v.Lacks {
		o.AAD = wire.MustMarshal(&commitNote{Keep: keep, Lacks: v.Lacks})
	}
	body, welcome, next, err := g.Commit(c.rand, o)
	if err != nil {
		return err
	}
	if len(body) > wire.MaxBody || len(welcome) > wire.MaxBody/2 {
		next.Forget()
		return wire.Refuse(wire.CodeTooLarge)
	}
	secret := passSecret(next)
	v.Pending = &pending{
		ID: id, Epoch: v.Epoch, Kind: wire.KindCommit, Body: body, Next: secret.pass(v.Mailbox).Hash(),
		Commit: &pendingCommit{State: next.Marshal(), Welcome: welcome, Invitees: tell, Keep: keep, Fresh: true, Lacks: v.Lacks},
	}
	next.Forget()
	for _, kp := range add {
		if k, err := mls.ParseKeyPackage(kp); err == nil {
			v.Pending.Commit.Devices = append(v.Pending.Commit.Devices, k.Member().SignatureKey)
		}
	}
	var ch change
	v.save(&ch)
	return c.commit(ctx, &ch)
}

// ownCommit adopts the state of an own commit at its echo, and writes the
// introductions that carry its Welcome.
func (c *Client) ownCommit(ctx context.Context, ch *change, v *conversation, seq uint64, p *pendingCommit, e *wire.Envelope) error {
	next, err := mls.UnmarshalGroup(p.State, c.self.deviceKey())
	if err != nil {
		return fail(FailVault, err)
	}
	before, were := snapshot(v), v.Members
	fresh := map[[32]byte]bool{}
	for _, d := range p.Devices {
		fresh[[32]byte(d)] = true
	}
	if err := c.adopt(v, next, seq, fresh); err != nil {
		return err
	}
	c.adoptKeep(ch, v, seq, p.Keep, c.self.Handle)
	v.did(were, true, p.Keep)
	v.Renew, v.Lacks = v.Renew && !p.Fresh, v.Lacks && !p.Lacks
	hash := e.Hash()
	after := sha256.Sum256(append(v.Chain[:], hash[:]...))
	for i := range p.Invitees {
		if err := c.queueWelcome(ch, v, &p.Invitees[i], p.Welcome, seq, after); err != nil {
			return err
		}
	}
	c.tellMembership(ctx, ch, v, before, seq, c.self.Handle)
	return c.sendAgainTo(ctx, ch, v, seq)
}

// applyCommit takes the commit of another member.
func (c *Client) applyCommit(ctx context.Context, ch *change, v *conversation, seq uint64, e *wire.Envelope) error {
	g, err := c.groupOf(ctx, v)
	if err != nil {
		return err
	}
	if c.fromOwnCopy(g, e) {
		c.markOld(ch, v)
		return nil
	}
	next, changes, err := g.ProcessCommit(e.Body, mls.AnyTime, c.validator())
	switch {
	case errors.Is(err, mls.ErrRemoved) && c.addedToo(changes):
		// Our leaf was replaced because its state counted as lost. The Welcome
		// for the new one is in the inbox, or must be asked for.
		v.Status, v.Pending, v.Asked = statusAwaiting, nil, 0
		c.soon()
		return nil
	case errors.Is(err, mls.ErrRemoved):
		v.Status = statusRemoved
		gone := MemberRemoved{At: c.now(), Conversation: v.ID.String(), Seq: seq, Handle: c.self.Handle, Left: v.Leaving}
		if m := v.member(uint32(changes.Committer)); m != nil {
			gone.By = m.Handle
		}
		ch.tell(gone)
		c.blobBehind(ch)
		return c.failQueued(ctx, ch, v, seq)
	case err != nil:
		v.Status = statusBroken
		c.note(ch, v, seq, ProblemBroken)
		c.brokenAt[v.ID] = c.now()
		c.soon() // asks the members who could
		return nil
	}
	if err := c.checkComers(ctx, ch, v, seq, changes); err != nil {
		return err
	}
	before, were := snapshot(v), v.Members
	fresh := map[[32]byte]bool{}
	for _, m := range changes.Added {
		fresh[[32]byte(m.SignatureKey)] = true
	}
	if err := c.adopt(v, next, seq, fresh); err != nil {
		return err
	}
	var by wire.Handle
	note := noteOf(e.Body)
	if m := v.member(uint32(changes.Committer)); m != nil {
		m.Heard, by = true, m.Handle
		if note.Lacks {
			m.lacked(v.Epoch, seq)
		}
	}
	c.tellMembership(ctx, ch, v, before, seq, by)
	if err := c.sendAgainTo(ctx, ch, v, seq); err != nil {
		return err
	}
	c.adoptKeep(ch, v, seq, note.Keep, by)
	v.did(were, false, note.Keep)
	if v.newest().pass(v.Mailbox).Hash() != e.Next {
		v.falsePass = true
	}
	return nil
}

// addedToo reports whether a commit that removes us adds this device again.
func (c *Client) addedToo(changes mls.Changes) bool {
	own := c.self.devicePublic()
	for _, m := range changes.Added {
		if string(m.SignatureKey) == string(own[:]) {
			return true
		}
	}
	return false
}

// fromOwnCopy reports whether an envelope that this vault did not send was
// made by its own leaf: by a later state of it, or a copy.
func (c *Client) fromOwnCopy(g *mls.Group, e *wire.Envelope) bool {
	s, err := g.Peek(e.Body)
	if err != nil || s.Leaf != g.OwnLeaf() {
		return false
	}
	// Who sent it stands under a key that all members have. Only the signature
	// of our own leaf makes it ours; without it somebody plays us.
	return g.VerifyOwn(e.Body) == nil
}

// checkComers asks the directory about the people a commit brings in.
func (c *Client) checkComers(ctx context.Context, ch *change, v *conversation, seq uint64, changes mls.Changes) error {
	for _, m := range append(changes.Added, changes.Updated...) {
		cert, err := memberCertificate(m, c.self.Handle.Host)
		if err != nil {
			return err
		}
		err = c.person(ctx, cert.Handle, cert.IdentityKey)
		if err != nil && !nobody(err) {
			return err // nothing is taken until it can be asked
		}
		if err != nil {
			c.raise(ch, v, seq, ProblemStranger)
		}
	}
	return nil
}

// askAboutStrangers asks the directory again about conversations that were
// stopped over a member it did not name. A restored server may have forgotten
// an entry that the person's client publishes again.
func (c *Client) askAboutStrangers(ctx context.Context) error {
	for _, v := range c.sorted() {
		if v.Alarm != ProblemStranger || v.Status != statusActive {
			continue
		}
		named := true
		for _, m := range v.Members {
			err := c.person(ctx, m.Handle, m.Identity)
			if err != nil && !nobody(err) {
				return err
			}
			named = named && err == nil
		}
		if !named {
			continue
		}
		var ch change
		v.Alarm = ""
		v.save(&ch)
		if err := c.commit(ctx, &ch); err != nil {
			return err
		}
	}
	return nil
}

// membership is what a conversation's members were before a commit.
type membership struct {
	devices map[[32]byte]wire.Handle
	people  map[wire.Handle][32]byte
	left    map[wire.Handle]bool
	code    string
}

func snapshot(v *conversation) membership {
	m := membership{devices: map[[32]byte]wire.Handle{}, people: map[wire.Handle][32]byte{}, left: map[wire.Handle]bool{}}
	for _, s := range v.Members {
		m.devices[s.Device] = s.Handle
		m.people[s.Handle] = s.Identity
		m.left[s.Handle] = m.left[s.Handle] || s.Leaving
	}
	if len(v.Members) > 1 {
		m.code = v.code()
	}
	return m
}

// tellMembership tells whom somebody brought in or took out, and whose device
// is new.
func (c *Client) tellMembership(ctx context.Context, ch *change, v *conversation, before membership, seq uint64, by wire.Handle) {
	id, at := v.ID.String(), c.now()
	after := snapshot(v)
	for _, h := range v.handles() {
		old, was := before.people[h]
		if !was {
			ch.tell(MemberAdded{At: at, Conversation: id, Seq: seq, Handle: h, By: by})
			continue
		}
		for device, owner := range after.devices {
			if _, known := before.devices[device]; owner == h && !known && h != c.self.Handle {
				ch.tell(DeviceAdded{At: at, Conversation: id, Seq: seq, Handle: h})
				break
			}
		}
		if old != after.people[h] {
			c.identityChanged(ctx, ch, h, after.people[h])
		}
	}
	for _, h := range sortedHandles(before.people) {
		if _, still := after.people[h]; !still {
			ch.tell(MemberRemoved{At: at, Conversation: id, Seq: seq, Handle: h, By: by, Left: before.left[h]})
		}
	}
	if before.code != "" && after.code != "" && before.code != after.code {
		ch.tell(CodeChanged{At: at, Conversation: id, Seq: seq, Code: after.code})
	}
	c.blobBehind(ch)
}

func (c *Client) blobBehind(ch *change) {
	c.self.BlobDirty = true
	ch.put(recordSelf, c.self)
	alone := c.blobOnly || c.upkeepAt.IsZero() || c.upkeepAt.After(c.now())
	c.soon()
	c.blobOnly = alone
}
