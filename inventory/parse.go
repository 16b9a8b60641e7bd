// SPDX-License-Identifier: AGPL-3.0-or-later

package inventory

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Row says what one column, file, log or piece of memory holds.
type Row struct {
	Table   string // of the schema, or "file:", "log:", "memory:" and a name
	Column  string
	Holds   string
	Whose   string
	Why     string
	Until   string // in the words of the package comment
	Readers string
}

// Purge says by which column the purge job finds the rows past their limit:
// those whose value, an hour, is not after the present one.
type Purge struct {
	Table  string
	Column string
	Until  string   // the column's own limit, as annotated
	Key    []string // the columns of the primary key, in order
	Rows   string   // what one row of the table is
}

// ErrSchema is in the chain of every error of Parse.
var ErrSchema = errors.New("the schema's annotations are not complete")

// fault is an error at one place of a schema.
type fault struct {
	line          int
	table, column string
	text          string
}

// Error names line, table and column.
func (f *fault) Error() string {
	var at strings.Builder
	at.WriteString("line " + strconv.Itoa(f.line))
	if f.table != "" {
		at.WriteString(", table " + f.table)
	}
	if f.column != "" {
		at.WriteString(", column " + f.column)
	}
	return at.String() + ": " + f.text
}

func (f *fault) Unwrap() error { return ErrSchema }

// Parse reads annotated SQL: CREATE TABLE and CREATE INDEX statements, one
// column or constraint a line. It returns a Row per column, in order, and a
// Purge per table that names one. Any other statement, a column without its
// annotation and an annotation without its column are errors that name line,
// table and column; see ErrSchema.
func Parse(schema string) ([]Row, []Purge, error) {
	p := parser{}
	for line := range strings.Lines(schema) {
		p.number++
		if err := p.line(strings.TrimSpace(line)); err != nil {
			return nil, nil, err
		}
	}
	if p.inTable || p.inIndex {
		return nil, nil, p.fault("the statement has no end")
	}
	if err := p.nothingPending(); err != nil {
		return nil, nil, err
	}
	return p.rows, p.purges, nil
}

// parser is where Parse stands.
//
//	outside ──CREATE TABLE x (──▶ in table ──) …;──▶ outside
//	   └─────CREATE INDEX ──▶ in index ──;──▶ outside
type parser struct {
	number  int
	rows    []Row
	purges  []Purge
	inTable bool
	inIndex bool

	what       string // of the TABLE line above the table to come
	purge      string // of the PURGE line above the table to come
	annotation *Row   // above the column to come
	table      string
	first      int // the table's first row in rows
	key        []string
}

func (p *parser) fault(text string) error {
	return &fault{line: p.number, table: p.table, text: text}
}

func (p *parser) line(line string) error {
	switch {
	case line == "":
		return nil
	case strings.HasPrefix(line, "--"):
		return p.comment(strings.TrimSpace(strings.TrimPrefix(line, "--")))
	case p.inTable:
		return p.inside(line)
	case p.inIndex:
		return p.index(line)
	}
	words := strings.Fields(strings.ToUpper(line))
	switch {
	case len(words) > 1 && words[0] == "CREATE" && words[1] == "TABLE":
		return p.begin(line)
	case len(words) > 1 && words[0] == "CREATE" && (words[1] == "INDEX" || words[1] == "UNIQUE"):
		if err := p.nothingPending(); err != nil {
			return err
		}
		return p.index(line)
	}
	return p.fault("only tables and indexes may stand in a schema, not " + strconv.Quote(line))
}

// comment takes an annotation; any other comment is left alone.
func (p *parser) comment(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "TABLE", "PURGE":
		if p.inTable {
			return p.fault(word + " stands above CREATE TABLE, not inside")
		}
		if strings.TrimSpace(rest) == "" {
			return p.fault(word + " says nothing")
		}
		if word == "TABLE" {
			if p.what != "" {
				return p.fault("two TABLE lines above one table")
			}
			p.what = rest
		} else {
			p.purge = rest
		}
	case "HOLDS":
		if !p.inTable {
			return p.fault("an annotation stands outside of a table")
		}
		if p.annotation != nil {
			return p.fault("an annotation without its column stands above this one")
		}
		row, err := p.annotated(text)
		if err != nil {
			return err
		}
		p.annotation = row
	}
	return nil
}

// annotated reads "HOLDS … | WHOSE … | WHY … | UNTIL … | READERS …".
func (p *parser) annotated(text string) (*Row, error) {
	row := &Row{Table: p.table}
	parts := strings.Split(text, "|")
	labels := []string{"HOLDS", "WHOSE", "WHY", "UNTIL", "READERS"}
	into := []*string{&row.Holds, &row.Whose, &row.Why, &row.Until, &row.Readers}
	if len(parts) != len(labels) {
		return nil, p.fault("an annotation has five parts: " + strings.Join(labels, " | "))
	}
	for i, part := range parts {
		word, rest, _ := strings.Cut(strings.TrimSpace(part), " ")
		if word != labels[i] || strings.TrimSpace(rest) == "" {
			return nil, p.fault("part " + strconv.Itoa(i+1) + " of an annotation is " + labels[i] + " and what it says")
		}
		*into[i] = strings.TrimSpace(rest)
	}
	if !ValidUntil(row.Until) {
		return nil, p.fault("UNTIL is account, keep, hours:N, days:N, spent, run or data, not " + strconv.Quote(row.Until))
	}
	return row, nil
}

// begin takes CREATE TABLE name (.
func (p *parser) begin(line string) error {
	name, ok := strings.CutSuffix(line, "(")
	words := strings.Fields(name)
	if len(words) == 6 && strings.EqualFold(strings.Join(words[2:5], " "), "if not exists") {
		words = append(words[:2], words[5])
	}
	if !ok || len(words) != 3 {
		return p.fault("write CREATE TABLE name ( on a line of its own")
	}
	p.table, p.inTable, p.first, p.key = words[2], true, len(p.rows), nil
	if p.what == "" {
		return p.fault("no TABLE line above says what one row is")
	}
	return nil
}

// index passes over a line of an index, which holds nothing of its own.
func (p *parser) index(line string) error {
	before, after, ended := strings.Cut(line, ";")
	p.inIndex = !ended
	if after != "" || strings.Contains(before, "--") {
		return p.fault("a statement ends its line")
	}
	return nil
}

// severalOn reports whether a line of a table holds more than one column or
// constraint: a comma, but for the last, outside of parentheses.
func severalOn(line string) bool {
	depth := 0
	for _, r := range strings.TrimSuffix(line, ",") {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',', ';':
			if depth <= 0 {
				return true
			}
		}
	}
	return false
}

// inside takes a column, a constraint or the end of a table.
func (p *parser) inside(line string) error {
	if strings.HasPrefix(line, ")") {
		return p.end(line)
	}
	if severalOn(line) {
		return p.fault("one column a line, and nothing behind it, not " + strconv.Quote(line))
	}
	word := line[:strings.IndexFunc(line+" ", func(r rune) bool { return r == ' ' || r == '(' })]
	switch strings.ToUpper(word) {
	case "PRIMARY":
		_, list, _ := strings.Cut(line, "(")
		list, _, _ = strings.Cut(list, ")")
		for column := range strings.SplitSeq(list, ",") {
			p.key = append(p.key, strings.TrimSpace(column))
		}
		return p.nothingPending()
	case "FOREIGN", "UNIQUE", "CHECK", "CONSTRAINT":
		return p.nothingPending()
	}
	if p.annotation == nil {
		return &fault{p.number, p.table, word, "no annotation above this column"}
	}
	if has(p.rows[p.first:], word) {
		return &fault{p.number, p.table, word, "this column stands in the table twice"}
	}
	p.annotation.Column = word
	p.rows = append(p.rows, *p.annotation)
	p.annotation = nil
	if strings.Contains(strings.ToUpper(line), " PRIMARY KEY") {
		p.key = []string{word}
	}
	return nil
}

// end closes a table and holds its limits to its PURGE line.
func (p *parser) end(line string) error {
	if strings.Index(line, ";") != len(line)-1 {
		return p.fault("a table ends on one line, with a semicolon")
	}
	if p.annotation != nil {
		return p.fault("an annotation without its column stands above")
	}
	columns := p.rows[p.first:]
	if len(columns) == 0 {
		return p.fault("the table has no column")
	}
	for _, row := range columns {
		if limited(row.Until) && p.purge == "" {
			return &fault{p.number, p.table, row.Column, "a limit, and no PURGE line above the table that enforces it"}
		}
	}
	if p.purge != "" {
		if err := p.addPurge(columns); err != nil {
			return err
		}
	}
	p.inTable, p.what, p.purge, p.table = false, "", "", ""
	return nil
}

func (p *parser) addPurge(columns []Row) error {
	at := slices.IndexFunc(columns, func(r Row) bool { return r.Column == p.purge })
	if at < 0 {
		return &fault{p.number, p.table, p.purge, "PURGE names a column that the table has not"}
	}
	if !limited(columns[at].Until) {
		return &fault{p.number, p.table, p.purge, "PURGE names a column without a limit in time"}
	}
	for _, column := range p.key {
		if !has(columns, column) {
			return &fault{p.number, p.table, column, "the primary key names a column that the table has not"}
		}
	}
	if len(p.key) == 0 {
		return p.fault("a table that is purged needs a primary key")
	}
	p.purges = append(p.purges, Purge{p.table, p.purge, columns[at].Until, p.key, p.what})
	return nil
}

// nothingPending refuses an annotation that nothing followed.
func (p *parser) nothingPending() error {
	switch {
	case p.annotation != nil:
		return p.fault("an annotation without its column stands above")
	case !p.inTable && (p.what != "" || p.purge != ""):
		return p.fault("a TABLE or PURGE line without its table stands above")
	}
	return nil
}

func has(columns []Row, name string) bool {
	return slices.ContainsFunc(columns, func(r Row) bool { return r.Column == name })
}

// limited reports whether until is a limit in time that a job must enforce.
func limited(until string) bool {
	return until == "keep" || strings.HasPrefix(until, "hours:") || strings.HasPrefix(until, "days:")
}

// ValidUntil reports whether until is one of the words of the package comment.
func ValidUntil(until string) bool {
	switch until {
	case "account", "keep", "spent", "run", "data":
		return true
	}
	unit, number, found := strings.Cut(until, ":")
	n, err := strconv.Atoi(number)
	return found && (unit == "hours" || unit == "days") && err == nil && n > 0 && strconv.Itoa(n) == number
}
