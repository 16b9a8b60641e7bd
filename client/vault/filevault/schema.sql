-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE one record of the client's own state
CREATE TABLE record (
  -- HOLDS the record's name | WHOSE the device's owner | WHY to find it again | UNTIL spent | READERS whoever reads the vault's folder
  key   BLOB NOT NULL PRIMARY KEY,
  -- HOLDS what the record holds, sealed with DIR/key | WHOSE the device's owner | WHY it is the client's state | UNTIL spent | READERS whoever reads the vault's folder
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- TABLE the one row that tells the right key from another
CREATE TABLE seal (
  -- HOLDS the number 1 | WHOSE nobody's | WHY there is one row | UNTIL data | READERS whoever reads the vault's folder
  only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
  -- HOLDS SHA-256 of a label and the sealing key | WHOSE the device's owner | WHY another key is refused before anything is written | UNTIL data | READERS whoever reads the vault's folder
  proof BLOB NOT NULL
) STRICT, WITHOUT ROWID;
