// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/filevault"
	"clarion.chat/clarion/wire"
)

func noEnvironment(string) string { return "" }

// run carries out one command in this process.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = program{getenv: noEnvironment}.Run(t.Context(), args, strings.NewReader(""), &out, &err)
	return status, out.String(), err.String()
}

// TestEveryCommandHasHelpWithAnExample walks the whole command line.
func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	parser, err := kong.New(new(commands), kong.Name("clarion"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(n *kong.Node, path []string)
	walk = func(n *kong.Node, path []string) {
		for _, child := range n.Children {
			walk(child, append(path[:len(path):len(path)], child.Name))
		}
		if len(path) == 0 {
			return
		}
		count++
		status, out, errs := run(t, append(path[:len(path):len(path)], "--help")...)
		example := regexp.MustCompile(`(?m)^Examples?:\n\n    \$ clarion ` + strings.Join(path, " ") + `\b`)
		if status != 0 || errs != "" || !example.MatchString(out) {
			t.Errorf("clarion %s --help ends with %d and says\n%s%s", strings.Join(path, " "), status, out, errs)
		}
	}
	walk(parser.Model.Node, nil)
	if count < 20 {
		t.Errorf("only %d commands were seen", count)
	}
}

func TestExitStatuses(t *testing.T) {
	for code, want := range map[string]int{
		"internal": 1, "interrupted": 1, "output_closed": 1,
		"usage": 2, "handle_invalid": 2, "link_invalid": 2, "words_invalid": 2, "message_empty": 2, "message_too_long": 2,
		"message_not_text": 2, "conversation_name_invalid": 2, "name_invalid": 2, "server_invalid": 2, "confirmation_needed": 2,
		"vault_failed": 3, "disk_full": 3,
		"unreachable": 4, "shutting_down": 4,
		"name_taken": 5, "name_deleted": 5, "stale_pass": 5, "not_a_member": 5, "old_vault": 5, "not_registered": 5,
		"invite_used": 5, "invite_expired": 5, "clock_skew": 5, "wrong_pass": 5, "rate_limited": 5,
		"history_differs": 5, "code_of_a_newer_server": 5,
		"vault_busy": 6, "vault_version": 6,
		"timeout": 7,
	} {
		if got := exitStatus(code); got != want {
			t.Errorf("%s ends with %d, not %d", code, got, want)
		}
	}
}

// TestWhatIsQueued: a message that leaves by itself later ends with 4, and no
// hint asks to write it again.
func TestWhatIsQueued(t *testing.T) {
	for _, code := range []string{"unreachable", "timeout", "awaiting_way_back", "old_vault", "slept_past_keep", "mailbox_lost", "clock_skew",
		"disk_full", "rate_limited", "store_unavailable", "shutting_down", "internal"} {
		f := client.AsFailure(waiting(&client.Failure{Code: code, Text: "so", Hint: "try", Queued: true}, "it"))
		if statusOf(f) != exitUnreachable || !strings.HasSuffix(f.Text, "; it is queued") || !strings.Contains(f.Hint, "sent once") ||
			strings.Contains(f.Hint, "try again") {
			t.Errorf("%s queued ends with %d: %s (%s)", code, statusOf(f), f.Text, f.Hint)
		}
		f = client.AsFailure(waiting(&client.Failure{Code: code, Text: "so", Hint: "try"}, "it"))
		if statusOf(f) != exitStatus(code) || strings.Contains(f.Text, "queued") {
			t.Errorf("%s not queued ends with %d: %s", code, statusOf(f), f.Text)
		}
	}
	for want, f := range map[int]*client.Failure{
		exitMissing: {Code: "disk_full", Queued: true, Cause: vault.ErrFull},
	} {
		if got := statusOf(f); got != want {
			t.Errorf("%s, for this device to mend, ends with %d", f.Code, got)
		}
	}
}

func TestFailuresHaveTheFormThatWasAskedFor(t *testing.T) {
	home := filepath.Join(t.TempDir(), "none")
	status, out, errs := run(t, "--home", home, "whoami")
	if status != 5 || out != "" || !regexp.MustCompile(`\Aerror: not_registered: \S.*\nhint: \S.*\n\z`).MatchString(errs) {
		t.Errorf("%d %q %q", status, out, errs)
	}
	for _, args := range [][]string{{"--home", home, "whoami", "--json"}, {"--json", "nonsense"}, {"send", "--json"}} {
		status, out, errs := run(t, args...)
		var e map[string]map[string]string
		if json.Unmarshal([]byte(errs), &e) != nil || strings.Count(errs, "\n") != 1 || len(e) != 1 || len(e["error"]) != 3 ||
			e["error"]["code"] == "" || e["error"]["message"] == "" || e["error"]["hint"] == "" || out != "" || status == 0 {
			t.Errorf("%v: %d %q %q", args, status, out, errs)
		}
	}
	// After -- the same letters are a message.
	if _, _, errs := run(t, "--home", home, "send", "ada", "--", "--json"); !strings.HasPrefix(errs, "error: ") {
		t.Errorf("a message was taken for a flag: %q", errs)
	}
	if filevault.Exists(home) {
		t.Error("a failing command made a vault")
	}
}

func TestVaultFolder(t *testing.T) {
	for _, c := range []struct {
		flag string
		env  map[string]string
		want string
	}{
		{"/flag", map[string]string{"CLARION_HOME": "/env"}, "/flag"},
		{"", map[string]string{"CLARION_HOME": "/env", "XDG_DATA_HOME": "/xdg", "HOME": "/h"}, "/env"},
		{"", map[string]string{"XDG_DATA_HOME": "/xdg", "HOME": "/h"}, "/xdg/clarion"},
		{"", map[string]string{"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/clarion"},
	} {
		inv := &invocation{program: program{getenv: func(k string) string { return c.env[k] }}}
		if got, err := inv.vaultFolder(c.flag); err != nil || got != filepath.FromSlash(c.want) {
			t.Errorf("%q, %v gives %q, %v", c.flag, c.env, got, err)
		}
	}
	if _, err := (&invocation{program: program{getenv: noEnvironment}}).vaultFolder(""); exitStatus(client.AsFailure(err).Code) != exitUsage {
		t.Errorf("no home folder: %v", err)
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Second, "0.25": 250 * time.Millisecond, "1h": time.Hour, "-86400": -24 * time.Hour, "0": 0,
	} {
		var s seconds
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%q is %v, %v", text, time.Duration(s), err)
		}
	}
	for _, text := range []string{"", "soon", "NaN", "Inf", "-Inf", "1e300", "5 s"} {
		var s seconds
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %v", text, time.Duration(s))
		}
	}
}

func TestOldestFirstKeepsEachConversationsOrder(t *testing.T) {
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	list := []client.Message{
		{ID: "a1", Conversation: "a", Seq: 1, At: at(50)},
		{ID: "a2", Conversation: "a", Seq: 2, At: at(10)}, // a clock that was put back
		{ID: "a3", Conversation: "a", Seq: 3, At: at(60)},
		{ID: "b1", Conversation: "b", Seq: 1, At: at(40)},
		{ID: "b2", Conversation: "b", Seq: 2, At: at(55)},
	}
	var got []string
	for _, m := range oldestFirst(list) {
		got = append(got, m.ID)
	}
	if strings.Join(got, " ") != "b1 a1 a2 b2 a3" {
		t.Errorf("got %v", got)
	}
}

// TestEventLines holds each line of listen to the names of the contract, in
// their order.
func TestEventLines(t *testing.T) {
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.FixedZone("", 3600))
	ada := wire.Handle{Name: "ada", Host: "x"}
	for want, e := range map[string]client.Event{
		`{"event":"message_arrived","at":"2026-11-22T05:00:00Z","conversation":"c","seq":7,"id":"i","from":"ada@x","checked":null,"text":"<&>\u0007"}`: client.MessageArrived{
			Message: client.Message{ID: "i", Conversation: "c", Seq: 7, From: ada, Text: "<&>\a", At: at}},
		`{"event":"message_state","at":"2026-11-22T05:00:00Z","conversation":"c","seq":7,"id":"i","state":"delivered"}`: client.MessageStateChanged{
			At: at, Conversation: "c", Seq: 7, ID: "i", State: client.StateDelivered},
		`{"event":"contact_requested","at":"2026-11-22T05:00:00Z","conversation":"","seq":0,"from":"ada@x"}`: client.ContactRequested{At: at, From: ada},
		`{"event":"conversation_joined","at":"2026-11-22T05:00:00Z","conversation":"c","seq":7,"name":"n","members":["ada@x"]}`: client.ConversationJoined{
			At: at, Conversation: "c", Seq: 7, Name: "n", Members: []wire.Handle{ada}},
		`{"event":"member_added","at":"2026-11-22T05:00:00Z","conversation":"c","seq":7,"handle":"ada@x"}`:   client.MemberAdded{At: at, Conversation: "c", Seq: 7, Handle: ada},
		`{"event":"member_removed","at":"2026-11-22T05:00:00Z","conversation":"c","seq":7,"handle":"ada@x"}`: client.MemberRemoved{At: at, Conversation: "c", Seq: 7, Handle: ada},
		`{"event":"device_added","at":"2026-11-22T05:00:00Z","conversation":"c","seq":7,"handle":"ada@x"}`:   client.DeviceAdded{At: at, Conversation: "c", Seq: 7, Handle: ada},
		`{"event":"code_changed","at":"2026-11-22T05:00:00Z","conversation":"c","seq":0,"code":"1"}`:         client.CodeChanged{At: at, Conversation: "c", Code: "1"},
		`{"event":"problem","at":"2026-11-22T05:00:00Z","conversation":"","seq":7,"code":"p","hint":"h"}`:    client.Problem{At: at, Seq: 7, Code: "p", Text: "t", Hint: "h"},
	} {
		var b bytes.Buffer
		if err := writeJSON(&b, shapeEvent(e)); err != nil || b.String() != want+"\n" {
			t.Errorf("%T is\n%s, not\n%s, %v", e, b.String(), want, err)
		}
	}
	for _, e := range []client.Event{client.Typing{}, client.ConnectionChanged{}} {
		if v := shapeEvent(e); v != nil {
			t.Errorf("%T has the line %v", e, v)
		}
	}
}
