// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"clarion.chat/clarion/wire"
)

// TestBriefRetentionPace runs the purge loop on a clock that jumps: under a
// retention of 2 s an envelope is there for 2 s and gone after 6.
func TestBriefRetentionPace(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		srv, err := Open(Config{DataDir: dir, Host: testHost, BriefRetention: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- srv.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
		}()
		v := &conversation{id: fill[wire.MailboxID](), pass: fill[wire.Pass]()}
		if err := srv.store.CreateMailbox(&wire.CreateMailbox{Mailbox: v.id, Pass: v.pass.Hash(), Keep: 30}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			<-time.After(730 * time.Millisecond) // at another place between two purges each time
			answer := make(chan error, 1)
			srv.store.Append(v.message("brief"), func(_ wire.Seq, err error) { answer <- err })
			if err := <-answer; err != nil {
				t.Fatal(err)
			}
			came := time.Now()
			for there := true; there; {
				<-time.After(10 * time.Millisecond)
				synctest.Wait()
				e, err := srv.store.Read(ctx, v.id, v.pass, 0, 10, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				there = len(e.Envelopes) > 0
				age := time.Since(came)
				if !there && age < 2*time.Second || there && age > 6*time.Second {
					t.Fatalf("after %v: there %v", age, there)
				}
			}
		}
	})
}

func TestBriefRetentionIsChecked(t *testing.T) {
	for _, bad := range []Config{{BriefRetention: -1}, {BriefRetention: time.Hour}, {BriefRetention: time.Second, Retention: 1}} {
		bad.DataDir, bad.Host = t.TempDir(), testHost
		if srv, err := Open(bad); err == nil {
			_ = srv.Close()
			t.Errorf("%v and %d hours are accepted", bad.BriefRetention, bad.Retention)
		}
	}
}
