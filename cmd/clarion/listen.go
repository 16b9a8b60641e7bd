// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"clarion.chat/clarion/client"
)

type listenCommand struct {
	Once    *count   `help:"End with 0 after so many messages arrived."`
	Timeout *seconds `help:"End with 7 after this time."`
}

// Help explains the command.
func (listenCommand) Help() string {
	return `Prints the unread messages, then waits and prints what arrives; each line leaves at once. A message that was printed is marked read, so the next listen does not print it again. It reconnects by itself and ends with an interrupt (Ctrl-C). With --json each line is an object with event, at, conversation and seq.

Examples:

    $ clarion listen
    $ clarion listen --json --once 1 --timeout 30`
}

// Run carries out the command.
func (cmd *listenCommand) Run(ctx context.Context, inv *invocation) error {
	if (cmd.Once != nil && *cmd.Once <= 0) || (cmd.Timeout != nil && *cmd.Timeout <= 0) {
		return usage("--once and --timeout take numbers above 0", "leave them out to listen without end")
	}
	var once int
	var timeout time.Duration
	if cmd.Once != nil {
		once = int(*cmd.Once)
	}
	if cmd.Timeout != nil {
		timeout = time.Duration(*cmd.Timeout)
	}
	return inv.core(ctx, false, func(ctx context.Context, c *client.Client) error {
		l := &listener{
			inv: inv, core: c, left: once, limited: once > 0,
			printed: map[string]bool{}, read: map[string]uint64{}, names: map[string]string{},
		}
		err := l.listen(ctx, timeout)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // an interrupt is how listening ends, whatever it met
		}
		// What was printed is marked read whatever ended the listening.
		if marked := l.mark(ctx); err == nil {
			err = marked
		}
		settle(ctx, c)
		return err
	}, nil)
}

// listener prints events until it may end. One goroutine uses it.
type listener struct {
	inv     *invocation
	core    *client.Client
	limited bool
	left    int               // messages still to print, when limited
	printed map[string]bool   // messages by conversation and id, requests by handle
	read    map[string]uint64 // conversation to the last place printed and not yet marked
	names   map[string]string // conversation to its name, for people
	offline bool              // said that the server cannot be reached
}

func (l *listener) listen(ctx context.Context, timeout time.Duration) error {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	done, err := l.replay(ctx)
	if done || err != nil {
		return err
	}
	// Whatever ends the listening also ends an attempt that is under way.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	online := make(chan error, 1)
	go func() { online <- l.core.Listen(ctx) }()
	for {
		select {
		case e, open := <-l.core.Events():
			if !open {
				return nil // the core's own error says why
			}
			if done, err := l.take(ctx, e); done || err != nil {
				return err
			}
		case err := <-online:
			online = nil
			if err = l.wentOnline(ctx, err); err != nil {
				return err
			}
		case <-late:
			return &client.Failure{Code: client.FailTimeout, Text: "the time to listen is over", Hint: "listen again; nothing is lost"}
		case <-ctx.Done():
			return nil
		}
	}
}

// replay prints what waits from before: what other commands met, requests that
// nobody has answered, and the unread messages, oldest first.
func (l *listener) replay(ctx context.Context) (done bool, err error) {
	err = takeKept(ctx, l.inv.vault, func(e client.Event) error { return l.print(ctx, e) })
	if err != nil {
		return false, vaultFailure(err)
	}
	people, err := l.core.Contacts(ctx)
	if err != nil {
		return false, err
	}
	for _, p := range people {
		if p.State == client.ContactPending {
			if _, err := l.take(ctx, client.ContactRequested{At: l.inv.now(), From: p.Handle}); err != nil {
				return false, err
			}
		}
	}
	ringing, err := l.core.Calls(ctx)
	if err != nil {
		return false, err
	}
	for _, k := range ringing {
		if k.State == client.CallRinging {
			if err := l.print(ctx, client.CallArrived{At: l.inv.now(), Conversation: k.Conversation, Call: k.ID, From: k.Peer, Video: k.Video}); err != nil {
				return false, err
			}
		}
	}
	list, err := l.core.Unread(ctx)
	if err != nil {
		return false, err
	}
	for _, m := range oldestFirst(list) {
		if done, err := l.take(ctx, client.MessageArrived{Message: m}); done || err != nil {
			return done, err
		}
	}
	return false, l.mark(ctx)
}

// oldestFirst orders messages by their senders' clocks, but never against the
// order of their own conversation.
func oldestFirst(list []client.Message) []client.Message {
	type dated struct {
		m  client.Message
		at time.Time
	}
	latest := map[string]time.Time{}
	all := make([]dated, len(list))
	for i, m := range list {
		if m.At.After(latest[m.Conversation]) {
			latest[m.Conversation] = m.At
		}
		all[i] = dated{m, latest[m.Conversation]}
	}
	slices.SortStableFunc(all, func(a, b dated) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	out := make([]client.Message, len(all))
	for i := range all {
		out[i] = all[i].m
	}
	return out
}

// wentOnline looks at what became of the first attempt to catch up.
func (l *listener) wentOnline(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	f := client.AsFailure(err)
	if f.Code != client.FailUnreachable && f.Code != client.FailTimeout {
		return err
	}
	return l.unreachable(l.inv.now())
}

// unreachable says once, for each time the connection goes, that it did. The
// core tries again by itself.
func (l *listener) unreachable(at time.Time) error {
	if l.offline {
		return nil
	}
	l.offline = true
	const hint = "listening goes on as soon as it answers"
	if l.inv.json {
		return l.written(writeJSON(l.inv.out, problemShape{head{"problem", stamp(at), "", 0}, client.FailUnreachable, hint}))
	}
	fmt.Fprintf(l.inv.err, "note: %s: the server does not answer; %s\n", client.FailUnreachable, hint)
	return nil
}

// take prints one event. done says that the last message to print was.
func (l *listener) take(ctx context.Context, e client.Event) (done bool, err error) {
	switch e := e.(type) {
	case client.ConnectionChanged:
		if !e.Online {
			return false, l.unreachable(e.At)
		}
		l.offline = false
		return false, nil
	case client.ContactRequested:
		if l.printed[e.From.String()] {
			return false, nil
		}
		l.printed[e.From.String()] = true
	case client.MessageArrived:
		key := e.Message.Conversation + "/" + e.Message.ID
		if e.Message.Own || l.printed[key] {
			return false, nil
		}
		l.printed[key] = true
	}
	if err := l.print(ctx, e); err != nil {
		return false, err
	}
	if arrived, is := e.(client.MessageArrived); is {
		m := arrived.Message
		l.read[m.Conversation] = max(l.read[m.Conversation], m.Seq)
		l.left--
		if l.limited && l.left == 0 {
			return true, nil
		}
	}
	// Marking waits for a pause, so that a burst is one mark.
	if len(l.core.Events()) == 0 {
		return false, l.mark(ctx)
	}
	return false, nil
}

// mark notes in the vault what was printed, also after an interrupt.
func (l *listener) mark(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	for conversation, seq := range l.read {
		if err := l.core.MarkRead(ctx, conversation, seq); err != nil {
			return err
		}
		delete(l.read, conversation)
	}
	return nil
}

// print writes an event in one write, so that a reader has it whole.
func (l *listener) print(ctx context.Context, e client.Event) error {
	if l.inv.json {
		shape := shapeEvent(e)
		if shape == nil {
			return nil
		}
		return l.written(writeJSON(l.inv.out, shape))
	}
	text := l.text(ctx, e)
	if text == "" {
		return nil
	}
	_, err := io.WriteString(l.inv.out, text+"\n")
	return l.written(err)
}

func (l *listener) written(err error) error {
	if err == nil {
		return nil
	}
	return &client.Failure{Code: failOutput, Text: "nobody reads what listen prints", Hint: "what was not printed is still unread", Cause: err}
}

// text says an event to a person; empty for what need not be said.
func (l *listener) text(ctx context.Context, e client.Event) string {
	s := l.inv.style
	said := func(at time.Time, format string, a ...any) string {
		return s.dim(moment(at)) + "  " + s.dim("- ") + fmt.Sprintf(format, a...)
	}
	switch e := e.(type) {
	case client.MessageArrived:
		where := l.name(ctx, e.Message.Conversation)
		if where == e.Message.From.String() {
			where = "" // a conversation of two is named by the other
		}
		return l.inv.messageText(where, e.Message)
	case client.MessageStateChanged:
		return said(e.At, "your message to %s: %s", line(l.name(ctx, e.Conversation)), stateText(e.State))
	case client.ContactRequested:
		return said(e.At, "%s would like to talk to you; `clarion accept` or `clarion block`", line(e.From.String()))
	case client.ConversationJoined:
		return said(e.At, "you are now in the conversation %s", line(e.Name))
	case client.MemberAdded:
		return said(e.At, "%s came into %s", line(e.Handle.String()), line(l.name(ctx, e.Conversation)))
	case client.MemberRemoved:
		if e.Left {
			return said(e.At, "%s has left %s", line(e.Handle.String()), line(l.name(ctx, e.Conversation)))
		}
		if me, err := l.core.WhoAmI(ctx); err == nil && me.Handle == e.Handle {
			return said(e.At, "%s", s.look("you were removed from "+line(l.name(ctx, e.Conversation))))
		}
		return said(e.At, "%s is no longer in %s", line(e.Handle.String()), line(l.name(ctx, e.Conversation)))
	case client.DeviceAdded:
		return said(e.At, "%s has a new device in %s", line(e.Handle.String()), line(l.name(ctx, e.Conversation)))
	case client.KeepChanged:
		return said(e.At, "%s set how long the server keeps %s: %s", line(e.By.String()), line(l.name(ctx, e.Conversation)), days(e.Days))
	case client.IdentityChanged:
		return said(e.At, "%s", s.look(identityText(e)))
	case client.CallArrived:
		return said(e.At, "%s", s.look(line(e.From.String())+" calls; `clarion answer` within 45 s"))
	case client.CallEnds:
		return said(e.At, "%s", callText(e.Peer.String(), e.Incoming, e.Reason, e.Seconds))
	case client.CodeChanged:
		return said(e.At, "%s", s.look("the code of "+line(l.name(ctx, e.Conversation))+" is another now"))
	case client.Problem:
		return said(e.At, "%s", s.look(problemText(e)))
	}
	return ""
}

// name finds what a conversation is called, and falls back to its id.
func (l *listener) name(ctx context.Context, id string) string {
	if l.names[id] == "" {
		v, err := l.core.Find(ctx, id)
		if err != nil || v.Name == "" {
			return short(id)
		}
		l.names[id] = v.Name
	}
	return l.names[id]
}
