// SPDX-License-Identifier: AGPL-3.0-or-later

// Package clariontest runs a real server and any number of real clients in one
// process, on the loopback interface, for tests: the server as it ships over
// real SQLite and real sockets, the clients with vaults in memory that a test
// can copy, restore and make fail.
package clariontest
