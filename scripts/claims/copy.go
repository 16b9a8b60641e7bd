// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// copyTree copies what a clone holds. What was built stays behind, but for the
// parts of the page's build that page asks for: they are what takes minutes.
func copyTree(from, to string, page bool) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		place := filepath.Join(to, rest)
		switch {
		case left(filepath.ToSlash(rest), page):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(place, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(target, place)
		case entry.Type().IsRegular():
			return copyFile(name, place)
		}
		return nil
	})
}

// left reports whether a path stays behind.
func left(path string, page bool) bool {
	switch path {
	case ".git", "bin", "data", "web/test-results", "web/shots":
		return true
	case ".cache", "web/node_modules", "web/dist-core", "web/src/paraglide":
		return !page
	}
	return false
}

// copyFile copies; nothing in the copy shares bytes with the tree.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, info.Mode().Perm())
}

// errGone is an edit whose place is not there, or is there twice.
var errGone = errors.New("the text to change does not stand there exactly once")
