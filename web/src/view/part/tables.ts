// SPDX-License-Identifier: AGPL-3.0-or-later
import { m } from '../../paraglide/messages.js'

const labels: Record<string, () => string> = {
  account: m.table_account,
  device: m.table_device,
  directory_entry: m.table_directory_entry,
  key_package: m.table_key_package,
  recovery_blob: m.table_recovery_blob,
  tombstone: m.table_tombstone,
  registration_invite: m.table_registration_invite,
  mailbox: m.table_mailbox,
  mailbox_epoch: m.table_mailbox_epoch,
  envelope: m.table_envelope,
  inbox_invite: m.table_inbox_invite,
}

/** tableName is what people call a table of the server's; one that no word
 *  is known for keeps its own. */
export const tableName = (table: string): string => labels[table]?.() ?? table
