// SPDX-License-Identifier: AGPL-3.0-or-later

package inventory

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const good = `-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE a sealed envelope
-- PURGE expires_hour
CREATE TABLE envelope (
  -- HOLDS the mailbox's address | WHOSE the members | WHY to find it | UNTIL keep | READERS operator
  mailbox BLOB NOT NULL,
  -- a comment that is no annotation
  -- HOLDS its number | WHOSE the members | WHY order | UNTIL keep | READERS operator, members
  seq INTEGER NOT NULL CHECK (seq > 0),

  -- HOLDS the hour it goes | WHOSE the members | WHY to delete it | UNTIL days:30 | READERS operator
  expires_hour INTEGER NOT NULL,
  PRIMARY KEY (mailbox, seq),
  FOREIGN KEY (mailbox) REFERENCES mailbox (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX envelope_expiry
  ON envelope (expires_hour);
CREATE INDEX other ON envelope (seq);

-- TABLE this server
CREATE TABLE IF NOT EXISTS meta (
  -- HOLDS the number 1 | WHOSE nobody | WHY one row | UNTIL data | READERS operator
  only INTEGER PRIMARY KEY
);
`

func TestParse(t *testing.T) {
	rows, purges, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	wantRows := []Row{
		{"envelope", "mailbox", "the mailbox's address", "the members", "to find it", "keep", "operator"},
		{"envelope", "seq", "its number", "the members", "order", "keep", "operator, members"},
		{"envelope", "expires_hour", "the hour it goes", "the members", "to delete it", "days:30", "operator"},
		{"meta", "only", "the number 1", "nobody", "one row", "data", "operator"},
	}
	if !reflect.DeepEqual(rows, wantRows) {
		t.Errorf("rows %v", rows)
	}
	wantPurges := []Purge{{"envelope", "expires_hour", "days:30", []string{"mailbox", "seq"}, "a sealed envelope"}}
	if !reflect.DeepEqual(purges, wantPurges) {
		t.Errorf("purges %v", purges)
	}
	if rows, purges, err := Parse(""); rows != nil || purges != nil || err != nil {
		t.Errorf("an empty schema gives %v, %v, %v", rows, purges, err)
	}
}

// TestParseRefuses changes one place of the good schema.
func TestParseRefuses(t *testing.T) {
	const seq = "  -- HOLDS its number | WHOSE the members | WHY order | UNTIL keep | READERS operator, members\n"
	const column = "  seq INTEGER NOT NULL CHECK (seq > 0),\n"
	for name, tc := range map[string]struct{ from, to, want string }{
		"no annotation":          {seq, "", "line 9, table envelope, column seq: no annotation"},
		"no column":              {column, "", "line 11, table envelope: an annotation without its column"},
		"no column at the end":   {"  only INTEGER PRIMARY KEY\n", "", "line 24, table meta: an annotation without its column"},
		"constraint for column":  {column, "  UNIQUE (seq),\n", "line 10, table envelope: an annotation without its column"},
		"part missing":           {" | WHY order", "", "table envelope: an annotation has five parts"},
		"part empty":             {"WHY order", "WHY", "part 3 of an annotation is WHY"},
		"parts exchanged":        {"WHOSE the members | WHY order", "WHY order | WHOSE the members", "part 2 of an annotation is WHOSE"},
		"unknown limit":          {"UNTIL days:30", "UNTIL forever", `not "forever"`},
		"limit without number":   {"UNTIL days:30", "UNTIL days:", `not "days:"`},
		"limit of zero":          {"UNTIL days:30", "UNTIL days:0", `not "days:0"`},
		"limit padded":           {"UNTIL days:30", "UNTIL days:030", `not "days:030"`},
		"limit without purge":    {"-- PURGE expires_hour\n", "", "column mailbox: a limit, and no PURGE line"},
		"purge of nothing":       {"-- PURGE expires_hour", "-- PURGE gone", "column gone: PURGE names a column that the table has not"},
		"purge of no limit":      {"UNTIL days:30", "UNTIL spent", "column expires_hour: PURGE names a column without a limit"},
		"purge without key":      {"  PRIMARY KEY (mailbox, seq),\n", "", "needs a primary key"},
		"key of nothing":         {"PRIMARY KEY (mailbox, seq)", "PRIMARY KEY (mailbox, gone)", "column gone: the primary key names"},
		"no TABLE line":          {"-- TABLE this server\n", "", "line 21, table meta: no TABLE line"},
		"TABLE line empty":       {"-- TABLE this server", "-- TABLE", "TABLE says nothing"},
		"TABLE line twice":       {"-- TABLE this server", "-- TABLE this\n-- TABLE server", "two TABLE lines"},
		"TABLE line inside":      {"-- a comment that is no annotation", "-- TABLE inside", "TABLE stands above CREATE TABLE"},
		"TABLE line for nothing": {"CREATE INDEX other", "-- TABLE nothing\nCREATE INDEX other", "without its table"},
		"annotation outside":     {"-- TABLE this server", strings.TrimSpace(seq), "outside of a table"},
		"column twice":           {"  expires_hour INTEGER", "  seq INTEGER", "column seq: this column stands in the table twice"},
		"altered later":          {"CREATE INDEX other ON envelope (seq);", "ALTER TABLE envelope ADD COLUMN sender TEXT;", "only tables and indexes"},
		"a view":                 {"CREATE INDEX other ON envelope (seq);", "CREATE VIEW v AS SELECT 1;", "only tables and indexes"},
		"table from a query":     {"CREATE TABLE IF NOT EXISTS meta (", "CREATE TABLE meta AS SELECT 1;", "write CREATE TABLE name ("},
		"all on one line":        {"CREATE TABLE IF NOT EXISTS meta (", "CREATE TABLE meta (x TEXT, y TEXT);", "write CREATE TABLE name ("},
		"no end":                 {");\n", "", "the statement has no end"},
		"end without semicolon":  {"WITHOUT ROWID;", "WITHOUT ROWID", "a table ends on one line"},
		"column after a key":     {"  PRIMARY KEY (mailbox, seq),", "  PRIMARY KEY (mailbox, seq), hidden TEXT,", "one column a line"},
		"table after a table":    {") STRICT, WITHOUT ROWID;", ") STRICT; CREATE TABLE h (x TEXT);", "a table ends on one line"},
		"table after an index":   {"(seq);", "(seq); CREATE TABLE h (x TEXT);", "a statement ends its line"},
		"two columns on a line":  {"  only INTEGER PRIMARY KEY\n", "  only INTEGER PRIMARY KEY, hidden TEXT\n", "one column a line"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Count(good, tc.from) == 0 {
				t.Fatalf("the good schema lacks %q", tc.from)
			}
			last := strings.LastIndex(good, tc.from)
			bad := good[:last] + tc.to + good[last+len(tc.from):]
			rows, purges, err := Parse(bad)
			if !errors.Is(err, ErrSchema) || rows != nil || purges != nil {
				t.Fatalf("it gives %v, %v, %v", rows, purges, err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("it says %q, want %q in it", err, tc.want)
			}
		})
	}
}

func TestOther(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Other() {
		name := row.Table + " " + row.Column
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		seen[name] = true
		kind, _, found := strings.Cut(row.Table, ":")
		if !found || !slices.Contains([]string{"file", "log", "memory"}, kind) {
			t.Errorf("%s is no file, log or memory", name)
		}
		if !ValidUntil(row.Until) {
			t.Errorf("%s is held until %q", name, row.Until)
		}
		if row.Column == "" || row.Holds == "" || row.Whose == "" || row.Why == "" || row.Readers == "" {
			t.Errorf("%s is silent in a part", name)
		}
	}
}

func TestClaims(t *testing.T) {
	if n := len(Could()) + len(Cannot()) + len(Beyond()); n != len(Claims()) || len(Could()) == 0 || len(Cannot()) == 0 || len(Beyond()) == 0 {
		t.Errorf("%d sentences and %d claims", n, len(Claims()))
	}
	seen := map[string]bool{}
	for _, claim := range Claims() {
		if seen[claim.Text] || len(claim.Text) > 1024 || !strings.HasSuffix(claim.Text, ".") {
			t.Errorf("not a sentence of its own, of at most 1,024 bytes: %q", claim.Text)
		}
		seen[claim.Text] = true
		if place, test, _ := strings.Cut(claim.ProvedBy, "."); place == "" || !strings.HasPrefix(test, "Test") {
			t.Errorf("no proof: %q", claim.ProvedBy)
		}
	}
}

// FuzzParse holds to what is parsed: every row is whole, and every purge has a
// column to go by.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("CREATE TABLE x (\n")
	f.Add("-- TABLE x\nCREATE TABLE x (\n  PRIMARY KEY (,\n);")
	f.Fuzz(func(t *testing.T, schema string) {
		rows, purges, err := Parse(schema)
		if err != nil {
			if !errors.Is(err, ErrSchema) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		for _, r := range rows {
			if r.Table == "" || r.Column == "" || r.Holds == "" || r.Whose == "" || r.Why == "" || r.Readers == "" || !ValidUntil(r.Until) {
				t.Fatalf("row %+v", r)
			}
		}
		for _, p := range purges {
			if !slices.ContainsFunc(rows, func(r Row) bool { return r.Table == p.Table && r.Column == p.Column && r.Until == p.Until }) {
				t.Fatalf("purge %+v", p)
			}
		}
	})
}
