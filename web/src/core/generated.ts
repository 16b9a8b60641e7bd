// SPDX-License-Identifier: AGPL-3.0-or-later

// Written by go run ./web/gen from cmd/clarion-wasm/calls. Change it there.

/** Every call of the core: its parameters and its result. */
export interface Calls {
	/**
	 * Register makes keys on this device and an account on the server, and returns
	 * the 24 words of the recovery sheet, which exist nowhere else from then on,
	 * unless they were asked to be kept until ForgetSheet.
	 * When it was interrupted, calling it again with the same name completes it.
	 */
	register: { params: Registration; result: string[] };
	/**
	 * Restore brings an account back from its recovery sheet into an empty vault:
	 * a new identity key and device under the same handle, contacts and settings
	 * from the recovery blob, and a request to every conversation to add this
	 * device (one way back).
	 */
	restore: { params: RestoreParams; result: null };
	/**
	 * Sheet returns the 24 words of a recovery sheet that Register was asked to
	 * keep (RegisterParams.KeepSheet), until ForgetSheet; nil when none is kept.
	 */
	sheet: { params: Record<string, never>; result: string[] };
	/**
	 * ForgetSheet removes the kept words from the vault: the person has them now,
	 * and they exist nowhere else from then on.
	 */
	forgetSheet: { params: Record<string, never>; result: null };
	/** CheckSheet reads words as Restore does, without using them. */
	checkSheet: { params: { words: string[]; }; result: SheetCheck };
	/** WhoAmI tells the account and device of this vault. */
	whoAmI: { params: Record<string, never>; result: Me };
	/**
	 * Holdings asks what the server holds about this account, and checks the
	 * signature of the answer by the key that the server had when this device met
	 * it. Errors: server_key_differs, bad_signature.
	 */
	holdings: { params: Record<string, never>; result: Holdings };
	/**
	 * TrustServerKey takes a key, 64 hex digits of Ed25519, for the server's from
	 * now on, after a person compared it with the operator by another way. Errors:
	 * server_key_invalid.
	 */
	trustServerKey: { params: { key: string; }; result: null };
	/**
	 * ConversationHoldings asks what the server holds of a conversation, by its
	 * pass and not as an account, and checks the answer like Holdings. It tells
	 * keep_differs when the server keeps longer or shorter than the members agreed
	 * on. Errors: server_key_differs, bad_signature, and what keeps this device
	 * from taking part.
	 */
	conversationHoldings: { params: Where; result: MailboxHoldings };
	/**
	 * DeleteEverything leaves the conversations, removes the account and all that
	 * the server holds about it, then empties this vault. The answer says what
	 * cannot be reached; members that could not be told do not keep anybody here.
	 */
	deleteEverything: { params: Record<string, never>; result: Deleted };
	/** Contacts lists the people this vault knows, by handle. */
	contacts: { params: Record<string, never>; result: Contact[] };
	/**
	 * Invite makes a one-time link that is good for 1 to 30 days. It needs the
	 * server, which refuses the link's second use.
	 */
	invite: { params: { days: number; }; result: Invite };
	/**
	 * Accept opens a conversation: by an invite link, which also checks its maker;
	 * by answering a contact request; or with a bare handle, which arrives at the
	 * other side as a contact request.
	 */
	accept: { params: { linkOrHandle: string; }; result: Conversation };
	/**
	 * SafetyDigits gives what to compare with a contact or a fellow member over
	 * another way. The directory is asked, if it answers; else what was last seen
	 * of it counts. Fails with no_such_contact, identity_mismatch.
	 */
	safetyDigits: { params: Who; result: Safety };
	/**
	 * Check notes that the person compared what SafetyDigits last showed of a
	 * contact, and found it equal; how is CheckedDigits or CheckedQR. A fellow
	 * member who is no contact yet becomes an accepted one. not_compared when
	 * nothing was shown, or a key has changed since.
	 */
	check: { params: { handle: string; how: string; }; result: Contact };
	/**
	 * CheckScanned compares a code that another device showed with what this vault
	 * knows, in constant time, and notes the check when all of it matches. handle
	 * is whom the person means to check, or empty for whoever showed the code.
	 * check_code_invalid for a text that is no such code.
	 */
	checkScanned: { params: Scan; result: Scanned };
	/**
	 * Uncheck takes a check back. A contact whose identity changed stays so:
	 * Acknowledge is for that.
	 */
	uncheck: { params: Who; result: Contact };
	/**
	 * Acknowledge notes that the person knows of a contact's changed identity and
	 * wants to write all the same. The contact is then not checked.
	 */
	acknowledge: { params: Who; result: Contact };
	/**
	 * Block refuses a person: requests and messages from them are no longer shown,
	 * and their introductions are dropped unread. Somebody who is no contact must
	 * be in the directory, unless it cannot be asked; Accept undoes it.
	 */
	block: { params: Who; result: null };
	/**
	 * Unblock takes a block back. Somebody with whom a conversation exists, or who
	 * was checked, is an accepted contact again; anybody else is a stranger, who
	 * may ask. FailNoContact when the person is not blocked.
	 */
	unblock: { params: Who; result: null };
	/**
	 * Decline lets a contact request drop: the person is not told, is no contact,
	 * and may ask again. FailNoContact when there is no request of theirs.
	 */
	decline: { params: Who; result: null };
	/**
	 * Conversations lists what this vault takes part in, or took part in until it
	 * was removed. It reads at most one record for each.
	 */
	conversations: { params: Record<string, never>; result: Conversation[] };
	/**
	 * Find resolves what a person types: an id, an unambiguous beginning of one of
	 * at least four digits, a group's name, or a handle.
	 */
	find: { params: { what: string; }; result: Conversation };
	/**
	 * NewGroup founds a group. Its name is known to its members only; people who
	 * do not know us see a contact request.
	 */
	newGroup: { params: { name: string; handles: string[]; }; result: Conversation };
	/**
	 * AddMember brings a person into a group. One who is in it, was never heard from
	 * and cannot know of it any more is asked once more; else already_a_member.
	 */
	addMember: { params: Member; result: null };
	/**
	 * RemoveMember takes a person's devices out of a group. From that commit on
	 * they can neither read nor write there.
	 */
	removeMember: { params: Member; result: null };
	/**
	 * Leave ends this person's part in a conversation, at once and for good: what
	 * was typed before goes out if it can, the rest is marked failed, and the
	 * history stays. The members are told now, or as soon as the server can be
	 * reached. In a conversation of two it ends for both; Accept begins another.
	 */
	leave: { params: Where; result: null };
	/**
	 * SetKeep changes for how many days, 1 to 30, the server keeps what is written
	 * in a conversation from then on; what is there already stays as long as it
	 * was to stay. It needs the server, whose own limit may be lower:
	 * keep_out_of_range.
	 */
	setKeep: { params: { conversation: string; days: number; }; result: null };
	/**
	 * RelayServers asks the server for the means to relay a call of a conversation:
	 * where, and a credential that begins relaying until Expires. It is asked anew
	 * for each call. The codes are those of the conversation's obstacle, no_relay,
	 * and those of any command.
	 */
	relayServers: { params: Where; result: Relay };
	/**
	 * Forget deletes what this vault holds of a conversation that is over: that
	 * was left, that this person was removed from, or whose other person left.
	 */
	forget: { params: Where; result: null };
	/**
	 * History lists a conversation's messages in the order that all members share,
	 * oldest first, queued ones last. It reads the whole history; HistoryPage does
	 * not.
	 */
	history: { params: Where; result: Message[] };
	/**
	 * HistoryPage reads at most limit (1 to 200) items of a conversation's history
	 * that stand before a cursor, "" for its end: messages and lines, in the order
	 * that all members share, queued messages last. Its cost grows with limit and
	 * not with the history. Paging on to ever older items shows none twice,
	 * whatever moves meanwhile; what moves is told by MessageMoved or
	 * MessageStateChanged.
	 */
	historyPage: { params: Paging; result: Page };
	/** Message finds one message of a conversation. */
	message: { params: { conversation: string; id: string; }; result: Message };
	/**
	 * Unread lists what arrived and was not marked read, oldest first within each
	 * conversation.
	 */
	unread: { params: Record<string, never>; result: Message[] };
	/**
	 * Send queues a text. It is in the vault when Send returns nil or a Failure
	 * with Queued, and leaves with the next Flush, or at once while listening.
	 */
	send: { params: { conversation: string; text: string; }; result: Message };
	/**
	 * Queue writes a text down to be sent, under an id of the caller's choice (32
	 * hex digits, random), and returns without sending: FlushConversation does, or
	 * the next connection. The same id with the same text again changes nothing
	 * and returns the message as it stands, so that a program which lost the
	 * answer may ask once more. Errors: FailMessageID, and those of Send.
	 */
	queue: { params: { conversation: string; id: string; text: string; }; result: Message };
	/**
	 * Flush sends everything that waits: mailboxes not yet made, introductions,
	 * queued messages. nil means that nothing is left. When several things fail,
	 * the first failure is returned and the others were tried.
	 */
	flush: { params: Record<string, never>; result: null };
	/**
	 * FlushConversation is Flush for one conversation: its failure says what
	 * became of what was queued there.
	 */
	flushConversation: { params: Where; result: null };
	/** MarkRead notes that the person has seen everything up to a place. */
	markRead: { params: { conversation: string; seq: number; }; result: null };
	/** Draft returns what is being written in a conversation, or nothing. */
	draft: { params: Where; result: string };
	/**
	 * SetDraft keeps what is being written, at most 16,000 bytes of UTF-8; an
	 * empty text forgets it. Nothing is sent.
	 */
	setDraft: { params: { conversation: string; text: string; }; result: null };
	/** Drafts lists what is being written anywhere. */
	drafts: { params: Record<string, never>; result: Draft[] };
	/**
	 * Typing tells the members who are there that this person is writing. It is
	 * best effort: without a connection nothing happens. It is a mark like others:
	 * nothing is told with marks off, or while a changed identity holds texts.
	 */
	typing: { params: Where; result: null };
	/**
	 * StartCall rings the other person of a conversation of two. It needs the
	 * server: a call cannot wait. The call begins in state calling; when the other
	 * person's call rings here already, or crosses this one, it is theirs that goes
	 * on, in state connecting and Incoming.
	 */
	startCall: { params: { conversation: string; fingerprint: string; video: boolean; }; result: Call };
	/**
	 * AnswerCall takes a call that rings, or goes along with another round after
	 * CallAgain. One tab takes it; the others are told that it was taken.
	 */
	answerCall: { params: Party; result: Call };
	/**
	 * ResumeCall goes on with a call whose engine here was lost: both sides commit
	 * anew, and the short code is another.
	 */
	resumeCall: { params: Party; result: Call };
	/** EndCall ends a call: hangs up, gives up ringing, or declines. */
	endCall: { params: Talk; result: null };
	/**
	 * LoseCall says that this side's engine is gone. The call ends by itself unless
	 * ResumeCall follows within 30 s.
	 */
	loseCall: { params: Talk; result: null };
	/** ConnectedCall says that this side's engine has a connection. */
	connectedCall: { params: Talk; result: null };
	/**
	 * RestartCall says that this side's connection is lost or does not come up:
	 * whoever makes the offers is asked for one that restarts ICE.
	 */
	restartCall: { params: Talk; result: null };
	/**
	 * DescribeCall takes the engine's own description, an offer or an answer as it
	 * was asked for, and reveals what this side committed to.
	 */
	describeCall: { params: { call: string; sdp: string; }; result: null };
	/** CandidateCall carries one candidate of this side's engine. */
	candidateCall: { params: { call: string; candidate: string; mid: string; line: number; }; result: null };
	/** TellMedia tells the other side what this one sends now. */
	tellMedia: { params: { call: string; audio: boolean; video: boolean; screen: boolean; }; result: null };
	/**
	 * CompareCode notes what came of reading the short code of a call's present
	 * round to each other. It counts until the round or the call ends.
	 */
	compareCode: { params: { call: string; same: boolean; }; result: null };
	/**
	 * WhoCouldHear says who could hear a call of a conversation of two: one that is
	 * on, or, when call is empty, one that would begin now.
	 */
	whoCouldHear: { params: { conversation: string; call?: string; facts: CallFacts; }; result: Report };
	/**
	 * Calls lists the calls that have not ended: at most one that this device takes
	 * part in, and those that ring.
	 */
	calls: { params: Record<string, never>; result: Call[] };
	/**
	 * CallHistory lists past calls, newest first: at most limit, and at most the
	 * 500 that the vault keeps.
	 */
	callHistory: { params: { limit: number; }; result: PastCall[] };
	/**
	 * Devices asks the directory which devices this account has, so that one that
	 * is not the person's own shows. It needs the server. identity_mismatch when
	 * the directory's chain neither goes on from this vault's nor is its beginning,
	 * as a restored server's is: then two people hold this account.
	 */
	devices: { params: Record<string, never>; result: Device[] };
	/** Setting returns what SetSetting kept, or nothing. */
	setting: { params: { name: string; }; result: string };
	/**
	 * SetSetting keeps a small wish of a program's in this device's vault: a name
	 * of 1 to 32 letters a-z, digits and underscores, a value of at most 1,024
	 * bytes of UTF-8; an empty value forgets it. There are at most 256. Nothing is
	 * sent.
	 */
	setSetting: { params: { name: string; value: string; }; result: null };
	/** Marks reports whether this person's clients send marks. */
	marks: { params: Record<string, never>; result: boolean };
	/**
	 * SetMarks switches the sending of marks on or off. The setting comes back
	 * with the recovery sheet.
	 */
	setMarks: { params: { on: boolean; }; result: null };
	/**
	 * Listen goes online and stays: it catches up, subscribes to everything, sends
	 * what waits, and connects again by itself until Run ends. It returns after
	 * the first attempt; unreachable then means that the next is on its way.
	 */
	listen: { params: Record<string, never>; result: null };
	/** Settle sends the marks that wait, for a program that is about to end. */
	settle: { params: Record<string, never>; result: null };
	/** Passphrase reports whether the vault opens with a passphrase only. */
	passphrase: { params: Record<string, never>; result: boolean };
	/** SetPassphrase protects a vault that has no passphrase yet. */
	setPassphrase: { params: { passphrase: string; }; result: null };
	/** ChangePassphrase puts next in place of now. A wrong now changes nothing. */
	changePassphrase: { params: { now: string; next: string; }; result: null };
	/** RemovePassphrase lets the vault open without one from then on. */
	removePassphrase: { params: { now: string; }; result: null };
}

/** Something that happened, told once, in order. */
export type CoreEvent =
	/** MessageArrived: somebody wrote. */
	| { event: "message_arrived"; message: Message; }
	/** MessageStateChanged: an own message came further. */
	| { event: "message_state"; at: number; conversation: string; seq: number; id: string; state: MessageState; }
	/**
	 * MessageMoved: a message of the history has another place now, because it
	 * came again: put back after a restore of the server, or sent once more.
	 */
	| { event: "message_moved"; at: number; conversation: string; seq: number; id: string; }
	/** ContactRequested: a stranger wants to talk. */
	| { event: "contact_requested"; at: number; from: string; }
	/** ConversationJoined: this device is now in a conversation. */
	| { event: "conversation_joined"; at: number; conversation: string; seq: number; name: string; members: string[]; }
	/** MemberAdded: a person came into a conversation. */
	| { event: "member_added"; at: number; conversation: string; seq: number; handle: string; by: string; }
	/**
	 * MemberRemoved: a person is out of a conversation, perhaps oneself; with Left
	 * it was their own wish.
	 */
	| { event: "member_removed"; at: number; conversation: string; seq: number; handle: string; by: string; left: boolean; }
	/** DeviceAdded: a member's device is new, after a loss or restore. */
	| { event: "device_added"; at: number; conversation: string; seq: number; handle: string; }
	/**
	 * KeepChanged: a member changed for how long the server keeps what is written
	 * from then on.
	 */
	| { event: "keep_changed"; at: number; conversation: string; seq: number; by: string; days: number; }
	/**
	 * IdentityChanged: the identity key of a contact is another now. When Held,
	 * the one before was checked, and nothing is sent to conversations with this
	 * person until Check, CheckScanned or Acknowledge.
	 */
	| { event: "identity_changed"; at: number; handle: string; held: boolean; }
	/** CodeChanged: the 60 digits of a conversation are others now. */
	| { event: "code_changed"; at: number; conversation: string; seq: number; code: string; }
	/** Typing: a member is writing at this moment; never stored. */
	| { event: "typing"; at: number; conversation: string; from: string; }
	/** Problem: something is wrong that the person should know. */
	| { event: "problem"; at: number; conversation: string; seq: number; code: string; text: string; hint: string; }
	/** ConnectionChanged: live connections came up or went down. */
	| { event: "connection_changed"; at: number; online: boolean; }
	/** CallArrived: somebody calls. Until is when it stops ringing. */
	| { event: "call_incoming"; at: number; conversation: string; call: string; from: string; video: boolean; until: number; }
	/**
	 * CallChanged: something of a call is other than before. A call that ended is
	 * told by CallEnds too. Was is set when two people called each other at once:
	 * the call of that id goes on as this one, which the other side began.
	 */
	| { event: "call_changed"; call: Call; was: string; }
	/**
	 * CallOfferWanted: the engine of this call is to make an offer and hand it to
	 * DescribeCall. With Restart the connection stays and its ICE is restarted
	 * (RFC 8445 §9); else it is to be a new one, with the certificate it named.
	 */
	| { event: "call_offer_wanted"; call: string; restart: boolean; }
	/**
	 * CallDescribed: a description of the other side, whose certificate is the one
	 * it committed to. An engine that gets an offer answers it by DescribeCall.
	 * Restart belongs to the connection that exists; else it is a new one's.
	 */
	| { event: "call_described"; call: string; offer: boolean; sdp: string; restart: boolean; }
	/** CallCandidateArrived: a candidate of the other side. */
	| { event: "call_candidate"; call: string; candidate: CallCandidate; }
	/**
	 * CallAgain: the other side lost its engine and begins another round. The
	 * engine here lets its connection go and calls AnswerCall once more.
	 */
	| { event: "call_again"; call: string; }
	/** CallEnds: a call is over. The history of its conversation has a line of it. */
	| { event: "call_ended"; at: number; conversation: string; seq: number; call: string; peer: string; incoming: boolean; video: boolean; reason: CallReason; began: number; seconds: number; };

/** Args are what a sentence mentions; which of them is up to its code. */
export interface Args {
	/** a handle, or empty */
	who: string;
	/** a host name, or empty */
	host: string;
	/** of people or devices */
	count: number;
	/** of Count */
	some: number;
	/** a day; zero when not known */
	at: number;
}

/** Call is one call as this device knows it. */
export interface Call {
	/** 32 hex digits, drawn by whoever called */
	id: string;
	conversation: string;
	peer: string;
	incoming: boolean;
	/** whoever called asked for video */
	video: boolean;
	state: CallState;
	/** empty until it ended */
	reason: CallReason;
	/** outgoing: a device of the other rings */
	peerRings: boolean;
	/** what the other says to send */
	peerMedia: CallMedia;
	/** when it rang */
	began: number;
	/** when media first flowed; zero before */
	connected: number;
	/**
	 * Code is the short code: nine digits, the same on both sides unless
	 * somebody stands between them. Empty until both sides have revealed what
	 * they had committed to. A new round has another code.
	 */
	code: string;
	/** counts the rounds; a lost engine that comes back begins another */
	round: number;
	/** Compared is what the person said of the code: "same", "differs", or empty. */
	compared: string;
}

/** CallCandidate is one transport address of a media engine (RFC 8838). */
export interface CallCandidate {
	/** without "a="; empty: there are no more */
	candidate: string;
	mid: string;
	line: number;
}

/**
 * CallFacts are what a media engine knows of its own connection, and what its
 * program is. The rest of who could hear the core knows.
 */
export interface CallFacts {
	/** "direct" or "relay"; anything else is not known */
	path: string;
	/** host name of the relay in use; empty: not known, or none */
	relay: string;
	/** this program is a page */
	browser: boolean;
	/** whoever serves the page */
	pageHost: string;
	alwaysRelay: boolean;
	sends: CallMedia;
}

/** CallMedia is what one side sends at this moment. */
export interface CallMedia {
	audio: boolean;
	video: boolean;
	/** the video is a shared screen */
	screen: boolean;
}

/** CallReason says how a call ended. */
export type CallReason = "busy" | "cancelled" | "declined" | "failed" | "hung_up" | "interrupted" | "missed" | "no_answer" | "tampered";

/** CallState is where a call stands. */
export type CallState = "calling" | "connected" | "connecting" | "ended" | "lost" | "ringing";

/** Checked says how a person's identity was checked, and when. */
export interface Checked {
	/** CheckedInviteLink and so on */
	how: string;
	at: number;
}

/**
 * Claim is one sentence, which Sentence and the page's catalogue have words
 * for, and the test that fails when it is not true any more.
 */
export interface Claim {
	code: string;
	args: Args;
	tense: Tense;
	/** it says that somebody may hear or see more than a person would think */
	warns: boolean;
	/** package.TestName, or file.spec.ts: beginning of a title */
	test: string;
}

/** Contact is a person this vault knows. */
export interface Contact {
	handle: string;
	state: ContactState;
	/** nil: not checked */
	checked: Checked | null;
	/** the one-to-one conversation, or empty */
	conversation: string;
}

/** ContactState is where a contact stands. */
export type ContactState = "accepted" | "blocked" | "requested";

/** Conversation is a group as a person sees it. */
export interface Conversation {
	/** 32 hex digits, the same for all members */
	id: string;
	/** of a group; for one-to-one the other's handle */
	name: string;
	host: string;
	/** one-to-one */
	direct: boolean;
	epoch: number;
	/** 60 digits, the same for all members */
	code: string;
	/** sorted, oneself included unless Removed or left */
	members: string[];
	/** this device was taken out: the history stays, and nothing is sent */
	removed: boolean;
	unread: number;
	/** own messages not yet sent */
	queued: number;
	/** code of what stops sending here, or keeps it from ever being read; or empty */
	problem: string;
	/** the message that stands last; nil when there is none */
	last: Message | null;
	/** when it was last written in, not later than now; zero when never */
	active: number;
	state: ConversationState;
	/** days for which the server keeps what is written now, as the members said last */
	keep: number;
}

/** ConversationState is where this device stands in a conversation. */
export type ConversationState = "active" | "ended" | "left" | "removed" | "waiting";

/** Deleted answers DeleteEverything: what was removed, and what is out of reach. */
export interface Deleted {
	tables: TableRows[];
	/** sentences, from the inventory */
	beyond: string[];
}

/** Device is one of the account's own devices, as the directory shows it. */
export interface Device {
	/** SHA-256 of the device key, 64 hex digits */
	fingerprint: string;
	/** the device of this vault */
	this: boolean;
	/** the entry that first named it, to the hour */
	since: number;
	/** end of its certificate; zero when that is not known here */
	until: number;
}

/** Difference is why a scanned code does not match. */
export type Difference = "other_key" | "other_person" | "own_key";

/**
 * Draft is what a person began to write in a conversation. It lies in this
 * device's vault alone.
 */
export interface Draft {
	conversation: string;
	text: string;
}

/** HistoryItem is a message, or a line about the conversation itself. */
export interface HistoryItem {
	kind: ItemKind;
	/** names the item in this vault; it keeps it when it moves */
	key: string;
	/** of a message, else nil */
	message: Message | null;
	/** of any other kind, else nil */
	line: Line | null;
}

/** Holdings is the server's signed answer to what it holds, checked. */
export interface Holdings {
	account: string;
	at: number;
	host: string;
	tables: TableRows[];
	/** what the operator could be ordered to record from now on */
	could: string[];
	/** what it cannot give */
	cannot: string[];
	/** Ed25519 under ServerKey */
	signature: Uint8Array;
	serverKey: Uint8Array;
}

/** Invite is a one-time link to hand to one person. */
export interface Invite {
	/** http(s)://HOST/i#…; the secret stands in the fragment only */
	link: string;
	expires: number;
}

/** ItemKind says what an item of a history is. */
export type ItemKind = "call" | "code_changed" | "conversation_joined" | "conversation_named" | "device_added" | "keep_changed" | "member_added" | "member_left" | "member_removed" | "message";

/**
 * Line says what happened to a conversation. Fields that its kind does not
 * need are zero.
 */
export interface Line {
	seq: number;
	/** when this device took note, whole seconds */
	at: number;
	/** who did it; zero when that is not known */
	by: string;
	/** whom it is about */
	handle: string;
	/** conversation_joined, conversation_named */
	name: string;
	/** conversation_joined */
	members: string[];
	/** code_changed: the new 60 digits */
	code: string;
	/** keep_changed: days */
	keep: number;
	/** Of a call, whose line stands where it rang; Handle is the other person. */
	call: string;
	incoming: boolean;
	video: boolean;
	reason: CallReason;
	/** for how long media flowed */
	seconds: number;
}

/** MailboxHoldings is the same about one conversation. */
export interface MailboxHoldings {
	conversation: string;
	/** SHA-256 of its address */
	mailbox: Uint8Array;
	at: number;
	host: string;
	tables: TableRows[];
	/** envelopes by size class */
	sizes: SizeRows[];
	epoch: number;
	/** envelopes ever appended */
	head: number;
	/** days for which the server keeps what is written now */
	keep: number;
	/** and for how many the members say */
	agreed: number;
	/** when the first envelope is deleted; zero when none is held */
	firstGone: number;
	lastGone: number;
	/** when the mailbox goes unless it is used */
	forget: number;
	could: string[];
	cannot: string[];
	signature: Uint8Array;
	serverKey: Uint8Array;
}

/** Me is this vault's account and device. */
export interface Me {
	handle: string;
	server: string;
	/** SHA-256 of the identity key, 64 hex digits */
	fingerprint: string;
	/** SHA-256 of the device key, 64 hex digits */
	device: string;
	/** Ed25519, 64 hex digits, as this device saw it first; empty before it did */
	serverKey: string;
	registered: number;
}

/** Member names a person of a conversation. */
export interface Member {
	conversation: string;
	handle: string;
}

/** Message is one message of a conversation, as history holds it. */
export interface Message {
	/** 32 hex digits, chosen by the sender */
	id: string;
	conversation: string;
	/** place in the conversation; 0 while it waits; where it failed, for one that did */
	seq: number;
	from: string;
	own: boolean;
	/** nil: not checked */
	checked: Checked | null;
	text: string;
	/** the sender's clock, whole seconds */
	at: number;
	state: MessageState | "";
	unread: boolean;
}

/** MessageState is how far an own message came. */
export type MessageState = "delivered" | "failed" | "queued" | "read" | "sent";

/** Onlooker is a party, and what it can and cannot see. */
export interface Onlooker {
	role: Role;
	/** a handle or a host name; empty when not known */
	name: string;
	claims: Claim[];
}

/**
 * OpenOptions are those of clarionCore.open. Without a vault's name the core
 * keeps its state in memory, and it ends with the core.
 */
export interface OpenOptions {
	vault?: string;
	passphrase?: string;
	/**
	 * Opener stands for the passphrase, as a core that had the vault open gave
	 * it; it is of no use once the passphrase is another.
	 */
	opener?: Uint8Array;
	/**
	 * Take takes the vault from whatever page or worker has it open and does
	 * not answer. That one can change nothing any more.
	 */
	take?: boolean;
}

/** Page is a part of a history, oldest first. */
export interface Page {
	items: HistoryItem[];
	/** for the page before this one; empty when nothing is older */
	before: string;
}

/** Paging asks for a page of a conversation's history. */
export interface Paging {
	conversation: string;
	/** from the page after it; left out for the newest */
	before?: string;
	/** 1 to 200 */
	limit: number;
}

/** Participant is a person of the call, and what is known of them. */
export interface Participant {
	handle: string;
	/** the first says how they were checked */
	claims: Claim[];
}

/** Party is what a media engine brings to a call. */
export interface Party {
	call: string;
	/** "sha-256 " and 32 bytes in hex, separated by colons */
	fingerprint: string;
	video: boolean;
}

/** PastCall is a call that is over. */
export interface PastCall {
	id: string;
	conversation: string;
	peer: string;
	incoming: boolean;
	video: boolean;
	reason: CallReason;
	began: number;
	seconds: number;
}

/** Registration is client.RegisterParams. */
export interface Registration {
	/** http(s)://host[:port] */
	server: string;
	/** the part before the @ */
	name: string;
	/** the server's registration invite, if it asks for one */
	invite?: string;
	/** 24 words to use again; none draws new ones */
	words?: string[];
	/**
	 * KeepSheet keeps the words in the vault until forgetSheet, for a page
	 * that may be gone before it has shown them.
	 */
	keepSheet?: boolean;
}

/**
 * Relay says where calls are relayed, and by which credential of TURN's
 * long-term mechanism (RFC 8489 §9.2). From Expires on it begins no relaying;
 * what has begun goes on.
 */
export interface Relay {
	/** stun:, turn: and turns: (RFC 7064, RFC 7065) */
	urls: string[];
	/** says nothing but when it expires */
	username: string;
	credential: string;
	/** Unix seconds */
	expires: number;
}

/** Report answers "Who could hear this call?". */
export interface Report {
	/** the conclusion */
	headline: Claim;
	path: Claim;
	/** how it is sealed, and the short code */
	lines: Claim[];
	people: Participant[];
	/** those of RolePage last; they are to be shown whenever the headline is */
	onlookers: Onlooker[];
}

/** RestoreParams bring an account back from its recovery sheet. */
export interface RestoreParams {
	server: string;
	name: string;
	words: string[];
}

/** Role is the part that somebody has in what happens. */
export type Role = "host" | "network" | "page" | "peer" | "relay" | "stranger";

/**
 * Safety is what two people compare to check each other. Both values depend on
 * the two handles and identity keys only.
 */
export interface Safety {
	/** the other person */
	handle: string;
	/** 60 decimal digits, the same on both sides */
	digits: string;
	/** for the other's CheckScanned; upper-case letters, digits and a colon, as QR's alphanumeric mode takes them */
	code: string;
}

/** Scan is a code from another device's screen. */
export interface Scan {
	/** whom the person means to check; empty for whoever shows it */
	handle?: string;
	code: string;
}

/** Scanned is what comparing a scanned code says. */
export interface Scanned {
	/** whose screen the code says it was on */
	handle: string;
	match: boolean;
	/** empty with Match */
	differs: Difference;
}

/** SheetCheck says what is wrong with words that were typed from a sheet. */
export interface SheetCheck {
	/** places, from 0, of words that stand on no sheet */
	unknown: number[];
	/** 24 known words with a checksum that fits */
	fits: boolean;
}

/** SizeRows counts envelopes of one size class, in bytes of body. */
export interface SizeRows {
	size: number;
	rows: number;
}

/** TableRows counts the rows of one table that concern an account. */
export interface TableRows {
	table: string;
	rows: number;
}

/** Talk names a call between people by its id. */
export interface Talk {
	call: string;
}

/** Tense says when a claim is about. */
export type Tense = "cannot" | "could" | "holds" | "is" | "sees";

/** VaultState is what can be told of a vault without opening it. */
export interface VaultState {
	exists: boolean;
	/** it opens with a passphrase only */
	passphrase: boolean;
}

/** Where names a conversation by its id. */
export interface Where {
	conversation: string;
}

/** Who names a person: name@host, or a bare name of one's own server. */
export interface Who {
	handle: string;
}

export type CallName = keyof Calls;

/** What a call of the core is rejected with. Text and hint are for the person. */
export interface CoreError extends Error {
	code: string;
	text: string;
	hint: string;
	/** What the call was to send waits in the vault and leaves later. */
	queued: boolean;
}

/** One open core. */
export interface Core {
	call<N extends CallName>(name: N, params: Calls[N]["params"]): Promise<Calls[N]["result"]>;
	/** The next event, in order; null when the core was closed; rejected when it failed, as when its vault is gone. */
	next(): Promise<CoreEvent | null>;
	/** What opens the vault in place of its passphrase, for the tab that goes on after this one; null when it has no passphrase. */
	opener(): Promise<Uint8Array | null>;
	/** Ends the core and releases its vault. */
	close(): Promise<void>;
}

/** globalThis.clarionCore, once clarion.wasm runs. */
export interface CoreEntry {
	open(options: OpenOptions): Promise<Core>;
	/** Tells of a vault without opening it. */
	state(vault: string): Promise<VaultState>;
	/** Deletes a vault for good, opened by nobody. */
	erase(vault: string): Promise<void>;
}
