// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Calls } from './generated'

/**
 * Calls that may be carried out twice without harm: they read, they set what
 * was set already, or they bear an id that the core knows. When the core
 * moves to another tab in the middle of one, it is asked again; any other
 * call is given back to the person.
 */
export const repeatable: ReadonlySet<string> = new Set<keyof Calls>([
  'whoAmI',
  'sheet',
  'forgetSheet',
  'checkSheet',
  'passphrase',
  'contacts',
  'block',
  'unblock',
  'conversations',
  'find',
  'history',
  'historyPage',
  'message',
  'unread',
  'holdings',
  'conversationHoldings',
  'devices',
  'safetyDigits',
  'draft',
  'setDraft',
  'drafts',
  'setting',
  'setSetting',
  'markRead',
  'marks',
  'setMarks',
  'typing',
  'queue',
  'listen',
  'flush',
  'flushConversation',
  'calls',
  'callHistory',
  'whoCouldHear',
  'relayServers',
  'connectedCall',
  'restartCall',
  'candidateCall',
  'tellMedia',
  'compareCode',
  'loseCall',
])
