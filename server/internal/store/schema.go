// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"embed"
	"fmt"
	"strings"
)

// SchemaVersion is the version of the tables that this program reads and
// writes. Data of another version is refused, never guessed at.
const SchemaVersion = 1

//go:embed schema/*.sql
var schemaFiles embed.FS

// schemaNames is the order in which the files must run.
func schemaNames() []string {
	return []string{"meta.sql", "account.sql", "mailbox.sql", "introduction.sql", "purge.sql"}
}

// Schema returns the annotated SQL text of each file, by file name.
func Schema() map[string]string {
	all := make(map[string]string)
	for _, name := range schemaNames() {
		b, err := schemaFiles.ReadFile("schema/" + name)
		if err != nil {
			panic("store: embedded schema lacks " + name)
		}
		all[name] = string(b)
	}
	return all
}

// limit is one line of the purge job: rows of table whose column holds an hour
// that is not after the present one are deleted.
type limit struct {
	table  string
	column string
	policy string   // the UNTIL of the column, as annotated
	key    []string // the primary key's columns
}

// limits reads the purge job's list from the annotations of the schema.
func limits() ([]limit, error) {
	var all []limit
	for _, name := range schemaNames() {
		found, err := parseLimits(Schema()[name])
		if err != nil {
			return nil, fmt.Errorf("schema/%s: %w", name, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseLimits reads one schema file: "-- PURGE column" above CREATE TABLE, the
// UNTIL of that column, and the primary key.
func parseLimits(text string) ([]limit, error) {
	var all []limit
	var now limit
	until := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "-- PURGE "):
			now = limit{column: strings.TrimSpace(strings.TrimPrefix(line, "-- PURGE "))}
		case strings.HasPrefix(line, "CREATE TABLE "):
			now.table = strings.Fields(line)[2]
		case strings.HasPrefix(line, "-- HOLDS "):
			_, rest, _ := strings.Cut(line, "| UNTIL ")
			until, _, _ = strings.Cut(rest, " |")
		case now.column != "" && strings.HasPrefix(line, now.column+" "):
			now.policy = until
		case strings.HasPrefix(line, "PRIMARY KEY ("):
			list, _, _ := strings.Cut(strings.TrimPrefix(line, "PRIMARY KEY ("), ")")
			for column := range strings.SplitSeq(list, ",") {
				now.key = append(now.key, strings.TrimSpace(column))
			}
		case strings.HasPrefix(line, ") STRICT"):
			if now.column != "" && (now.table == "" || now.policy == "" || len(now.key) == 0) {
				return nil, fmt.Errorf("the annotations of table %q do not say what to purge", now.table)
			}
			if now.column != "" {
				all = append(all, now)
			}
			now = limit{}
		}
	}
	return all, nil
}
