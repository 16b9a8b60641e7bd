-- SPDX-License-Identifier: AGPL-3.0-or-later

-- TABLE what the purge job did in one table in one hour
-- PURGE forget_hour
CREATE TABLE purge_run (
  -- HOLDS the hour of the run | WHOSE the server | WHY to show that purging happens | UNTIL days:90 | READERS operator
  hour INTEGER NOT NULL,
  -- HOLDS the name of the table | WHOSE the server | WHY to say what was purged | UNTIL days:90 | READERS operator
  table_name TEXT NOT NULL,
  -- HOLDS the limit that was applied, as annotated | WHOSE the server | WHY to say why | UNTIL days:90 | READERS operator
  policy TEXT NOT NULL,
  -- HOLDS the earliest hour of deletion among the rows that stayed, 0 for none | WHOSE the server | WHY to show that nothing is past its limit | UNTIL days:90 | READERS operator
  oldest_hour INTEGER NOT NULL,
  -- HOLDS how many rows went | WHOSE the server | WHY to show that purging happens | UNTIL days:90 | READERS operator
  removed INTEGER NOT NULL,
  -- HOLDS the hour after which this row is deleted | WHOSE the server | WHY to delete it | UNTIL days:90 | READERS operator
  forget_hour INTEGER NOT NULL,
  PRIMARY KEY (hour, table_name)
) STRICT, WITHOUT ROWID;
