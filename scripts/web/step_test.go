// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"os"
	"testing"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStepIsDoneWhenDue(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", "1")
	s := step{name: "s", from: []string{"in", "absent"}, made: []string{"out"}}
	done := 0
	do := func(f func() error) error {
		return s.do(func() error {
			done++
			return f()
		})
	}
	make := func() error { return os.WriteFile("out", []byte("made"), 0o600) }
	for _, tc := range []struct {
		name   string
		change func()
		f      func() error
		want   int
		fails  bool
	}{
		{"at first", func() {}, make, 1, false},
		{"nothing changed", func() {}, make, 1, false},
		{"what it reads changed", func() { write(t, "in", "2") }, make, 2, false},
		{"another file of what it reads came", func() { write(t, "absent", "") }, make, 3, false},
		{"what it made changed", func() { write(t, "out", "other") }, make, 4, false},
		{"it fails", func() { write(t, "in", "3") }, func() error { return errors.New("words") }, 5, true},
		{"after a failure", func() {}, make, 6, false},
		{"after a failure was mended", func() {}, make, 6, false},
	} {
		tc.change()
		if err := do(tc.f); (err != nil) != tc.fails {
			t.Errorf("%s: error %v, want one: %v", tc.name, err, tc.fails)
		}
		if done != tc.want {
			t.Errorf("%s: done %d times, want %d", tc.name, done, tc.want)
		}
	}
}

func TestRunRefusesMissingMessages(t *testing.T) {
	if err := run(t.Context(), ".", "echo", "all is well"); err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), ".", "echo", "warning IMPORT_IS_UNDEFINED: m.key"); err == nil {
		t.Error("a missing message passes")
	}
}
