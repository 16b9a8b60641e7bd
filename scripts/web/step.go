// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// notes is where each step writes down what it made from what.
const notes = ".cache/web"

// step is something that is done again when what it reads has changed, or
// when what it made is no longer as it left it.
type step struct {
	name string
	from []string // files and folders that it reads
	made []string // files and folders that it makes
}

// do does the step if it is due. It is noted only after it is done.
func (s step) do(f func() error) error {
	note := filepath.Join(notes, s.name)
	before, err := s.state()
	if err != nil {
		return err
	}
	if b, err := os.ReadFile(note); err == nil && string(b) == before {
		return nil
	}
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := s.state()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(notes, 0o755); err != nil {
		return err
	}
	return os.WriteFile(note, []byte(after), 0o644)
}

// state is one line for what the step reads and one for what it made.
func (s step) state() (string, error) {
	from, err := digest(s.from)
	if err != nil {
		return "", err
	}
	made, err := digest(s.made)
	return from + "\n" + made + "\n", err
}

// digest is a hash over the names and contents of files. What is not there has
// no part in it. Messages as paraglide compiles them are made, not read.
func digest(paths []string) (string, error) {
	sum := sha256.New()
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case entry.IsDir() && strings.HasSuffix(filepath.ToSlash(name), "src/paraglide"):
				return fs.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			return add(sum, name)
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// add takes one file in: its name, its length and its content.
func add(sum hash.Hash, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s\x00%d\x00", filepath.ToSlash(name), info.Size())
	_, err = io.Copy(sum, f)
	return err
}
