// SPDX-License-Identifier: AGPL-3.0-or-later

// Command claims tries the tests that the sentences of package exposure stand
// on: it breaks, in a copy of the tree, one place after the other that makes or
// enforces a fact, and demands that the test which the sentence names fails.
// A test that passes all the same proves nothing, and neither does the sentence.
//
//	ok      host_could_hear: client/callrecord.go broken, client.TestSwappedFingerprint fails (4 s)
//	UNSEEN  …  the test passes
//	FAULT   …  the edit does not fit, does not build, or the test fails unbroken
//	claims: 14 broken, 14 seen
//
// The table is in table.go: a new fact is a new line there. Each test runs once
// on the copy as it is, and must pass.
//
// Exit status: 0 every break was seen; 1 one was not, or nothing ran; 2 usage.
//
// With -fact PATTERN only the facts that match are broken; -limit TIME bounds
// one run of a test, -total TIME all of them.
package main
