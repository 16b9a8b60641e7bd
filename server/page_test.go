// SPDX-License-Identifier: AGPL-3.0-or-later

package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// builtApp is an app as the build leaves it; what is "compressed" need not be,
// since the server hands it out as it is.
func builtApp() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		".keep": file(""), ".vite/manifest.json": file("{}"),
		"index.html": file("<!doctype html><title>app</title>"), "index.html.br": file("packed index"),
		"sw.js": file("self"), "sw.js.br": file("packed sw"),
		"manifest.webmanifest":          file("{}"),
		"assets/app-4f2a.js":            file("import './x'"),
		"assets/app-4f2a.js.br":         file("packed js"),
		"assets/core-77.wasm":           file("\x00asm"),
		"assets/core-77.wasm.br":        file("packed wasm"),
		"assets/style-1.css":            file("body{}"),
		"assets/atkinson-regular.woff2": file("wOF2"),
	}
}

// fetch asks the server's handler; header is "Name: value" or nothing.
func fetch(srv *Server, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, r)
	return w.Result()
}

func contents(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAppFiles(t *testing.T) {
	r := start(t, func(c *Config) { c.Web = builtApp() })
	const never, forever = "no-cache", "public, max-age=31536000, immutable"
	for path, want := range map[string]struct{ plain, packed, mime, cache string }{
		"/":                              {"<!doctype html><title>app</title>", "packed index", "text/html; charset=utf-8", never},
		"/i":                             {"<!doctype html><title>app</title>", "packed index", "text/html; charset=utf-8", never},
		"/index.html":                    {"<!doctype html><title>app</title>", "packed index", "text/html; charset=utf-8", never},
		"/sw.js":                         {"self", "packed sw", "text/javascript; charset=utf-8", never},
		"/manifest.webmanifest":          {"{}", "", "application/manifest+json", never},
		"/assets/app-4f2a.js":            {"import './x'", "packed js", "text/javascript; charset=utf-8", forever},
		"/assets/core-77.wasm":           {"\x00asm", "packed wasm", "application/wasm", forever},
		"/assets/style-1.css":            {"body{}", "", "text/css; charset=utf-8", forever},
		"/assets/atkinson-regular.woff2": {"wOF2", "", "font/woff2", forever},
	} {
		for accept, packed := range map[string]bool{
			"": false, "gzip": false, "gzip, deflate, br, zstd": true, "gzip, BR;q=0.5": true, "br;q=0, gzip": false, "brx": false,
		} {
			resp := fetch(r.srv, "GET", path, "Accept-Encoding: "+accept)
			packed = packed && want.packed != ""
			text, encoding, vary := want.plain, "", ""
			if packed {
				text, encoding = want.packed, "br"
			}
			if want.packed != "" {
				vary = "Accept-Encoding"
			}
			h := resp.Header
			if got := contents(t, resp); resp.StatusCode != 200 || got != text || h.Get("Content-Encoding") != encoding || h.Get("Vary") != vary {
				t.Errorf("%s for %q: %d %q %v", path, accept, resp.StatusCode, got, h)
			}
			if h.Get("Content-Type") != want.mime || h.Get("Cache-Control") != want.cache || int(resp.ContentLength) != len(text) {
				t.Errorf("%s for %q: %v", path, accept, h)
			}
			again := fetch(r.srv, "GET", path, "Accept-Encoding: "+accept, `If-None-Match: "other", W/`+h.Get("ETag"))
			if got := contents(t, again); again.StatusCode != 304 || got != "" || again.Header.Get("ETag") != h.Get("ETag") {
				t.Errorf("%s for %q, again: %d %q", path, accept, again.StatusCode, got)
			}
			head := fetch(r.srv, "HEAD", path, "Accept-Encoding: "+accept)
			if got := contents(t, head); head.StatusCode != 200 || got != "" || head.ContentLength != resp.ContentLength || head.Header.Get("ETag") != h.Get("ETag") {
				t.Errorf("HEAD %s for %q: %d %q %v", path, accept, head.StatusCode, got, head.Header)
			}
		}
	}
	plain, packed := fetch(r.srv, "GET", "/"), fetch(r.srv, "GET", "/", "Accept-Encoding: br")
	if a, b := plain.Header.Get("ETag"), packed.Header.Get("ETag"); a == b || len(a) < 18 || a[0] != '"' || b[len(b)-1] != '"' {
		t.Errorf("the tags of two encodings are %s and %s", a, b)
	}
}

func TestAppPolicy(t *testing.T) {
	r := start(t, func(c *Config) { c.Web = builtApp() })
	for _, path := range []string{"/", "/i", "/sw.js", "/assets/app-4f2a.js", "/assets/core-77.wasm"} {
		h := fetch(r.srv, "GET", path).Header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
				"media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; " +
				"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types clarion svelte-trusted-html",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
			"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"Access-Control-Allow-Origin": "", "Set-Cookie": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		for _, want := range []string{"camera=(self)", "microphone=(self)", "display-capture=(self)", "geolocation=()", "usb=()", "payment=()"} {
			if !strings.Contains(h.Get("Permissions-Policy"), want) {
				t.Errorf("%s: no %s in the Permissions-Policy", path, want)
			}
		}
	}
}

// TestAppHasNothingElse: no folder, no hidden file, no way out of the app, and
// nothing but reading.
func TestAppHasNothingElse(t *testing.T) {
	files := builtApp()
	r := start(t, func(c *Config) { c.Web = files })
	for _, path := range []string{"/nothing", "/.keep", "/.vite/manifest.json", "/assets", "/assets/", "/sw.js.br", "/index.html/", "/i/",
		"/assets/app-4f2a.js/x", "/%2e%2e/clarion.db", "/assets/..%2findex.html", "/door/other", "/about"} {
		resp := fetch(r.srv, "GET", path)
		if resp.StatusCode != 404 || resp.Header.Get("Cache-Control") != "no-store" ||
			strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src") {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		for _, path := range []string{"/", "/i", "/sw.js", "/assets/app-4f2a.js", "/nothing", "/healthz"} {
			if resp := fetch(r.srv, method, path); resp.StatusCode != 405 {
				t.Errorf("%s %s: %d", method, path, resp.StatusCode)
			}
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/door/account": 426} {
		if resp := fetch(r.srv, "GET", path); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	delete(files, "sw.js")
	if resp := fetch(r.srv, "GET", "/sw.js"); resp.StatusCode != 500 || resp.Header.Get("ETag") != "" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a file that went: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestNoApp: before the app is built, a page says how to build it.
func TestNoApp(t *testing.T) {
	r := start(t, func(c *Config) { c.Web = fstest.MapFS{".keep": new(fstest.MapFile), "sw.js": {Data: []byte("x")}} })
	if resp := fetch(r.srv, "GET", "/"); resp.StatusCode != 200 || !strings.Contains(contents(t, resp), "make run") {
		t.Errorf("%d", resp.StatusCode)
	}
	if resp := fetch(r.srv, "GET", "/sw.js"); resp.StatusCode != 404 {
		t.Errorf("a file of half an app: %d", resp.StatusCode)
	}
}

// FuzzPage asks for any path with any header: the answer is a file of the app,
// a redirect to the tidy name, or a plain no, each with the strict headers.
func FuzzPage(f *testing.F) {
	f.Add("/", "br", `"x"`)
	f.Add("/assets/../sw.js", "br;q=0, *", "*")
	f.Add("//i", ";,;q=", `W/`)
	srv, err := Open(Config{DataDir: f.TempDir(), Host: testHost, Web: builtApp()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := srv.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, path, accept, match string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		r.Header = http.Header{"Accept-Encoding": {accept}, "If-None-Match": {match}}
		w := httptest.NewRecorder()
		srv.Handler().ServeHTTP(w, r)
		switch w.Code {
		case 200, 301, 304, 307, 308, 400, 404, 405, 426:
		default:
			t.Fatalf("%q: %d", path, w.Code)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatalf("%q: %v", path, w.Header())
		}
	})
}
