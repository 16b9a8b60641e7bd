-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE what was sent into a room of the bare relay, while it is measured
CREATE TABLE frame (
  -- HOLDS the number of the room | WHOSE nobody: the measurement makes it up | WHY to find what was sent there | UNTIL data | READERS whoever measures
  room INTEGER NOT NULL,
  -- HOLDS the place in the room | WHOSE nobody | WHY to read in order | UNTIL data | READERS whoever measures
  seq INTEGER NOT NULL,
  -- HOLDS what was sent | WHOSE nobody | WHY as a message server would | UNTIL data | READERS whoever measures
  body BLOB NOT NULL,
  PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
