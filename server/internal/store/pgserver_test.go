// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bufio"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// aptPostgres is how PostgreSQL comes onto a Debian machine.
const aptPostgres = "sudo apt-get install -y postgresql-15"

// postgresProgram finds one of PostgreSQL's programs, which Debian keeps off
// the PATH.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(all) == 0 {
		t.Fatalf("PostgreSQL's %s is missing: %s", name, aptPostgres)
	}
	return slices.Max(all)
}

// postgresOwner is whom PostgreSQL runs as: it refuses root. nil is whoever
// runs the test.
func postgresOwner(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("there is neither a user postgres nor nobody to run PostgreSQL as")
	return nil
}

// startPostgres runs a PostgreSQL of the test's own, with nothing in it, until
// the test ends. It returns the folder of its socket; it has no port.
func startPostgres(t *testing.T) (socket string) {
	t.Helper()
	owner := postgresOwner(t)
	// Not TempDir, whose parent the owner may not enter; and short, because a
	// socket's path has at most 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "clarion-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	as := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Dir = dir
		cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
		return cmd
	}
	data := filepath.Join(dir, "data")
	out, err := as(exec.Command(postgresProgram(t, "initdb"), "--pgdata="+data, "--username=clarion",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")).CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	// The shell ends the server when its own input does, so that none is left
	// behind by a test that is killed.
	cmd := as(exec.Command("sh", "-c", `"$@" & server=$!; cat; kill -INT $server; wait $server`, "sh",
		postgresProgram(t, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "logging_collector=off", "-c", "log_destination=stderr", "-c", "log_min_messages=log"))
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			said <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = input.Close()
		for range said { // until it has ended
		}
		_ = cmd.Wait() // interrupted, as it should be
	})
	awaitPostgres(t, said)
	return dir
}

// awaitPostgres reads what the server says until it takes connections.
func awaitPostgres(t *testing.T, said <-chan string) {
	t.Helper()
	late := time.After(time.Minute)
	var all []string
	for {
		select {
		case line, open := <-said:
			if !open {
				t.Fatalf("PostgreSQL ended:\n%s", strings.Join(all, "\n"))
			}
			if all = append(all, line); strings.Contains(line, "ready to accept connections") {
				return
			}
		case <-late:
			t.Fatalf("PostgreSQL does not start:\n%s", strings.Join(all, "\n"))
		}
	}
}
