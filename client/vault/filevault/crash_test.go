// SPDX-License-Identifier: AGPL-3.0-or-later

package filevault

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"clarion.chat/clarion/client/vault"
)

// childVariable names the folder for a copy of this test program that plays
// another process; with _TASK, what it does there.
const childVariable = "CLARION_FILEVAULT_CHILD"

// child never returns.
func child(dir, task string) {
	v, err := Open(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(0)
	}
	if task == "open" {
		fmt.Println("open")
		os.Exit(0)
	}
	from, err := strconv.Atoi(task)
	if err != nil {
		panic(err)
	}
	for n := from; ; n++ {
		if err := v.Commit(context.Background(), generation(n)); err != nil {
			panic(err)
		}
		fmt.Println(n)
	}
}

// generation is a commit of many records that all say n; the odd ones also
// delete what the even ones make.
func generation(n int) []vault.Change {
	var changes []vault.Change
	for i := range 20 {
		value := []byte(strconv.Itoa(n) + strings.Repeat(" ", i*400))
		changes = append(changes, vault.Change{Key: fmt.Sprintf("all/%02d", i), Value: value})
	}
	even := vault.Change{Key: "even"}
	if n%2 == 0 {
		even.Value = []byte(strconv.Itoa(n))
	}
	return append(changes, even)
}

func childCommand(dir, task string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir, childVariable+"_TASK="+task)
	cmd.Stderr = os.Stderr
	return cmd
}

func runChild(t *testing.T, dir, task string) string {
	t.Helper()
	out, err := childCommand(dir, task).Output()
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestKilledWhileCommitting kills a process again and again while it commits.
// Each commit must be there whole or not at all, and none that was
// acknowledged may be missing.
func TestKilledWhileCommitting(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	next := 0
	for round := range 20 {
		acknowledged := killAfter(t, dir, next, 1+random.IntN(40))
		got := whole(t, dir)
		// The one in flight may have been made without its answer.
		if got != acknowledged && got != acknowledged+1 {
			t.Fatalf("round %d: commit %d holds, acknowledged was %d", round, got, acknowledged)
		}
		next = got + 1
	}
}

// killAfter starts a child at generation from, kills it once it has
// acknowledged count commits, and returns the last one acknowledged.
func killAfter(t *testing.T, dir string, from, count int) int {
	t.Helper()
	cmd := childCommand(dir, strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := -1
	lines := bufio.NewScanner(out)
	for seen := 0; lines.Scan(); seen++ { // on to the end: what it said before it died counts
		if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("child: %s", lines.Text())
		}
		if seen+1 == count {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return acknowledged
}

// whole returns the generation that all records of the vault agree on.
func whole(t *testing.T, dir string) int {
	t.Helper()
	v := mustOpen(t, dir)
	defer mustClose(t, v)
	found, err := v.Scan(context.Background(), "", "", 100)
	if err != nil || len(found) < 20 {
		t.Fatalf("%d records (%v)", len(found), err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(found[0].Value)))
	if err != nil {
		t.Fatal(err)
	}
	want := generation(n)
	for i, r := range found {
		if r.Key != want[i].Key || string(r.Value) != string(want[i].Value) {
			t.Fatalf("beside commit %d, %s holds %.20q", n, r.Key, r.Value)
		}
	}
	if even := len(found) == 21; even != (n%2 == 0) {
		t.Fatalf("commit %d holds, and %d records", n, len(found))
	}
	return n
}
