// SPDX-License-Identifier: AGPL-3.0-or-later

// Package call is the native media engine of a call: WebRTC by pion, with an
// Ogg/Opus file in place of a microphone and another in place of a speaker. It
// stands outside the client core, which agrees on calls and knows no media.
package call
