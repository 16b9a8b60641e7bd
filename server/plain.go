// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
)

// style is the plain pages' one style sheet; their Content-Security-Policy
// names its hash and allows nothing else.
const style = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem;color:#1c1b1a;background:#fbfaf7}
code{font:1rem/1.5 ui-monospace,monospace;background:#eeebe4;padding:.1em .3em;border-radius:.2em}
@media(prefers-color-scheme:dark){body{color:#eceae6;background:#1c1b1a}code{background:#33312e}}`

const pageHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clarion · {{.Host}}</title><style>` + style + `</style></head><body><main>
`

const pageFoot = `</main></body></html>
`

func startPage() *template.Template {
	return template.Must(template.New("start").Parse(pageHead + `<h1>A Clarion server</h1>
<p>This is the Clarion server of <code>{{.Host}}</code>. It keeps sealed envelopes and passes them on; it cannot read them.</p>
<p>To run one yourself: <code>make run</code> in the source. To write with people here, from a terminal:</p>
<p><code>clarion register --server http(s)://{{.Host}} --name NAME</code></p>
<p>What this server holds, column by column: <code>clariond inventory</code>. What it holds about you: <code>clarion holdings</code>.</p>
` + pageFoot))
}

func invitePage() *template.Template {
	return template.Must(template.New("invite").Parse(pageHead + `<h1>You are invited</h1>
<p>Somebody on <code>{{.Host}}</code> wants to write with you. The secret of this invite stands after the <code>#</code> in the
address: your browser does not send it, so this server has not seen it.</p>
<p>To accept, copy the whole address and type in a terminal:</p>
<p><code>clarion accept 'LINK'</code></p>
<p>An invite works once. If you have no account yet, <code>clarion register</code> makes one first.</p>
` + pageFoot))
}

// plain serves a page without scripts, the same for everybody: what stands in
// the web app's place while the program holds none.
func plain(t *template.Template, host func() string) http.HandlerFunc {
	policy := plainPolicy()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = t.Execute(w, struct{ Host string }{host()})
	}
}

// plainPolicy is the Content-Security-Policy of the plain pages.
func plainPolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
