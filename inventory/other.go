// SPDX-License-Identifier: AGPL-3.0-or-later

package inventory

// Other lists what a server holds outside of its schema's columns: files, what
// it logs, and what stands in memory while it runs.
func Other() []Row {
	const operator = "operator"
	return []Row{
		{"file:clarion.db", "-", "the tables above", "as each column says", "to outlive a restart", "data", operator},
		{"file:clarion.db-wal", "-", "the newest changes to the tables; emptied by the purge job, so that what was deleted is gone",
			"as each column says", "to lose nothing in a crash", "run", operator},
		{"file:clarion.db-shm", "-", "an index of the newest changes, no contents", "the server", "to read while writing", "run", operator},
		{"file:.restore.db", "-", "the backup that is being put back, with its -wal and -shm, until it takes the place of clarion.db; " +
			"a crash leaves it until the next start or restore", "as each column says", "to leave the old data or the new, never half", "run", operator},
		{"file:clarion.db.replaced", "-", "what stood in the data folder when the operator put a backup of another host or version in its place " +
			"(restore --replace), with its -wal", "as each column says", "to lose nothing by a slip", "data",
			operator + "; Clarion does not delete it"},
		{"file:.room-*", "-", "64 KiB of zeros, for a moment after the disk refused a write; a crash leaves it until the next start", "the server",
			"to tell a full disk from a failing one", "run", operator},
		{"file:.clarion-backup-*", "-", "a backup that is being written, in the folder where it will stand; a crash leaves it for the operator to delete",
			"as each column says", "to show a backup only when it is whole", "run", operator},
		{"file:lock", "-", "nothing", "the server", "to keep a second server out", "data", operator},
		{"file:config", "-", "the operator's settings: address, host, limits; nothing about people", "the operator", "to run as the operator wants",
			"data", operator},
		{"file:tls_key", "-", "the private key of the server's certificate, and the certificate, where the settings tls_key and tls_cert say",
			"the operator", "to speak TLS", "data", operator},
		{"file:backup", "-", "the tables as they were when the operator made it", "as each column says", "to survive the loss of a disk",
			"data", "whoever the operator gives it to; Clarion does not delete backups"},
		{"log:stderr", "-", "starts, stops, purges and faults; no address, no name, no id", "the server", "to mend faults", "data",
			"operator, and whatever keeps the log for them"},
		{"memory:connection", "address", "the network address of the other side, as the kernel needs it", "whoever connects", "to answer",
			"run", operator + " while it is open"},
		{"memory:connection", "challenge", "random bytes of this connection", "whoever connects", "so that no signature is used twice", "run", operator},
		{"memory:session", "account", "at the account door: the name and device key that signed in", "the person",
			"to serve what is the person's own", "run", operator + " while it is open"},
		{"memory:subscription", "mailbox", "at the mailbox door: which mailboxes one connection listens to, together", "the members",
			"to deliver at once", "run", operator + " while it is open"},
		{"memory:live", "body", "a live event, sealed, on its way to the subscribers", "the members", "to show typing and set up calls", "run",
			operator + " sees ciphertext and size, while it passes"},
		{"memory:relay", "client", "of each allocation: the network address that made it, by UDP, TCP or TLS, and the name of its credential, which is " +
			"random but for its end", "whoever calls", "to send back what arrives", "run",
			operator + " while it stands: ten minutes after it was last refreshed at the longest"},
		{"memory:relay", "peer", "of each allocation: the network addresses it may talk with, and those that have a channel", "who is called",
			"to relay to nobody else", "run", operator + " while it stands: ten minutes after it was last refreshed at the longest"},
		{"memory:relay", "packet", "packets of calls, encrypted between the two devices", "whoever calls", "to pass them on", "run",
			operator + " sees ciphertext, size and time, while they pass"},
		{"memory:relay", "secret", "the key by which credentials are known again; there is no list of them", "the server", "to let in whoever has one", "run",
			operator},
		{"memory:rate", "bucket", "how many commands a connection may still send", "whoever connects", "to keep one from starving others", "run", operator},
		{"memory:mailbox", "state", "epoch, head and pass hashes of mailboxes in use, as in the tables", "the members", "to answer fast", "run", operator},
		{"memory:arrival", "time", "when each envelope arrived, to the fraction of a second; only under the hidden test flag --retention below " +
			"one hour", "the members", "to test deletion without waiting for hours", "run", operator},
		{"memory:envelope", "body", "envelopes being written or read, sealed", "the members", "to store and deliver them", "run",
			operator + " sees ciphertext and size class, while it passes"},
	}
}
