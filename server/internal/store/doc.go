// SPDX-License-Identifier: AGPL-3.0-or-later

// Package store keeps what the server holds, and contains the only SQL of the
// server. What each column holds, and until when, stands above the column in
// schema/*.sql; the purge job takes its limits from there.
//
// All changes go through one goroutine, the writer (Run), which commits many
// operations in one transaction and answers them afterwards: what was answered
// survives a crash. Reads use connections of their own and see what is
// committed. Every table is WITHOUT ROWID, so its rows lie in the order of
// their keys, which says nothing about the order of arrival.
//
// The SQL is kept to what SQLite and PostgreSQL both understand; what is
// SQLite's own stands in open.go, purge.go (checkpoint) and backup.go.
package store
