-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE an invite that an account laid into its own inbox
-- PURGE forget_hour
CREATE TABLE inbox_invite (
  -- HOLDS the address of the inbox | WHOSE the person | WHY to find the invite | UNTIL days:61 | READERS operator
  inbox BLOB NOT NULL,
  -- HOLDS SHA-256 of a token that says nothing of the link's secret | WHOSE the person | WHY to know the invite when it is used | UNTIL days:61 | READERS operator
  token_hash BLOB NOT NULL,
  -- HOLDS the hour after which the invite is refused | WHOSE the person | WHY to let invites expire | UNTIL days:61 | READERS operator
  expires_hour INTEGER NOT NULL,
  -- HOLDS the hour after which the row is deleted; until then a late user is told "expired" or "used" | WHOSE the person | WHY to delete it | UNTIL days:61 | READERS operator
  forget_hour INTEGER NOT NULL,
  -- HOLDS 1 when the invite was used, else 0; not by whom | WHOSE the person | WHY to let an invite be used once | UNTIL days:61 | READERS operator
  used INTEGER NOT NULL,
  PRIMARY KEY (inbox, token_hash),
  FOREIGN KEY (inbox) REFERENCES mailbox (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_invite_forget ON inbox_invite (forget_hour);
