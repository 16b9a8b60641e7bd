-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE this data folder itself; one row
CREATE TABLE meta (
  -- HOLDS the number 1 | WHOSE nobody | WHY to keep the table at one row | UNTIL data | READERS operator
  only_row INTEGER NOT NULL CHECK (only_row = 1),
  -- HOLDS the version of these tables | WHOSE the server | WHY to refuse data of another version | UNTIL data | READERS operator
  schema_version INTEGER NOT NULL,
  -- HOLDS random bytes, new after every restore | WHOSE the server | WHY to tell clients that envelopes may be missing | UNTIL data | READERS operator, anyone who connects
  incarnation BLOB NOT NULL,
  -- HOLDS the incarnations before, 16 bytes each, oldest first; at most 64 | WHOSE the server | WHY so that members who slept through several restores find each other | UNTIL data | READERS operator, anyone who connects
  line BLOB NOT NULL,
  -- HOLDS the host that handles on this server bear | WHOSE the server | WHY so that it never changes under its accounts | UNTIL data | READERS operator, anyone who connects
  host TEXT NOT NULL,
  -- HOLDS the seed of the Ed25519 key that signs answers about holdings | WHOSE the server | WHY to sign them | UNTIL data | READERS operator
  server_seed BLOB NOT NULL,
  -- HOLDS the random key of the tombstones | WHOSE the server | WHY so that a list of deleted names cannot be guessed without it | UNTIL data | READERS operator
  tombstone_key BLOB NOT NULL,
  PRIMARY KEY (only_row)
) STRICT, WITHOUT ROWID;
