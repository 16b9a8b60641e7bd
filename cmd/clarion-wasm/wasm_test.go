// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !js

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"clarion.chat/clarion/clariontest"
	"clarion.chat/clarion/client"
)

// maxSize is what a visitor's browser may have to load for the core, in bytes
// after brotli at its highest quality.
const maxSize = 1_500_000

// goTool runs the go command in the tree's root.
func goTool(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

var forWasm = []string{"GOOS=js", "GOARCH=wasm"}

func goRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// node makes a command that runs node, or fails when there is none: what this
// package promises can be seen only there.
func node(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is needed for this test: apt-get install nodejs (20 or newer)")
	}
	return exec.CommandContext(t.Context(), path, args...)
}

func buildCore(t *testing.T) string {
	t.Helper()
	core := filepath.Join(t.TempDir(), "core.wasm")
	goTool(t, forWasm, "build", "-trimpath", "-ldflags=-s -w", "-gcflags=clarion.chat/clarion/...=-l", "-o", core, "./cmd/clarion-wasm")
	return core
}

// TestUnderNode runs this package's own tests as wasm.
func TestUnderNode(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "test.wasm")
	goTool(t, forWasm, "test", "-c", "-o", bin, "./cmd/clarion-wasm")
	cmd := node(t, "--experimental-websocket", "--stack-size=8192",
		filepath.Join(goRoot(t), "lib", "wasm", "wasm_exec_node.js"), bin, "-test.v")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"TestPromiseResolvesWithWhatAGoroutineFinds", "TestAwait", "TestQueueIsBounded", "TestDialRefusesWhatIsNoServer"} {
		if !bytes.Contains(out, []byte("--- PASS: "+name)) {
			t.Errorf("%s did not run", name)
		}
	}
}

// TestSize holds the core to its budget.
func TestSize(t *testing.T) {
	core := buildCore(t)
	plain, err := os.Stat(core)
	if err != nil {
		t.Fatal(err)
	}
	out, err := node(t, "-e", `
		const zlib = require("zlib"), fs = require("fs");
		const p = { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 };
		console.log(zlib.brotliCompressSync(fs.readFileSync(process.argv[1]), { params: p }).length);
	`, core).Output()
	if err != nil {
		t.Fatal(err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the core is %d bytes, %d in brotli; the budget is %d", plain.Size(), size, maxSize)
	if size > maxSize {
		t.Errorf("the core is %d bytes past its budget", size-maxSize)
	}
}

// TestCoreLinksNothingHeavy names the packages that would cost the most.
func TestCoreLinksNothingHeavy(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/clarion-wasm")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), forWasm...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := "\n" + string(out)
	if !strings.Contains(deps, "\nclarion.chat/clarion/client\n") {
		t.Fatal("the list does not hold the core itself")
	}
	for _, heavy := range []string{"net/http", "encoding/json", "crypto/x509", "crypto/tls", "database/sql"} {
		if strings.Contains(deps, "\n"+heavy+"\n") {
			t.Errorf("the core links %s", heavy)
		}
	}
}

// TestExchange lets the core under node and a native one write to each other
// through a real server.
func TestExchange(t *testing.T) {
	core := buildCore(t)
	server := clariontest.NewServer(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ada, _ := server.Register("ada")
	invite, err := ada.Invite(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	ada.Online()

	cmd := node(t, "--experimental-websocket", filepath.Join("testdata", "exchange.cjs"),
		filepath.Join(goRoot(t), "lib", "wasm", "wasm_exec.js"), core, server.URL, invite.Link)
	var said, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()

	answered := false
	for {
		select {
		case e := <-ada.Events():
			m, is := e.(client.MessageArrived)
			if !is {
				continue
			}
			if want := "from the browser: é 漢 🎺"; m.Message.Text != want {
				t.Errorf("the browser's message arrived as %q", m.Message.Text)
			}
			ada.Say(m.Message.Conversation, "from the terminal: é 漢 🎺")
			answered = true
		case err := <-gone:
			if err != nil || !answered {
				t.Fatalf("node ended with %v; the message arrived: %v\n%s%s", err, answered, said.Bytes(), log.Bytes())
			}
			if got := said.String(); !strings.Contains(got, "got from the terminal: é 漢 🎺\n") ||
				!strings.Contains(got, "refused with name_taken\n") || !strings.Contains(got, "after close core_closed\n") {
				t.Errorf("node said\n%s", got)
			}
			return
		case <-ctx.Done():
			t.Fatalf("nothing came within the time\n%s%s", said.Bytes(), log.Bytes())
		}
	}
}
