// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build chromium

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall/js"
	"testing"

	"clarion.chat/clarion/client/vault"
	"clarion.chat/clarion/client/vault/vaulttest"
	"clarion.chat/clarion/cmd/clarion-wasm/calls"
)

// TestMain lets a page play a part in a test that runs outside: the variable
// CLARION_TASK names it, with its arguments after it.
func TestMain(m *testing.M) {
	words := strings.Fields(os.Getenv("CLARION_TASK"))
	if len(words) == 0 {
		os.Exit(m.Run())
	}
	tasks := map[string]func(args []string) error{"commit": taskCommit, "whole": taskWhole, "fill": taskFill, "core": taskCore, "vaults": taskVaults, "join": taskJoin, "write": taskWrite}
	if err := tasks[words[0]](words[1:]); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
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

// taskCommit makes one generation after another, from a first one, and prints
// each that was acknowledged.
func taskCommit(args []string) error {
	v, _, _, err := openVault(context.Background(), calls.OpenOptions{Vault: args[0]})
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for ; ; n++ {
		if err := v.Commit(context.Background(), generation(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// taskWhole prints the generation that all records agree on, -1 for none.
func taskWhole(args []string) error {
	v, _, _, err := openVault(context.Background(), calls.OpenOptions{Vault: args[0]})
	if err != nil {
		return err
	}
	defer v.Close()
	found, err := v.Scan(context.Background(), "", "", 100)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		fmt.Println(-1)
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(found[0].Value)))
	if err != nil {
		return err
	}
	want := generation(n)
	if n%2 != 0 {
		want = want[:20]
	}
	if len(found) != len(want) {
		return fmt.Errorf("generation %d has %d records", n, len(found))
	}
	for i, r := range found {
		if r.Key != want[i].Key || string(r.Value) != string(want[i].Value) {
			return fmt.Errorf("beside generation %d, %s holds %.20q", n, r.Key, r.Value)
		}
	}
	fmt.Println(n)
	return nil
}

// taskFill commits until the browser has no room, and sees that the commit
// that failed changed nothing.
func taskFill(args []string) error {
	ctx := context.Background()
	v, _, _, err := openVault(ctx, calls.OpenOptions{Vault: args[0]})
	if err != nil {
		return err
	}
	defer v.Close()
	if err := v.Commit(ctx, put("first", "before")); err != nil {
		return err
	}
	large := make([]byte, 1<<20)
	made := 0
	for ; made < 64; made++ {
		err := v.Commit(ctx, []vault.Change{{Key: "first", Value: []byte("after " + strconv.Itoa(made))}, {Key: fmt.Sprint("large/", made), Value: large}})
		if err == nil {
			continue
		}
		if !errors.Is(err, vault.ErrFull) {
			return fmt.Errorf("commit %d: %w", made, err)
		}
		break
	}
	first, err := v.Get(ctx, "first")
	if err != nil {
		return err
	}
	if want := "after " + strconv.Itoa(made-1); made > 0 && string(first) != want {
		return fmt.Errorf("the commit that failed left %q, want %q", first, want)
	}
	found, err := v.Scan(ctx, "large/", "", 100)
	if err != nil || len(found) != made {
		return fmt.Errorf("%d large records (%v), want %d", len(found), err, made)
	}
	fmt.Println(made)
	return nil
}

// taskCore opens a core as a page does, says so, and prints the code that the
// next event is rejected with.
func taskCore(args []string) error {
	ctx := context.Background()
	options := newObject()
	options.Set("vault", args[0])
	core, err := await(ctx, entry().Call("open", options))
	if err != nil {
		return err
	}
	none, err := await(ctx, core.Call("call", "conversations"))
	fmt.Println("open", none, err)
	rejected := make(chan string, 1)
	then := js.FuncOf(func(_ js.Value, a []js.Value) any {
		rejected <- "an event"
		return nil
	})
	catch := js.FuncOf(func(_ js.Value, a []js.Value) any {
		rejected <- a[0].Get("code").String()
		return nil
	})
	core.Call("next").Call("then", then, catch)
	fmt.Println(<-rejected)
	core.Call("call", "whoAmI").Call("then", then, catch)
	fmt.Println(<-rejected)
	core.Call("close").Call("then", then, catch)
	fmt.Println(<-rejected)
	return nil
}

// taskVaults keeps vaults for a test outside, which it finds at an address.
func taskVaults(args []string) error {
	ctx := context.Background()
	conn, err := dialer{}.Dial(ctx, args[0], "vaults")
	if err != nil {
		return err
	}
	return vaulttest.Serve(ctx, conn, vaulttest.Keeper{
		Open: func(ctx context.Context, name string) (vault.Vault, error) {
			v, _, _, err := openVault(ctx, calls.OpenOptions{Vault: name})
			return v, err
		},
		Erase: eraseVault,
	})
}

// openCore opens a core as a page does.
func openCore(name string) (js.Value, error) {
	options := newObject()
	options.Set("vault", name)
	return await(context.Background(), entry().Call("open", options))
}

// ask makes a call of an open core.
func ask(core js.Value, name string, params map[string]any) (js.Value, error) {
	return await(context.Background(), core.Call("call", name, params))
}

// taskJoin registers a person, whose vault bears their name, and opens an
// invite link: "join SERVER NAME LINK".
func taskJoin(args []string) error {
	core, err := openCore(args[1])
	if err != nil {
		return err
	}
	if _, err := ask(core, "register", map[string]any{"server": args[0], "name": args[1]}); err != nil {
		return err
	}
	conversation, err := ask(core, "accept", map[string]any{"linkOrHandle": args[2]})
	if err != nil {
		return err
	}
	if _, err := ask(core, "flush", nil); err != nil {
		return err
	}
	fmt.Println(conversation.Get("id").String())
	_, err = await(context.Background(), core.Call("close"))
	return err
}

// taskWrite writes one number after another into a conversation, from the
// first that its history does not hold, and prints each that the server has:
// "write NAME CONVERSATION". A problem that is told ends it.
func taskWrite(args []string) error {
	core, err := openCore(args[0])
	if err != nil {
		return err
	}
	where := map[string]any{"conversation": args[1]}
	written := map[string]int{} // by id
	history, err := ask(core, "history", where)
	if err != nil {
		return err
	}
	next := 0
	for i := range history.Length() {
		if m := history.Index(i); m.Get("own").Bool() {
			n, err := strconv.Atoi(m.Get("text").String())
			if err != nil {
				return err
			}
			written[m.Get("id").String()] = n
			next = max(next, n)
		}
	}
	if _, err := ask(core, "listen", nil); err != nil {
		return err
	}
	for {
		next++
		m, err := ask(core, "send", map[string]any{"conversation": args[1], "text": strconv.Itoa(next)})
		if err != nil {
			return err
		}
		written[m.Get("id").String()] = next
		for sent := 0; sent != next; {
			e, err := await(context.Background(), core.Call("next"))
			if err != nil {
				return err
			}
			switch e.Get("event").String() {
			case "problem":
				return errors.New(e.Get("code").String())
			case "message_state":
				if e.Get("state").String() == "sent" {
					sent = written[e.Get("id").String()]
					fmt.Println(sent)
				}
			}
		}
	}
}
