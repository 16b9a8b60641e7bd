// SPDX-License-Identifier: AGPL-3.0-or-later

// Package exposure says who could hear a call and who can see what, from facts
// that others gathered. It trusts no fact that is missing: what is not known
// counts as the worst that it could be.
//
//	facts ─▶ Of ─▶ Report: headline, path, people, onlookers
//	                 │ each a Claim: code, arguments, tense, test
//	                 ▼
//	         Sentence (English, for terminals and public pages)
//	         web/messages/en/exposure.json, written from the same words
//
// Every claim names the test that fails when it stops being true; Proofs lists
// them, and Awaited those that are still to be written, with the reason. Table
// is the same for every feature and party, without a call.
//
// Three tenses are kept apart: what a party sees or holds now, what it could do
// or record from now on, and what it cannot.
package exposure
