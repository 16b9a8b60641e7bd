// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"

	"clarion.chat/clarion/client"
)

type conversationsCommand struct{}

// Help explains the command.
func (conversationsCommand) Help() string {
	return `Lists your conversations with what is unread. The id, or enough of its beginning, the name, or the other person's handle name a conversation on the command line.

Example:

    $ clarion conversations`
}

// Run carries out the command.
func (*conversationsCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		list, err := c.Conversations(ctx)
		if err != nil {
			return err
		}
		if inv.json {
			for _, v := range list {
				if err := writeJSON(inv.out, shapeConversation(v)); err != nil {
					return err
				}
			}
			return nil
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(inv.out, "No conversations yet. `clarion invite` or `clarion accept` begin one.")
			return err
		}
		rows := make([][]string, len(list))
		for i, v := range list {
			rows[i] = []string{short(v.ID), v.Name, unreadText(v), membersText(v), standingText(v)}
		}
		return table(inv.out, rows, func(row, column int, cell string) string {
			switch {
			case column == 2 && list[row].Unread > 0:
				return inv.style.strong(cell)
			case column == 4:
				return inv.style.look(cell)
			case column == 0 || column == 3:
				return inv.style.dim(cell)
			}
			return cell
		})
	})
}

func unreadText(v client.Conversation) string {
	var parts []string
	if v.Unread > 0 {
		parts = append(parts, fmt.Sprintf("%d unread", v.Unread))
	}
	if v.Queued > 0 {
		parts = append(parts, fmt.Sprintf("%d on the way", v.Queued))
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func membersText(v client.Conversation) string {
	if v.Direct {
		return "two people"
	}
	return people(len(v.Members))
}

func people(n int) string {
	if n == 1 {
		return "one person"
	}
	return fmt.Sprintf("%d people", n)
}

// standingText says what keeps one from writing in a conversation, or nothing.
func standingText(v client.Conversation) string {
	switch v.State {
	case client.ConversationRemoved:
		return "you were removed"
	case client.ConversationLeft:
		return "you left"
	case client.ConversationEnded:
		return "the other left"
	}
	return v.Problem
}

type historyCommand struct {
	Conversation string `arg:"" help:"Its id, name or handle."`
}

// Help explains the command.
func (historyCommand) Help() string {
	return `Prints what this device holds of a conversation, oldest first. It marks nothing as read. With --json each line is as listen prints an arrived message.

Example:

    $ clarion history omar`
}

// Run carries out the command.
func (cmd *historyCommand) Run(ctx context.Context, inv *invocation) error {
	return inv.use(ctx, func(ctx context.Context, c *client.Client) error {
		v, err := c.Find(ctx, cmd.Conversation)
		if err != nil {
			return err
		}
		list, err := c.History(ctx, v.ID)
		if err != nil {
			return err
		}
		for _, m := range list {
			if inv.json {
				err = writeJSON(inv.out, shapeMessage(m))
			} else {
				_, err = fmt.Fprintln(inv.out, inv.messageText("", m))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// messageText writes a message for a person. Where names the conversation and
// is empty where that is plain.
func (inv *invocation) messageText(where string, m client.Message) string {
	at := moment(m.At)
	margin := strings.Repeat(" ", len(at)+2)
	who := "you"
	if !m.Own {
		who = line(m.From.String()) + " (" + inv.style.checkedPaint(m.Checked, howChecked(m.Checked)) + ")"
	}
	if where != "" {
		who += " in " + line(where)
	}
	text := inv.style.dim(at) + "  " + who + ": " + block(m.Text, margin)
	if m.Own {
		text += inv.style.dim("  [" + stateText(m.State) + "]")
	}
	return text
}

func stateText(s client.MessageState) string {
	switch s {
	case client.StateQueued:
		return "on the way"
	case client.StateFailed:
		return "not sent"
	}
	return string(s)
}
