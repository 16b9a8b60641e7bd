// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strings"

	"clarion.chat/clarion/inventory"
)

// SchemaVersion is the version of the tables that this program reads and
// writes. Data of version 1 are brought up to it; those of any other are
// refused, never guessed at.
const SchemaVersion = 2

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

// opened is a database, or one connection of it.
type opened interface {
	queryer
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

// upgrade makes data of version 1 data of this version: the row of meta gains
// the line of incarnations, empty. What else there is stays as it is; readMeta
// names it.
func upgrade(db opened) error {
	ctx := context.Background()
	var version int
	err := db.QueryRowContext(ctx, `SELECT schema_version FROM meta`).Scan(&version)
	if err != nil || version != 1 {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var incarnation, seed, key []byte
	var host string
	err = tx.QueryRow(`SELECT incarnation, host, server_seed, tombstone_key FROM meta`).Scan(&incarnation, &host, &seed, &key)
	if err != nil {
		return err
	}
	for _, statement := range []string{`DROP TABLE meta`, Schema()["meta.sql"]} {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	if err := putRow(tx, incarnation, host, seed, key); err != nil {
		return err
	}
	return tx.Commit()
}

// postgres returns the text of a schema file as PostgreSQL takes it. Only what
// makes tables has two dialects; every other statement of this package is one
// text for both. The differences:
//
//	STRICT, WITHOUT ROWID   dropped: PostgreSQL is strict, and its rows have no id
//	BLOB                    BYTEA
//	INTEGER                 BIGINT: SQLite's has 64 bits
//	TEXT                    TEXT COLLATE "C": compared by bytes, as SQLite does
func postgres(ddl string) string {
	words := strings.NewReplacer(" STRICT, WITHOUT ROWID;", ";", " BLOB ", " BYTEA ", " INTEGER ", " BIGINT ", " TEXT ", ` TEXT COLLATE "C" `)
	var b strings.Builder
	for line := range strings.Lines(ddl) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			line = words.Replace(line)
		}
		b.WriteString(line)
	}
	return b.String()
}

// Inventory returns what each column holds, and the purge job's list, both
// from the annotations.
func Inventory() ([]inventory.Row, []inventory.Purge, error) {
	var rows []inventory.Row
	var limits []inventory.Purge
	texts := Schema()
	for _, name := range schemaNames() {
		r, p, err := inventory.Parse(texts[name])
		if err != nil {
			return nil, nil, fmt.Errorf("schema/%s: %w", name, err)
		}
		rows, limits = append(rows, r...), append(limits, p...)
	}
	return rows, limits, nil
}
