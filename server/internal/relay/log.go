// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"sync/atomic"

	"github.com/pion/logging"
)

// counter is the library's logger. What it would write names addresses, so it
// is counted and thrown away.
type counter struct{ warnings, errors atomic.Int64 }

// NewLogger is the library's way to a logger for each of its parts.
func (c *counter) NewLogger(string) logging.LeveledLogger { return c }

// Trace says nothing.
func (*counter) Trace(string) {}

// Tracef says nothing.
func (*counter) Tracef(string, ...any) {}

// Debug says nothing.
func (*counter) Debug(string) {}

// Debugf says nothing.
func (*counter) Debugf(string, ...any) {}

// Info says nothing.
func (*counter) Info(string) {}

// Infof says nothing.
func (*counter) Infof(string, ...any) {}

// Warn counts.
func (c *counter) Warn(string) { c.warnings.Add(1) }

// Warnf counts.
func (c *counter) Warnf(string, ...any) { c.warnings.Add(1) }

// Error counts.
func (c *counter) Error(string) { c.errors.Add(1) }

// Errorf counts.
func (c *counter) Errorf(string, ...any) { c.errors.Add(1) }
