// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// strictJSON reads one JSON value in which every name is known, is written as
// in the shape and stands once in its object: encoding/json takes the last of
// several and any case, so that a person and this program could read two
// different things in one file.
func strictJSON(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return uniqueNames(b)
}

// uniqueNames refuses a name that stands twice in an object, or that has other
// letters than the shapes' names. b is valid JSON.
func uniqueNames(b []byte) error {
	type level struct {
		seen map[string]bool // nil in an array
		name bool            // the next token is a name, or ends the object
	}
	levels := []level{{}}
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		top := &levels[len(levels)-1]
		switch token {
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
			continue
		}
		if top.name {
			name, _ := token.(string)
			if top.seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
				return fmt.Errorf("the name %q stands twice or is unknown", name)
			}
			top.seen[name], top.name = true, false
			continue
		}
		top.name = top.seen != nil
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{seen: map[string]bool{}, name: true})
		case json.Delim('['):
			levels = append(levels, level{})
		}
	}
}
