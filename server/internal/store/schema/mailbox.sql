-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE a mailbox: the queue of one conversation, or an inbox
-- PURGE forget_hour
CREATE TABLE mailbox (
  -- HOLDS the random address that the members chose; the row goes 31 days after its last use, an inbox with its account | WHOSE the members, whom the server does not know | WHY to find the mailbox | UNTIL days:31 | READERS operator, members
  id BLOB NOT NULL,
  -- HOLDS 1 for the inbox that a directory entry names, else 0 | WHOSE the members | WHY because anyone may put introductions into an inbox | UNTIL days:31 | READERS operator
  inbox INTEGER NOT NULL,
  -- HOLDS 1 when the server was restored from a backup since the mailbox was made, so that it only reads; else 0 | WHOSE the members | WHY so that all members find the same next mailbox from where this one stands | UNTIL days:31 | READERS operator, members
  closed INTEGER NOT NULL,
  -- HOLDS the number of the current MLS epoch, so how often the group's state changed | WHOSE the members | WHY to let exactly one commit win | UNTIL days:31 | READERS operator, members
  epoch INTEGER NOT NULL,
  -- HOLDS the number of envelopes ever appended | WHOSE the members | WHY to number the next one | UNTIL days:31 | READERS operator, members
  head INTEGER NOT NULL,
  -- HOLDS for how many days later envelopes stay | WHOSE the members | WHY to delete them in time | UNTIL days:31 | READERS operator, members
  keep INTEGER NOT NULL,
  -- HOLDS the hour after which the mailbox goes; moved on by use, at most once a day by reading | WHOSE the members | WHY to delete mailboxes that nobody uses | UNTIL days:31 | READERS operator
  forget_hour INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_forget ON mailbox (forget_hour);

-- TABLE an epoch of a mailbox and the hash of the pass that opened it
-- PURGE forget_hour
CREATE TABLE mailbox_epoch (
  -- HOLDS the address of the mailbox | WHOSE the members | WHY to find the epoch | UNTIL days:31 | READERS operator
  mailbox BLOB NOT NULL,
  -- HOLDS the number of the epoch | WHOSE the members | WHY to tell a member which epoch a pass is of | UNTIL days:31 | READERS operator, members
  epoch INTEGER NOT NULL,
  -- HOLDS SHA-256 of the pass | WHOSE the members of that epoch | WHY to know the pass when it is shown | UNTIL days:31 | READERS operator
  pass_hash BLOB NOT NULL,
  -- HOLDS the number of the first envelope of the epoch | WHOSE the members | WHY to know what belongs to the epoch | UNTIL days:31 | READERS operator, members
  first_seq INTEGER NOT NULL,
  -- HOLDS the number of the commit that ended the epoch, 0 while it is current | WHOSE the members | WHY an old pass reads up to that commit | UNTIL days:31 | READERS operator, members
  last_seq INTEGER NOT NULL,
  -- HOLDS the hour after which no envelope of an ended epoch is left | WHOSE the members | WHY to delete the row then | UNTIL days:31 | READERS operator
  forget_hour INTEGER NOT NULL,
  PRIMARY KEY (mailbox, epoch),
  FOREIGN KEY (mailbox) REFERENCES mailbox (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mailbox_epoch_pass ON mailbox_epoch (mailbox, pass_hash);
CREATE INDEX mailbox_epoch_forget ON mailbox_epoch (forget_hour);

-- TABLE a sealed envelope waiting in a mailbox, introductions included
-- PURGE expires_hour
CREATE TABLE envelope (
  -- HOLDS the address of the mailbox | WHOSE the members | WHY to find the envelope | UNTIL keep | READERS operator
  mailbox BLOB NOT NULL,
  -- HOLDS the envelope's number in its mailbox | WHOSE the members | WHY to give envelopes in order | UNTIL keep | READERS operator, members
  seq INTEGER NOT NULL,
  -- HOLDS bytes that the sender derived and nobody else can | WHOSE the sender, whom the server does not know | WHY to make a repeated append harmless | UNTIL keep | READERS operator, members
  id BLOB NOT NULL,
  -- HOLDS the number of the epoch it was appended in | WHOSE the members | WHY to tell readers which keys open it | UNTIL keep | READERS operator, members
  epoch INTEGER NOT NULL,
  -- HOLDS 1 message, 2 commit, 3 introduction | WHOSE the members | WHY because a commit ends the epoch | UNTIL keep | READERS operator, members
  kind INTEGER NOT NULL,
  -- HOLDS SHA-256 of the next epoch's pass for a commit, else nothing | WHOSE the members | WHY to give the commit as it was sent | UNTIL keep | READERS operator, members
  next BLOB NOT NULL,
  -- HOLDS the sealed body, padded to a size class | WHOSE the members | WHY to bring it to members who are away | UNTIL keep | READERS operator sees ciphertext and size class; members read
  body BLOB NOT NULL,
  -- HOLDS the hour after which it is deleted: the hour of arrival plus keep | WHOSE the members | WHY to delete it | UNTIL keep | READERS operator
  expires_hour INTEGER NOT NULL,
  PRIMARY KEY (mailbox, seq),
  FOREIGN KEY (mailbox) REFERENCES mailbox (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX envelope_id ON envelope (mailbox, id);
CREATE INDEX envelope_expiry ON envelope (expires_hour);
