// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

// Kind says what a frame's body is. Numbers are never used again.
type Kind uint16

// Frames of both doors, then the account door's, then the mailbox door's.
const (
	KindHello   Kind = 1 // ↓ first frame of every connection
	KindRefusal Kind = 2 // ↓ answer to a command not carried out
	KindDone    Kind = 3 // ↓ answer that says no more than "done"

	KindRegister          Kind = 16 // ↑ → Done
	KindSignIn            Kind = 17 // ↑ → Done
	KindPutEntry          Kind = 18 // ↑ → Done
	KindPutKeyPackages    Kind = 19 // ↑ → KeyPackageCount
	KindKeyPackageCount   Kind = 20 // ↓
	KindPutRecoveryBlob   Kind = 21 // ↑ → Done
	KindGetRecoveryBlob   Kind = 22 // ↑ → RecoveryBlob
	KindRecoveryBlob      Kind = 23 // ↓
	KindGetHoldings       Kind = 24 // ↑ → Holdings
	KindHoldings          Kind = 25 // ↓
	KindDeleteEverything  Kind = 26 // ↑ → Deleted
	KindDeleted           Kind = 27 // ↓
	KindCountKeyPackages  Kind = 28 // ↑ → KeyPackageCount
	KindCreateMailbox     Kind = 48 // ↑ → Done
	KindAppend            Kind = 49 // ↑ → Appended
	KindAppended          Kind = 50 // ↓
	KindRead              Kind = 51 // ↑ → Envelopes
	KindEnvelopes         Kind = 52 // ↓
	KindSubscribe         Kind = 53 // ↑ → Done, then Delivery… and at last SubscriptionEnded
	KindUnsubscribe       Kind = 54 // ↑ → Done
	KindDelivery          Kind = 55 // ↓ event
	KindSubscriptionEnded Kind = 56 // ↓ event
	KindLive              Kind = 57 // ↑ → Done
	KindLiveArrived       Kind = 58 // ↓ event
	KindLookUp            Kind = 59 // ↑ → Chain
	KindChain             Kind = 60 // ↓
	KindTakeKeyPackages   Kind = 61 // ↑ → KeyPackages
	KindKeyPackages       Kind = 62 // ↓
	KindIntroduce         Kind = 63 // ↑ → Appended
	KindPutInvite         Kind = 64 // ↑ → Done

	KindGetMailboxHoldings Kind = 65 // ↑ → MailboxHoldings
	KindMailboxHoldings    Kind = 66 // ↓
	KindRelayCredentials   Kind = 67 // ↑ → Relay
	KindRelay              Kind = 68 // ↓
)

// Body is a frame's content: a Value that knows its Kind.
type Body interface {
	Value
	Kind() Kind
}

// bodies makes an empty body of each kind: the one table of frames.
var bodies = map[Kind]func() Body{
	KindHello:             func() Body { return new(Hello) },
	KindRefusal:           func() Body { return new(Refusal) },
	KindDone:              func() Body { return new(Done) },
	KindRegister:          func() Body { return new(Register) },
	KindSignIn:            func() Body { return new(SignIn) },
	KindPutEntry:          func() Body { return new(PutEntry) },
	KindPutKeyPackages:    func() Body { return new(PutKeyPackages) },
	KindCountKeyPackages:  func() Body { return new(CountKeyPackages) },
	KindKeyPackageCount:   func() Body { return new(KeyPackageCount) },
	KindPutRecoveryBlob:   func() Body { return new(PutRecoveryBlob) },
	KindGetRecoveryBlob:   func() Body { return new(GetRecoveryBlob) },
	KindRecoveryBlob:      func() Body { return new(RecoveryBlob) },
	KindGetHoldings:       func() Body { return new(GetHoldings) },
	KindHoldings:          func() Body { return new(Holdings) },
	KindDeleteEverything:  func() Body { return new(DeleteEverything) },
	KindDeleted:           func() Body { return new(Deleted) },
	KindCreateMailbox:     func() Body { return new(CreateMailbox) },
	KindAppend:            func() Body { return new(Append) },
	KindAppended:          func() Body { return new(Appended) },
	KindRead:              func() Body { return new(Read) },
	KindEnvelopes:         func() Body { return new(Envelopes) },
	KindSubscribe:         func() Body { return new(Subscribe) },
	KindUnsubscribe:       func() Body { return new(Unsubscribe) },
	KindDelivery:          func() Body { return new(Delivery) },
	KindSubscriptionEnded: func() Body { return new(SubscriptionEnded) },
	KindLive:              func() Body { return new(Live) },
	KindLiveArrived:       func() Body { return new(LiveArrived) },
	KindLookUp:            func() Body { return new(LookUp) },
	KindChain:             func() Body { return new(Chain) },
	KindTakeKeyPackages:   func() Body { return new(TakeKeyPackages) },
	KindKeyPackages:       func() Body { return new(KeyPackages) },
	KindIntroduce:         func() Body { return new(Introduce) },
	KindPutInvite:         func() Body { return new(PutInvite) },

	KindGetMailboxHoldings: func() Body { return new(GetMailboxHoldings) },
	KindMailboxHoldings:    func() Body { return new(MailboxHoldings) },
	KindRelayCredentials:   func() Body { return new(RelayCredentials) },
	KindRelay:              func() Body { return new(Relay) },
}

// Ref ties an answer to its command; 0 stands for an event.
type Ref uint32

// EncodeFrame returns the bytes of one frame.
func EncodeFrame(ref Ref, body Body) ([]byte, error) {
	c := Coder{buf: make([]byte, 0, 64)}
	kind := uint16(body.Kind())
	c.U16(&kind)
	c.U32((*uint32)(&ref))
	body.Fields(&c)
	if c.err == nil && len(c.buf) > MaxFrame {
		return nil, ErrTooLarge
	}
	return c.buf, c.err
}

// DecodeFrame reads one frame. ref is valid whenever the header could be read,
// also beside an error, so that a refusal can name its command. An unknown
// kind is a *Refusal with CodeUnknownCommand.
func DecodeFrame(b []byte) (ref Ref, body Body, err error) {
	if len(b) > MaxFrame {
		return 0, nil, ErrTooLarge
	}
	c := Coder{buf: b, reading: true}
	var kind uint16
	c.U16(&kind)
	c.U32((*uint32)(&ref))
	if c.err != nil {
		return 0, nil, c.err
	}
	make, known := bodies[Kind(kind)]
	if !known {
		return ref, nil, Refuse(CodeUnknownCommand)
	}
	body = make()
	body.Fields(&c)
	if c.err == nil && len(c.buf) != 0 {
		c.err = ErrMalformed
	}
	if c.err != nil {
		return ref, nil, c.err
	}
	return ref, body, nil
}

// Kind names the frame.
func (*Refusal) Kind() Kind { return KindRefusal }

// Done answers a command that has nothing to tell but that it was carried out.
type Done struct{}

// Kind names the frame.
func (*Done) Kind() Kind { return KindDone }

// Fields describes the frame.
func (*Done) Fields(*Coder) {}

// Hello is the first frame of every connection, from the server.
type Hello struct {
	Version     uint16 // protocol version
	Host        string // the host that handles on this server bear
	Incarnation Incarnation
	Line        []Incarnation // those before it that these data lived through, oldest first, at most MaxLine
	Time        int64         // the server's clock, Unix seconds
	Challenge   [32]byte      // random, for the signatures of this connection only
	ServerKey   [32]byte      // Ed25519 key that signs answers about holdings
	Keep        uint8         // longest keep this server grants, days
	MaxBody     uint32        // largest envelope this server takes, bytes
}

// Kind names the frame.
func (*Hello) Kind() Kind { return KindHello }

// Fields describes the frame.
func (h *Hello) Fields(c *Coder) {
	c.U16(&h.Version)
	c.String(&h.Host, MaxHost)
	h.Incarnation.Fields(c)
	List(c, &h.Line, MaxLine)
	c.I64(&h.Time)
	c.Fixed(h.Challenge[:])
	c.Fixed(h.ServerKey[:])
	c.U8(&h.Keep)
	c.U32(&h.MaxBody)
}
