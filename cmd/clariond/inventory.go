// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"

	"clarion.chat/clarion/server"
)

// inventoryCommand lists what a server holds.
type inventoryCommand struct{}

// Help is shown by inventory --help.
func (inventoryCommand) Help() string {
	return `Each column of every table, each file, log and piece of memory: what it holds, whose it is, why, until when,
and who can read it. The list is read from the schema that the server itself runs on, and the purge job
takes its limits from the same lines. It needs no data.

UNTIL: account, the account is deleted; keep, the mailbox's own limit; hours:N and days:N, at the longest;
spent, it was used; run, the process or connection ends; data, the data folder is deleted.

Example:
  clariond inventory --json | jq -r '.[] | select(.until == "keep") | .table + "." + .column'`
}

// row is a line of the inventory as JSON.
type row struct {
	Table   string `json:"table"`
	Column  string `json:"column"`
	Holds   string `json:"holds"`
	Whose   string `json:"whose"`
	Why     string `json:"why"`
	Until   string `json:"until"`
	Readers string `json:"readers"`
}

// Run prints the inventory.
func (inventoryCommand) Run(inv *invocation) error {
	all, err := server.Inventory()
	if err != nil {
		return err
	}
	rows := make([]row, len(all))
	for i, r := range all {
		rows[i] = row(r)
	}
	if inv.json {
		enc := json.NewEncoder(inv.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	table := ""
	for _, r := range rows {
		if r.Table != table {
			table = r.Table
			fmt.Fprintf(inv.out, "\n%s\n", table)
		}
		fmt.Fprintf(inv.out, "  %-14s %s\n", r.Column, r.Holds)
		fmt.Fprintf(inv.out, "  %-14s %s, %s; until %s; read by %s\n", "", "of "+r.Whose, r.Why, r.Until, r.Readers)
	}
	return nil
}
