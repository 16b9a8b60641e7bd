// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/call"
	"clarion.chat/clarion/wire"
)

// Codes of calls that came to nothing.
const (
	failDeclined  = "call_declined"
	failBusy      = "call_busy"
	failNoAnswer  = "call_no_answer"
	failCall      = "call_failed"
	failTampered  = "call_tampered"
	failCancelled = "call_cancelled"
)

// mediaFlags say what goes into a call and out of it.
type mediaFlags struct {
	Play        string   `placeholder:"FILE" help:"Ogg/Opus file that the other side hears; - for stdin. Default: silence."`
	Record      string   `placeholder:"FILE" help:"Write what the other side says to this Ogg/Opus file."`
	Seconds     *seconds `placeholder:"S" help:"Hang up after so long a connection."`
	AlwaysRelay bool     `help:"Go through the server's relay, so that the other side does not learn this device's address."`
	TCP         bool     `name:"tcp" help:"Go through the server's relay by TCP."`
	Loopback    bool     `hidden:"" help:"This machine's loopback addresses may be used, for tests."`
}

type callCommand struct {
	Handle string `arg:"" help:"Whom to call."`
	mediaFlags
}

// Help explains the command.
func (callCommand) Help() string {
	return `Calls a person whom you have accepted and who has accepted you. It rings there for 45 seconds. A terminal has no microphone here: it plays a file and records another. When the file is played, or after --seconds, it hangs up; an interrupt (Ctrl-C) hangs up too.

Read the nine digits aloud to each other: if they are the same, nobody stands between you.

Examples:

    $ clarion call omar --play question.ogg --record answer.ogg
    $ clarion call omar --seconds 10 --always-relay --json`
}

// Run carries out the command.
func (cmd *callCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.talk(ctx, &cmd.mediaFlags, func(ctx context.Context, c *client.Client, t *onCall) error {
		v, err := c.Find(ctx, cmd.Handle)
		if err != nil {
			return err
		}
		t.options.Conversation, t.options.PlayOnce = v.ID, cmd.Play != "" && cmd.Seconds == nil
		if t.engine, err = call.New(t.options); err != nil {
			return err
		}
		k, err := t.engine.Call(ctx)
		if err == nil {
			inv.say("Calling %s …", line(k.Peer.String()))
		}
		return err
	})
}

type answerCommand struct {
	Handle  string   `arg:"" optional:"" help:"Answer this person only."`
	Timeout *seconds `help:"End with 7 when nobody calls for so long."`
	Decline bool     `help:"Decline instead."`
	mediaFlags
}

// Help explains the command.
func (answerCommand) Help() string {
	return `Answers the call that rings, or waits for one. It ends when either side hangs up.

Examples:

    $ clarion answer --record question.ogg
    $ clarion answer ada --play answer.ogg --timeout 60 --json
    $ clarion answer --decline`
}

// Run carries out the command.
func (cmd *answerCommand) Run(ctx context.Context, inv *invocation) error {
	if cmd.Timeout != nil && *cmd.Timeout <= 0 {
		return usage("--timeout takes a number above 0", "leave it out to wait without end")
	}
	return inv.talk(ctx, &cmd.mediaFlags, func(ctx context.Context, c *client.Client, t *onCall) error {
		k, err := cmd.await(ctx, c, t)
		if err != nil {
			return err
		}
		if cmd.Decline {
			t.declined = &k
			return c.EndCall(ctx, k.ID)
		}
		t.options.Conversation = k.Conversation
		if t.engine, err = call.New(t.options); err != nil {
			return err
		}
		_, err = t.engine.Answer(ctx, k.ID)
		return err
	})
}

// await waits for a call of the person, or of anybody.
func (cmd *answerCommand) await(ctx context.Context, c *client.Client, t *onCall) (k client.Call, err error) {
	var from string
	if cmd.Handle != "" {
		me, err := c.WhoAmI(ctx)
		if err != nil {
			return k, err
		}
		h, err := wire.ParseHandle(cmd.Handle, me.Handle.Host)
		if err != nil {
			return k, &client.Failure{Code: client.FailHandle, Text: "this is not a handle", Hint: "write name@host, or a bare name for your own server", Cause: err}
		}
		from = h.String()
	}
	var late <-chan time.Time
	if cmd.Timeout != nil {
		timer := time.NewTimer(time.Duration(*cmd.Timeout))
		defer timer.Stop()
		late = timer.C
	}
	for {
		list, err := c.Calls(ctx)
		if err != nil {
			return k, err
		}
		for _, k := range list {
			if k.State == client.CallRinging && (from == "" || from == k.Peer.String()) {
				return k, nil
			}
		}
		select {
		case _, open := <-t.events:
			if !open {
				return k, context.Canceled
			}
		case <-late:
			return k, &client.Failure{Code: client.FailTimeout, Text: "nobody called", Hint: "a call that comes later is in `clarion calls`"}
		case <-ctx.Done():
			return k, ctx.Err()
		}
	}
}

// onCall is a call that a command takes part in.
type onCall struct {
	inv      *invocation
	options  call.Options
	engine   *call.Engine
	events   chan client.Event // the core's, once they are noted for the next listen
	declined *client.Call
	said     string // the state that a person was told last
}

// talk goes online, lets begin make or take the call, and carries it to its end.
func (inv *invocation) talk(ctx context.Context, m *mediaFlags, begin func(context.Context, *client.Client, *onCall) error) error {
	if m.Seconds != nil && *m.Seconds <= 0 {
		return usage("--seconds takes a number above 0", "leave it out to talk until somebody hangs up")
	}
	options, recording, err := m.options(inv)
	if err != nil {
		return err
	}
	t := &onCall{inv: inv, options: options, events: make(chan client.Event)}
	t.options.Watch = t.watch
	err = inv.core(ctx, false, func(ctx context.Context, c *client.Client) error {
		t.options.Core = c
		stop := t.tee(c.Events())
		defer stop()
		if err := c.Listen(ctx); err != nil {
			return err
		}
		if err := begin(ctx, c, t); err != nil || t.engine == nil {
			return errors.Join(err, t.printDeclined(err))
		}
		result, err := t.engine.Run(ctx, t.events)
		settle(ctx, c)
		return t.end(result, err)
	}, nil)
	if closed := recording.Close(); err == nil && closed != nil {
		err = &client.Failure{Code: failFile, Text: "the recording could not be written: " + closed.Error(), Hint: "name a place with room for it"}
	}
	return err
}

// tee hands the core's events to whoever carries the call, and notes those that
// listen shall print later. The function it returns ends it.
func (t *onCall) tee(from <-chan client.Event) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(t.events)
		for {
			select {
			case e, open := <-from:
				if !open {
					return
				}
				t.inv.later(e)
				select {
				case t.events <- e:
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// watch says to a person how far the call is.
func (t *onCall) watch(k client.Call) {
	state := string(k.State)
	if k.State == client.CallCalling && k.PeerRings {
		state = "rings"
	}
	if k.State == client.CallConnected {
		state += k.Code
	}
	if state == t.said {
		return
	}
	t.said = state
	switch {
	case state == "rings":
		t.inv.say("It rings.")
	case k.State == client.CallConnecting:
		t.inv.say("Answered; looking for a way …")
	case k.State == client.CallConnected:
		t.inv.say("Connected to %s. Read this aloud to each other, it must be the same: %s", line(k.Peer.String()), digits(k.Code))
	}
}

// say tells a person what happens; programs read the end.
func (inv *invocation) say(format string, a ...any) {
	if !inv.json {
		fmt.Fprintf(inv.err, format+"\n", a...)
	}
}

// digits writes a short code in groups of three.
func digits(code string) string {
	var groups []string
	for ; len(code) > 3; code = code[3:] {
		groups = append(groups, code[:3])
	}
	return strings.Join(append(groups, code), " ")
}

type callShape struct {
	Call            string  `json:"call"`
	Path            string  `json:"path"`
	Code            string  `json:"code"`
	SentPackets     int     `json:"sent_packets"`
	ReceivedSamples int     `json:"received_samples"`
	Seconds         float64 `json:"seconds"`
}

// end prints what the call was, or says why it came to nothing.
func (t *onCall) end(r call.Result, err error) error {
	if err != nil {
		return err
	}
	if r.Seconds == 0 || r.Reason == client.CallTampered {
		if f := cameToNothing(r.Reason); f != nil {
			return f
		}
	}
	if t.inv.json {
		return writeJSON(t.inv.out, callShape{r.Call, r.Path, r.Code, r.SentPackets, r.ReceivedSamples, float64(int(r.Seconds*10)) / 10})
	}
	way := map[string]string{"direct": "directly", "relay": "through the server's relay"}[r.Path]
	_, err = fmt.Fprintf(t.inv.out, "Talked for %s, %s: %d packets sent, %.1f s of sound received.\n",
		talked(int(r.Seconds)), way, r.SentPackets, float64(r.ReceivedSamples)/48000)
	return err
}

func (t *onCall) printDeclined(failed error) error {
	if failed != nil || t.declined == nil {
		return nil
	}
	if t.inv.json {
		return writeJSON(t.inv.out, callShape{Call: t.declined.ID})
	}
	_, err := fmt.Fprintf(t.inv.out, "Declined the call of %s.\n", line(t.declined.Peer.String()))
	return err
}

// cameToNothing is the failure of a call in which nobody heard anything.
func cameToNothing(r client.CallReason) *client.Failure {
	switch r {
	case client.CallDeclined:
		return &client.Failure{Code: failDeclined, Text: "the other person declined", Hint: "write to them with `clarion send`"}
	case client.CallBusy:
		return &client.Failure{Code: failBusy, Text: "the other person is in another call", Hint: "they see that you called"}
	case client.CallNoAnswer:
		return &client.Failure{Code: failNoAnswer, Text: "nobody answered", Hint: "they see that you called when they are back"}
	case client.CallTampered:
		return &client.Failure{Code: failTampered, Text: "the other side's media do not bear the certificate that it committed to, so nothing was said", Hint: "somebody may stand between you; check the person with `clarion check`, and tell the operator"}
	case client.CallCancelled, client.CallMissed, client.CallHungUp:
		return &client.Failure{Code: failCancelled, Text: "the call was given up before it was connected", Hint: "call again"}
	}
	return &client.Failure{Code: failCall, Text: "the two devices did not find a way to each other", Hint: "try again with --tcp, or with --always-relay"}
}

// talked writes how long a call was.
func talked(s int) string {
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	if s < 3600 {
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
}

// options opens what is played, and readies what is recorded.
func (m *mediaFlags) options(inv *invocation) (o call.Options, recording *lateFile, err error) {
	o = call.Options{AlwaysRelay: m.AlwaysRelay, TCP: m.TCP, Loopback: m.Loopback}
	if m.Seconds != nil {
		o.For = time.Duration(*m.Seconds)
	}
	recording = &lateFile{name: m.Record}
	if m.Record != "" {
		o.Record = recording
	}
	if m.Play == "" {
		return o, recording, nil
	}
	in := inv.in
	if m.Play != "-" {
		f, err := os.Open(m.Play)
		if err != nil {
			return o, recording, &client.Failure{Code: failFile, Text: "the file to play cannot be read: " + err.Error(), Hint: "name an Ogg/Opus file"}
		}
		defer f.Close()
		in = f
	}
	if o.Play, err = call.ReadSource(in); err != nil {
		err = &client.Failure{Code: failFile, Text: "the file to play: " + err.Error(), Hint: "make one with `opusenc in.wav out.ogg`", Cause: err}
	}
	return o, recording, err
}

// lateFile is a file that exists once something is written to it, so that a call
// that comes to nothing leaves an older recording alone.
type lateFile struct {
	name string
	f    *os.File
	err  error
}

// Write implements io.Writer. One goroutine of a call uses it at a time.
func (l *lateFile) Write(b []byte) (int, error) {
	if l.f == nil && l.err == nil {
		l.f, l.err = os.OpenFile(l.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	}
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.f.Write(b)
	l.err = err
	return n, err
}

// Close tells the first failure.
func (l *lateFile) Close() error {
	if l.f != nil {
		if err := l.f.Close(); l.err == nil {
			l.err = err
		}
	}
	return l.err
}

var _ io.WriteCloser = (*lateFile)(nil)

type callsCommand struct {
	Limit *count `default:"20" help:"How many at most."`
}

// Help explains the command.
func (callsCommand) Help() string {
	return `Lists past calls, the newest first. The list is in this vault alone: the server keeps none.

Example:

    $ clarion calls`
}

type pastShape struct {
	Call     string `json:"call"`
	At       string `json:"at"`
	With     string `json:"with"`
	Incoming bool   `json:"incoming"`
	Video    bool   `json:"video"`
	Reason   string `json:"reason"`
	Seconds  int    `json:"seconds"`
}

// Run carries out the command.
func (cmd *callsCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		list, err := c.CallHistory(ctx, int(*cmd.Limit))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			inv.say("No calls yet; `clarion call HANDLE` makes one.")
		}
		for _, p := range list {
			if inv.json {
				err = writeJSON(inv.out, pastShape{p.ID, stamp(p.Began), p.Peer.String(), p.Incoming, p.Video, string(p.Reason), p.Seconds})
			} else {
				_, err = fmt.Fprintf(inv.out, "%s  %s\n", inv.style.dim(moment(p.Began)), callText(p.Peer.String(), p.Incoming, p.Reason, p.Seconds))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// callText says what a past call was.
func callText(peer string, incoming bool, reason client.CallReason, seconds int) string {
	peer = line(peer)
	switch {
	case seconds > 0 && incoming:
		return peer + " called: " + talked(seconds)
	case seconds > 0:
		return "you called " + peer + ": " + talked(seconds)
	case incoming && reason == client.CallDeclined:
		return peer + " called; you declined"
	case incoming:
		return "missed call from " + peer
	}
	why := map[client.CallReason]string{
		client.CallDeclined: "declined", client.CallBusy: "busy", client.CallNoAnswer: "no answer", client.CallCancelled: "given up", client.CallTampered: "somebody stood between you",
	}[reason]
	if why == "" {
		why = "not connected"
	}
	return "you called " + peer + ": " + why
}
