// SPDX-License-Identifier: AGPL-3.0-or-later

package clariontest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// table is what `SELECT *` gives of one table, in the order it gives it.
type table struct {
	name    string
	columns []string
	key     []int // columns of the primary key
	rows    [][]any
}

// dump reads every table of a database file that no server holds.
func dump(t *testing.T, file string) []table {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := column[string](t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	var all []table
	for _, name := range names {
		tb := table{name: name, columns: column[string](t, db, `SELECT name FROM pragma_table_info('`+name+`') ORDER BY cid`)}
		for _, c := range column[string](t, db, `SELECT name FROM pragma_table_info('`+name+`') WHERE pk > 0 ORDER BY pk`) {
			tb.key = append(tb.key, slices.Index(tb.columns, c))
		}
		rows, err := db.Query(`SELECT * FROM ` + name)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			cells := make([]any, len(tb.columns))
			into := make([]any, len(cells))
			for i := range cells {
				into[i] = &cells[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			tb.rows = append(tb.rows, cells)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		all = append(all, tb)
	}
	return all
}

func column[T any](t *testing.T, db *sql.DB, query string) []T {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// normal is a dump in a form in which two dumps are equal exactly when one can
// be turned into the other by giving its random bytes other values.
//
// Numbers and texts stand as they are. A byte string is opaque: what counts is
// its length and everything it stands in: the rows, and the byte strings that
// contain it or are its SHA-256. Each gets a colour from that, refined until
// colours tell apart what the structure tells apart; a value that stands both
// in a row about an account and in a row about a mailbox joins their colours.
//
// The order of rows says nothing when it is the order of the primary key,
// which is in the rows already. Any other order (of insertion, say) is
// information, so the place becomes part of the row.
func normal(tables []table) []string {
	tokens := map[string]string{} // byte string to colour
	var rows []normalRow
	for _, tb := range tables {
		ordered := slices.IsSortedFunc(tb.rows, tb.byKey)
		for place, cells := range tb.rows {
			r := normalRow{table: tb.name, columns: tb.columns, cells: cells}
			if !ordered {
				r.columns, r.cells = append(slices.Clone(tb.columns), "place"), append(slices.Clone(cells), place)
			}
			for _, c := range cells {
				if b, ok := c.([]byte); ok {
					tokens[string(b)] = fmt.Sprintf("%d bytes", len(b))
				}
			}
			rows = append(rows, r)
		}
	}
	rows = append(rows, derived(tokens)...)
	for range 8 {
		seen := map[string][]string{}
		for _, r := range rows {
			line := r.text(tokens)
			for i, c := range r.cells {
				if b, ok := c.([]byte); ok {
					seen[string(b)] = append(seen[string(b)], fmt.Sprint(i, " in ", line))
				}
			}
		}
		next := map[string]string{}
		for b, was := range tokens {
			slices.Sort(seen[b])
			sum := sha256.Sum256([]byte(was + "\n" + strings.Join(seen[b], "\n")))
			next[b] = fmt.Sprintf("%d bytes %s", len(b), hex.EncodeToString(sum[:6]))
		}
		tokens = next
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, r.text(tokens))
	}
	slices.Sort(lines)
	return lines
}

type normalRow struct {
	table   string
	columns []string
	cells   []any
}

func (r *normalRow) text(tokens map[string]string) string {
	out := r.table
	for i, c := range r.cells {
		if b, ok := c.([]byte); ok {
			out += fmt.Sprintf(" | %s %s", r.columns[i], tokens[string(b)])
		} else {
			out += fmt.Sprintf(" | %s %v", r.columns[i], c)
		}
	}
	return out
}

// byKey compares two rows as the primary key orders them.
func (tb *table) byKey(a, b []any) int {
	for _, i := range tb.key {
		var c int
		switch x := a[i].(type) {
		case []byte:
			c = bytes.Compare(x, b[i].([]byte))
		case string:
			c = cmp.Compare(x, b[i].(string))
		case int64:
			c = cmp.Compare(x, b[i].(int64))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// derived finds byte strings that say something of one another: one contains
// the other, or is its hash.
func derived(tokens map[string]string) []normalRow {
	var rows []normalRow
	for a := range tokens {
		if len(a) < 8 {
			continue
		}
		sum := sha256.Sum256([]byte(a))
		if _, there := tokens[string(sum[:])]; there {
			rows = append(rows, normalRow{"hash", []string{"of", "is"}, []any{[]byte(a), sum[:]}})
		}
		for b := range tokens {
			if len(b) > len(a) && strings.Contains(b, a) {
				rows = append(rows, normalRow{"contained", []string{"part", "whole"}, []any{[]byte(a), []byte(b)}})
			}
		}
	}
	return rows
}

// difference shows where two normal forms differ, empty when they do not.
func difference(a, b []string) string {
	left := map[string]int{}
	for _, line := range a {
		left[line]++
	}
	var out []string
	for _, line := range b {
		if left[line]--; left[line] < 0 {
			out = append(out, "only in the second: "+line)
		}
	}
	for line, n := range left {
		if n > 0 {
			out = append(out, "only in the first:  "+line)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
