// SPDX-License-Identifier: AGPL-3.0-or-later

// Package inventory says what a server holds, whose it is, why, until when and
// who can read it. The schemas say it themselves, in one line above each
// column, and Parse refuses a schema in which a column is silent:
//
//	-- TABLE a sealed envelope waiting in a mailbox
//	-- PURGE expires_hour
//	CREATE TABLE envelope (
//	  -- HOLDS … | WHOSE … | WHY … | UNTIL keep | READERS …
//	  mailbox BLOB NOT NULL,
//
// UNTIL is one of
//
//	account   the account is deleted
//	keep      the mailbox's own limit, which its members chose
//	hours:N   N hours at the longest
//	days:N    N days at the longest
//	spent     it was used
//	run       the process or the connection ends
//	data      the data folder is deleted
//
// A table with a column until keep, hours or days needs a PURGE line: a limit
// that nothing enforces is refused. What stands in no schema (files, logs,
// memory) is listed by Other in the same form, and Claims lists the sentences
// about what an operator could and cannot give, each with the test that fails
// when it stops being true.
package inventory
