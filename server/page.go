// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// appPolicy is the Content-Security-Policy of the web app: all that it runs,
// shows or talks to comes from here. A worker is held by the policy that its
// own script came with, so every file of the app carries it.
const appPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
	"media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types clarion svelte-trusted-html"

// permissions is the Permissions-Policy: what calls need, for this site alone,
// and nothing else that tells where a person is or reaches their machine. The
// names are those that browsers know; an unknown one is an error on their
// console. What is not named keeps the browser's own rule, this site alone.
const permissions = "camera=(self), microphone=(self), display-capture=(self), accelerometer=(), encrypted-media=(), " +
	"geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), midi=(), payment=(), publickey-credentials-get=(), " +
	"serial=(), usb=(), xr-spatial-tracking=()"

const appIndex = "index.html"

// appFile is a file of the web app, as it stood when the server was opened.
type appFile struct {
	name  string // in Config.Web
	mime  string
	cache string
	tag   string // of the content, without quotes
	size  int64
	// packed is the size of the same file compressed by brotli, which stands
	// beside it under its name and ".br"; -1 when it does not.
	packed int64
}

// readApp lists the web app's files by name, without those whose name begins
// with a dot. It is nil when there is no index.html: no app was built.
func readApp(files fs.FS) (map[string]*appFile, error) {
	if files == nil {
		return nil, nil
	}
	all := make(map[string]*appFile)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden || strings.HasSuffix(name, ".br"):
			return nil
		}
		all[name], err = readAppFile(files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the web app cannot be read: %w", err)
	}
	if all[appIndex] == nil {
		return nil, nil
	}
	return all, nil
}

func readAppFile(files fs.FS, name string) (*appFile, error) {
	f := &appFile{name: name, mime: mimeOf(name), cache: "no-cache", packed: -1}
	if strings.HasPrefix(name, "assets/") {
		f.cache = "public, max-age=31536000, immutable" // the name holds a hash of the content
	}
	in, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	sum := sha256.New()
	if f.size, err = io.Copy(sum, in); err != nil {
		return nil, err
	}
	f.tag = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16])
	if info, err := fs.Stat(files, name+".br"); err == nil && info.Mode().IsRegular() {
		f.packed = info.Size()
	}
	return f, nil
}

// mimeOf is a table of our own: the system's may say anything, and a wasm file
// under another type is not compiled while it arrives.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".wasm":
		return "application/wasm"
	case ".woff2":
		return "font/woff2"
	case ".webmanifest":
		return "application/manifest+json"
	case ".json", ".map":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".webp":
		return "image/webp"
	case ".ico":
		return "image/x-icon"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// pages serves the web app at its files' names. An invite link opens the app
// too: its secret stands in the fragment, which no browser sends.
func (srv *Server) pages(mux *http.ServeMux) {
	if srv.app == nil {
		mux.HandleFunc("GET /{$}", plain(startPage(), srv.host))
		mux.HandleFunc("GET /i", plain(invitePage(), srv.host))
		return
	}
	index := srv.app[appIndex]
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { srv.sendFile(w, r, index) })
	mux.HandleFunc("GET /i", func(w http.ResponseWriter, r *http.Request) { srv.sendFile(w, r, index) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		f := srv.app[strings.TrimPrefix(r.URL.Path, "/")]
		if f == nil {
			http.NotFound(w, r)
			return
		}
		srv.sendFile(w, r, f)
	})
}

// sendFile answers with a file of the app, compressed when the browser takes
// it and the build made it, or with "not modified".
func (srv *Server) sendFile(w http.ResponseWriter, r *http.Request, f *appFile) {
	name, size, tag := f.name, f.size, `"`+f.tag+`"`
	packed := f.packed >= 0 && takesBrotli(r.Header.Values("Accept-Encoding"))
	if packed {
		name, size, tag = f.name+".br", f.packed, `"`+f.tag+`-br"`
	}
	h := w.Header()
	h.Set("Content-Security-Policy", appPolicy)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", tag)
	if f.packed >= 0 {
		h.Set("Vary", "Accept-Encoding")
	}
	if hasTag(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	in, err := srv.c.Web.Open(name)
	if err != nil {
		srv.c.Log.Error("a file of the web app cannot be read", "cause", err)
		h.Del("ETag")
		h.Set("Cache-Control", "no-store")
		http.Error(w, "a file of the web app cannot be read", http.StatusInternalServerError)
		return
	}
	defer in.Close()
	h.Set("Content-Type", f.mime)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	if packed {
		h.Set("Content-Encoding", "br")
	}
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, in) // the other side may leave at any time
	}
}

// takesBrotli reads Accept-Encoding (RFC 9110 §12.5.3): br is named, and not
// at quality 0. A client that names no encoding gets the file as it is.
func takesBrotli(lines []string) bool {
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "br") {
			continue
		}
		value, weighed := strings.CutPrefix(strings.ToLower(strings.TrimSpace(weight)), "q=")
		if !weighed {
			return true
		}
		quality, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return err == nil && quality > 0
	}
	return false
}

// hasTag reads If-None-Match (RFC 9110 §13.1.2), which compares weakly.
func hasTag(lines []string, tag string) bool {
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == tag {
			return true
		}
	}
	return false
}
