// SPDX-License-Identifier: AGPL-3.0-or-later

package dial

import (
	"crypto/sha1"
	"encoding/base64"
)

// acceptKey is Sec-WebSocket-Accept, RFC 6455 §4.2.2.
func acceptKey(key string) string {
	h := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(h[:])
}
