// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import "testing"

func TestStrictJSON(t *testing.T) {
	for text, want := range map[string]bool{
		`{"tables":[{"table":"a","rows":1},{"table":"a","rows":2}],"account":"x","could":["account","account"]}`: true,
		`{"account":"x","account":"x"}`:                   false,
		`{"account":"x","Account":"y"}`:                   false,
		`{"Account":"x"}`:                                 false,
		`{"account":"x","\u0061ccount":"y"}`:              false,
		`{"account":"x","mood":"good"}`:                   false,
		`{"tables":[{"table":"a","rows":1,"rows":2}]}`:    false,
		`{"tables":[{"table":"a","rows":1,"more":true}]}`: false,
		`{"account":"x"} {}`:                              false,
		`{"account":"x"`:                                  false,
		``:                                                false,
	} {
		var s savedShape
		if err := strictJSON([]byte(text), &s); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
