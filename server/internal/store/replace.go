// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrForeign says that a restore would replace data of another host, of
// another version, or that are not Clarion's: Replace does it nevertheless.
var ErrForeign = errors.New("the data folder holds something else than earlier data of the backup's host")

// keptName is what Replace keeps of what it replaced, beside its log if that
// could not be emptied.
const keptName = "clarion.db.replaced"

// foreign returns what stands in the way of a restore of host's backup: data
// that are not of that host and this version. Empty when there are none, or
// too damaged to say whose they are, which is what a restore is for.
func foreign(path, host string) (string, error) {
	if err := mustExist(path); errors.Is(err, ErrNoData) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	db, m, err := openBeside(filepath.Dir(path), path)
	switch {
	case errors.Is(err, errNotClarion):
		return "a file that is no Clarion database", nil
	case errors.Is(err, ErrVersion):
		return "data of another version", nil
	case err != nil: // empty, or damaged
		return "", nil
	}
	if err := db.Close(); err != nil {
		return "", err
	}
	if m.Host != host {
		return "the data of " + m.Host, nil
	}
	return "", nil
}

// refuseForeign is ErrForeign with what is there and what would come.
func refuseForeign(there, host string) error {
	return fmt.Errorf("%w: it holds %s, and the backup is of %s", ErrForeign, there, host)
}

// keepAside gives what is at path a second name in its folder, so that taking
// the first for the new data loses nothing. ErrExists when the second name is
// taken by something else.
func keepAside(path string) (kept string, err error) {
	kept = filepath.Join(filepath.Dir(path), keptName)
	if err := forgetAside(path); err != nil {
		return "", err
	}
	for _, suffix := range []string{"", "-wal"} {
		err := os.Link(path+suffix, kept+suffix)
		switch {
		case errors.Is(err, os.ErrExist):
			return "", fmt.Errorf("%w: %s, of an earlier restore", ErrExists, kept+suffix)
		case errors.Is(err, os.ErrNotExist) && suffix != "":
		case err != nil:
			return "", err
		}
	}
	return kept, nil
}

// forgetAside removes a second name of the data at path itself, left when a
// Replace was interrupted before it took the first name.
func forgetAside(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal"} {
		kept := filepath.Join(filepath.Dir(path), keptName) + suffix
		a, errA := os.Stat(path + suffix)
		b, errB := os.Stat(kept)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			errs = append(errs, os.Remove(kept))
		}
	}
	return errors.Join(errs...)
}

// tidyAside removes the log that was kept when it turned out to be empty: its
// changes are in the data.
func tidyAside(kept string) error {
	log := kept + "-wal"
	if st, err := os.Stat(log); err == nil && st.Size() == 0 {
		return os.Remove(log)
	}
	return nil
}
