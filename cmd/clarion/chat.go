// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"clarion.chat/clarion/client"
)

const (
	chatHistory = 50              // messages shown from before
	typingShown = 6 * time.Second // how long a sign of another counts
)

type chatCommand struct {
	Conversation string `arg:"" help:"Its id, name or handle."`
}

// Help explains the command.
func (chatCommand) Help() string {
	return `Shows the last messages of a conversation, sends each line you type, and shows what arrives and who is writing. End of input (Ctrl-D) or an interrupt ends it. It works with pipes too: each line of stdin is a message.

Example:

    $ clarion chat omar`
}

// Run carries out the command.
func (cmd *chatCommand) Run(ctx context.Context, inv *invocation) error {
	if inv.json {
		return usage("chat is for people and has no JSON", "use `clarion listen --json` and `clarion send`")
	}
	return inv.core(ctx, false, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, cmd.Conversation)
		if err != nil {
			return err
		}
		face, err := inv.newFace()
		if err != nil {
			return err
		}
		defer face.close()
		t := &talk{inv: inv, core: c, conv: v, face: face}
		err = t.run(ctx)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // an interrupt is an ordinary end
		}
		if marked := t.markRead(ctx); err == nil {
			err = marked
		}
		settle(ctx, c)
		return err
	}, nil)
}

// talk is one conversation at a terminal. One goroutine uses it; flushing and
// the signs of typing leave by goroutines of their own, because the core may
// wait for the network.
type talk struct {
	inv     *invocation
	core    *client.Client
	conv    client.Conversation
	face    face
	read    uint64 // last place shown and not yet marked
	lastOwn string // id of the newest own message
	writer  string // who is writing, shown until quiet
	offline bool
}

// face is where a talk is seen and typed. show and writing come from the
// talk's goroutine; lines is closed at the end of input.
type face interface {
	lines() <-chan string
	keys() <-chan struct{} // something was typed; nil without keys
	show(text string) error
	writing(text string) // says who is writing; empty for nobody
	close()
}

func (t *talk) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := t.past(ctx); err != nil {
		return err
	}
	online := make(chan error, 1)
	go func() { online <- t.core.Listen(ctx) }()
	flush, flushed := t.flusher(ctx)
	typed := t.typist(ctx)
	var quiet <-chan time.Time
	lines := t.face.lines()
	for {
		select {
		case text, open := <-lines:
			if !open {
				return t.end(ctx)
			}
			if err := t.say(ctx, text); err != nil {
				return err
			}
			wake(flush)
		case <-t.face.keys():
			wake(typed)
		case e, open := <-t.core.Events():
			if !open {
				return nil // the core's own error says why
			}
			if err := t.take(ctx, e); err != nil {
				return err
			}
			if _, is := e.(client.Typing); is {
				quiet = time.After(typingShown)
			}
		case <-quiet:
			t.setWriter("")
		case err := <-online:
			if err := t.trouble(ctx, err); err != nil {
				return err
			}
		case err := <-flushed:
			if err := t.trouble(ctx, err); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake already
	}
}

// flusher sends what waits whenever it is woken, and tells what came of it.
func (t *talk) flusher(ctx context.Context) (chan<- struct{}, <-chan error) {
	work, result := make(chan struct{}, 1), make(chan error)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-work:
			}
			select {
			case <-ctx.Done():
				return
			case result <- t.core.Flush(ctx):
			}
		}
	}()
	return work, result
}

// typist tells the others that one is writing; the core holds that to one in
// a few seconds. That it may fail is nothing to a person.
func (t *talk) typist(ctx context.Context) chan<- struct{} {
	work := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-work:
				_ = t.core.Typing(ctx, t.conv.ID)
			}
		}
	}()
	return work
}

// past shows the last messages.
func (t *talk) past(ctx context.Context) error {
	list, err := t.core.History(ctx, t.conv.ID)
	if err != nil {
		return err
	}
	head := "Conversation with " + line(t.conv.Name)
	if !t.conv.Direct {
		head = line(t.conv.Name) + ", " + people(len(t.conv.Members))
	}
	if err := t.face.show(t.inv.style.strong(head)); err != nil {
		return err
	}
	if over := standingText(t.conv); over != "" && over != t.conv.Problem {
		if err := t.face.show(t.inv.style.look("- " + over + ": this is what was said before, and nothing can be sent")); err != nil {
			return err
		}
	}
	from := max(0, len(list)-chatHistory)
	for i, m := range list {
		if m.Unread {
			t.read = max(t.read, m.Seq)
			from = min(from, i)
		}
	}
	for _, m := range list[from:] {
		if err := t.face.show(t.inv.messageText("", m)); err != nil {
			return err
		}
	}
	return t.markRead(ctx)
}

// markRead notes in the vault what was shown, also after an interrupt.
func (t *talk) markRead(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if t.read == 0 {
		return nil
	}
	seq := t.read
	t.read = 0
	return t.core.MarkRead(ctx, t.conv.ID, seq)
}

// say queues one typed line.
func (t *talk) say(ctx context.Context, text string) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	m, err := t.core.Send(ctx, t.conv.ID, text)
	if err != nil {
		return t.trouble(ctx, err)
	}
	t.lastOwn = m.ID
	return nil
}

// trouble shows what went wrong and lets the talk go on; only without an
// account there is nothing to go on with.
func (t *talk) trouble(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	f := client.AsFailure(err)
	switch f.Code {
	case client.FailUnreachable, client.FailTimeout:
		return t.unreachable()
	case client.FailNotRegistered, client.FailDeviceReplaced:
		return err
	}
	return t.face.show(t.inv.style.look("! " + line(f.Code) + ": " + line(f.Text) + hintText(f.Hint)))
}

func hintText(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + line(hint) + ")"
}

func (t *talk) unreachable() error {
	if t.offline {
		return nil
	}
	t.offline = true
	return t.face.show(t.inv.style.look("- the server does not answer; what you write is kept and leaves once it does"))
}

// take shows one event, if it belongs to this conversation.
func (t *talk) take(ctx context.Context, e client.Event) error {
	switch e := e.(type) {
	case client.ConnectionChanged:
		if !e.Online {
			return t.unreachable()
		}
		if t.offline {
			t.offline = false
			return t.face.show(t.inv.style.dim("- the server answers again"))
		}
	case client.MessageArrived:
		if e.Message.Conversation != t.conv.ID || e.Message.Own {
			return nil
		}
		if e.Message.From.String() == t.writer {
			t.setWriter("")
		}
		if err := t.face.show(t.inv.messageText("", e.Message)); err != nil {
			return err
		}
		t.read = max(t.read, e.Message.Seq)
		return t.markRead(ctx)
	case client.MessageStateChanged:
		if e.ID == t.lastOwn {
			return t.face.show(t.inv.style.dim("- " + stateText(e.State)))
		}
		t.inv.later(e)
	case client.Typing:
		if e.Conversation == t.conv.ID {
			t.setWriter(e.From.String())
		}
	default:
		return t.takeOther(ctx, e)
	}
	return nil
}

// takeOther shows what happens to the conversation and to the account.
func (t *talk) takeOther(ctx context.Context, e client.Event) error {
	l := listener{inv: t.inv, core: t.core, names: map[string]string{}}
	if where := conversationOf(e); where != "" && where != t.conv.ID {
		t.inv.later(e)
		return nil
	}
	text := l.text(ctx, e)
	if text == "" {
		return nil
	}
	return t.face.show(text)
}

func conversationOf(e client.Event) string {
	switch e := e.(type) {
	case client.ConversationJoined:
		return e.Conversation
	case client.MemberAdded:
		return e.Conversation
	case client.MemberRemoved:
		return e.Conversation
	case client.DeviceAdded:
		return e.Conversation
	case client.KeepChanged:
		return e.Conversation
	case client.CodeChanged:
		return e.Conversation
	case client.Problem:
		return e.Conversation
	}
	return ""
}

func (t *talk) setWriter(who string) {
	if who == t.writer {
		return
	}
	t.writer = who
	text := ""
	if who != "" {
		text = line(who) + " is writing"
	}
	t.face.writing(text)
}

// end sends what was typed last, at the end of input.
func (t *talk) end(ctx context.Context) error {
	err := t.core.FlushConversation(ctx, t.conv.ID)
	if err == nil {
		_ = t.core.Flush(ctx) // another conversation's trouble is not this talk's
		return nil
	}
	if v, found := t.core.Find(context.WithoutCancel(ctx), t.conv.ID); found == nil && v.Queued > 0 {
		return waiting(err, "what you wrote last")
	}
	return err
}

func closedOutput(err error) error {
	if err == nil {
		return nil
	}
	return &client.Failure{Code: failOutput, Text: "nobody reads what chat prints", Hint: "what was not shown is still unread", Cause: err}
}

// newFace takes the terminal, when stdin and stdout are one, or pipes.
func (inv *invocation) newFace() (face, error) {
	in, isIn := terminal(inv.in)
	_, isOut := terminal(inv.out)
	if isIn && isOut {
		return newScreen(inv, in)
	}
	return newPipe(inv.in, inv.out), nil
}
