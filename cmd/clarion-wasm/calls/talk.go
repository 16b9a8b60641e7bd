// SPDX-License-Identifier: AGPL-3.0-or-later

package calls

import (
	"context"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/exposure"
)

// The parameters of calls between people: "talks", since a call here is one of
// this table.
type (
	// Talk names a call between people by its id.
	Talk struct{ Call string }
	// Party is what a media engine brings to a call.
	Party struct {
		Call        string
		Fingerprint string // "sha-256 " and 32 bytes in hex, separated by colons
		Video       bool
	}
)

func (p Party) params() client.CallParams {
	return client.CallParams{Fingerprint: p.Fingerprint, Video: p.Video}
}

func talks() []Entry {
	return []Entry{
		call("startCall", func(ctx context.Context, c *Core, p struct {
			Conversation string
			Fingerprint  string
			Video        bool
		}) (client.Call, error) {
			return c.StartCall(ctx, p.Conversation, client.CallParams{Fingerprint: p.Fingerprint, Video: p.Video})
		}),
		call("answerCall", func(ctx context.Context, c *Core, p Party) (client.Call, error) {
			return c.AnswerCall(ctx, p.Call, p.params())
		}),
		call("resumeCall", func(ctx context.Context, c *Core, p Party) (client.Call, error) {
			return c.ResumeCall(ctx, p.Call, p.params())
		}),
		do("endCall", func(ctx context.Context, c *Core, p Talk) error { return c.EndCall(ctx, p.Call) }),
		do("loseCall", func(ctx context.Context, c *Core, p Talk) error { return c.LoseCall(ctx, p.Call) }),
		do("connectedCall", func(ctx context.Context, c *Core, p Talk) error { return c.ConnectedCall(ctx, p.Call) }),
		do("restartCall", func(ctx context.Context, c *Core, p Talk) error { return c.RestartCall(ctx, p.Call) }),
		do("describeCall", func(ctx context.Context, c *Core, p struct{ Call, SDP string }) error {
			return c.DescribeCall(ctx, p.Call, p.SDP)
		}),
		do("candidateCall", func(ctx context.Context, c *Core, p struct {
			Call      string
			Candidate string
			Mid       string
			Line      int
		}) error {
			return c.CandidateCall(ctx, p.Call, client.CallCandidate{Candidate: p.Candidate, Mid: p.Mid, Line: p.Line})
		}),
		do("tellMedia", func(ctx context.Context, c *Core, p struct {
			Call                 string
			Audio, Video, Screen bool
		}) error {
			return c.TellMedia(ctx, p.Call, client.CallMedia{Audio: p.Audio, Video: p.Video, Screen: p.Screen})
		}),
		do("compareCode", func(ctx context.Context, c *Core, p struct {
			Call string
			Same bool
		}) error {
			return c.CompareCode(ctx, p.Call, p.Same)
		}),
		call("whoCouldHear", func(ctx context.Context, c *Core, p struct {
			Conversation string
			Call         string `core:"optional"`
			Facts        client.CallFacts
		}) (exposure.Report, error) {
			return c.WhoCouldHear(ctx, p.Conversation, p.Call, p.Facts)
		}),
		ask("calls", (*client.Client).Calls),
		call("callHistory", func(ctx context.Context, c *Core, p struct{ Limit int }) ([]client.PastCall, error) {
			return c.CallHistory(ctx, p.Limit)
		}),
	}
}
