-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE an account of this server
CREATE TABLE account (
  -- HOLDS the chosen name | WHOSE the person | WHY to be found by contacts | UNTIL account | READERS operator, anyone who asks
  name TEXT NOT NULL,
  -- HOLDS the address of the inbox that the newest directory entry names | WHOSE the person | WHY to bring introductions | UNTIL account | READERS operator, anyone who asks
  inbox BLOB NOT NULL,
  PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

-- TABLE a device that the newest directory entry of an account names
CREATE TABLE device (
  -- HOLDS the name of the account | WHOSE the person | WHY to know whose device it is | UNTIL account | READERS operator, anyone who asks
  name TEXT NOT NULL,
  -- HOLDS the device's public key, as in the directory entry | WHOSE the person | WHY to let the device sign in | UNTIL account | READERS operator, anyone who asks
  device_key BLOB NOT NULL,
  PRIMARY KEY (name, device_key),
  FOREIGN KEY (name) REFERENCES account (name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- TABLE a signed entry of an account's directory chain
CREATE TABLE directory_entry (
  -- HOLDS the name of the account | WHOSE the person | WHY to find the chain | UNTIL account | READERS operator, anyone who asks
  name TEXT NOT NULL,
  -- HOLDS the entry's place in the chain, from 0 | WHOSE the person | WHY to give the chain in order | UNTIL account | READERS operator, anyone who asks
  seq INTEGER NOT NULL,
  -- HOLDS public keys, inbox, device keys and the hour, signed by the person | WHOSE the person | WHY to let contacts check keys | UNTIL account | READERS operator, anyone who asks
  entry BLOB NOT NULL,
  PRIMARY KEY (name, seq),
  FOREIGN KEY (name) REFERENCES account (name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- TABLE a key package that a contact may take to add a device to a group
-- PURGE expires_hour
CREATE TABLE key_package (
  -- HOLDS the name of the account | WHOSE the person | WHY to find the packages of an account | UNTIL days:90 | READERS operator
  name TEXT NOT NULL,
  -- HOLDS the public key of the device that made it | WHOSE the person | WHY to give one of each device | UNTIL days:90 | READERS operator
  device_key BLOB NOT NULL,
  -- HOLDS 1 when it is given once the others are spent, else 0 | WHOSE the person | WHY to stay reachable | UNTIL days:90 | READERS operator
  last_resort INTEGER NOT NULL,
  -- HOLDS random bytes | WHOSE nobody | WHY to tell rows apart without saying which came first | UNTIL days:90 | READERS operator
  id BLOB NOT NULL,
  -- HOLDS the key package: public keys, signed by the device; gone as soon as it is taken | WHOSE the person | WHY to start conversations while the person is away | UNTIL days:90 | READERS operator, whoever takes it
  body BLOB NOT NULL,
  -- HOLDS the hour after which it is deleted | WHOSE the person | WHY to delete it | UNTIL days:90 | READERS operator
  expires_hour INTEGER NOT NULL,
  PRIMARY KEY (name, device_key, last_resort, id),
  FOREIGN KEY (name, device_key) REFERENCES device (name, device_key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX key_package_expiry ON key_package (expires_hour);

-- TABLE a recovery blob, sealed to the recovery key
CREATE TABLE recovery_blob (
  -- HOLDS the name of the account | WHOSE the person | WHY to give the blob back | UNTIL account | READERS operator
  name TEXT NOT NULL,
  -- HOLDS a rising number that the person's devices choose | WHOSE the person | WHY to keep the newest | UNTIL account | READERS operator
  version INTEGER NOT NULL,
  -- HOLDS contacts, settings and conversations, sealed: only the recovery words open it | WHOSE the person | WHY to come back after losing every device | UNTIL account | READERS operator sees ciphertext and size class
  body BLOB NOT NULL,
  PRIMARY KEY (name),
  FOREIGN KEY (name) REFERENCES account (name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- TABLE a name that was deleted and is never given again
CREATE TABLE tombstone (
  -- HOLDS HMAC-SHA256 of the name under the tombstone key; the name itself is gone | WHOSE the person who was | WHY so that nobody can take the name and pass for that person | UNTIL data | READERS operator, who can test a name but not list names
  name_mac BLOB NOT NULL,
  PRIMARY KEY (name_mac)
) STRICT, WITHOUT ROWID;

-- TABLE a code with which one person may register
-- PURGE forget_hour
CREATE TABLE registration_invite (
  -- HOLDS SHA-256 of the code | WHOSE whoever got the code | WHY to know the code when it is used | UNTIL days:120 | READERS operator
  code_hash BLOB NOT NULL,
  -- HOLDS the hour after which the code is refused | WHOSE whoever got the code | WHY to let codes expire | UNTIL days:120 | READERS operator
  expires_hour INTEGER NOT NULL,
  -- HOLDS the hour after which the row is deleted; until then a late user is told "expired" or "used" | WHOSE whoever got the code | WHY to delete it | UNTIL days:120 | READERS operator
  forget_hour INTEGER NOT NULL,
  -- HOLDS 1 when the code was used, else 0; not by whom | WHOSE whoever got the code | WHY to let a code be used once | UNTIL days:120 | READERS operator
  used INTEGER NOT NULL,
  PRIMARY KEY (code_hash)
) STRICT, WITHOUT ROWID;
