// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"

	"clarion.chat/clarion/client"
)

// output is stdout, and remembers whether anything could not be written.
type output struct {
	to     io.Writer
	mu     sync.Mutex
	failed error // the first one
}

// Write passes b on whole, or keeps why it could not.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	if err != nil {
		o.mu.Lock()
		o.failed = cmp.Or(o.failed, err)
		o.mu.Unlock()
	}
	return n, err
}

// unwritten is how a command ends whose stdout could not be written, whatever
// else it met; nil when all was.
func (inv *invocation) unwritten(o *output, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var f *client.Failure
	if o.failed == nil || errors.As(err, &f) && f.Code == failOutput {
		return err
	}
	hint := cmp.Or(inv.stands, "what the command changed is changed; look before you run it anew with a stdout that takes it")
	return &client.Failure{Code: failOutput, Text: "stdout does not take what is printed", Hint: hint, Cause: o.failed}
}

// printable refuses to begin what must be printed when stdout leads nowhere. A
// stdout that was closed at the start is seen here as the null device: Go's
// runtime opens that in its place before the program begins.
func (inv *invocation) printable() error {
	o, _ := inv.out.(*output)
	if o == nil {
		return nil
	}
	f, is := o.to.(*os.File)
	if !is {
		return nil
	}
	out, err := f.Stat()
	if err == nil {
		null, nullErr := os.Stat(os.DevNull)
		if nullErr != nil || !os.SameFile(out, null) {
			return nil
		}
	}
	return &client.Failure{
		Code: failOutput, Text: "stdout is closed or leads nowhere, and the recovery sheet would be lost",
		Hint: "nothing was made; let it print to a terminal, a file or a pipe", Cause: err,
	}
}
