// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"reflect"
	"syscall/js"
	"testing"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/wire"
)

// stringify is JSON.stringify, for a test to look at.
func stringify(v js.Value) string { return js.Global().Get("JSON").Call("stringify", v).String() }

func TestToJS(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	who := wire.Handle{Name: "ada", Host: "x"}
	for want, v := range map[string]any{
		`"ada@x"`: who, `""`: wire.Handle{}, `1700000000123`: at, `0`: time.Time{}, `1500`: 1500 * time.Millisecond,
		`["ada@x"]`: []wire.Handle{who}, `[]`: []string(nil), `null`: (*client.Checked)(nil), `{"0":1,"1":2}`: []byte{1, 2}, `{"0":3}`: [1]byte{3},
		`{"how":"invite_link","at":1700000000123}`: &client.Checked{How: "invite_link", At: at},
		`{"a":1}`: map[string]int{"a": 1}, `9007199254740991`: uint64(maxExact), `-3`: -3, `true`: true,
		`{"c":5,"outer":"o"}`: struct {
			Embedded
			Outer string
			inner int
		}{Embedded{5}, "o", 6},
	} {
		got, err := toJS(reflect.ValueOf(v))
		if err != nil || stringify(got) != want {
			t.Errorf("%#v becomes %s (%v), want %s", v, stringify(got), err, want)
		}
	}
	for _, n := range []any{uint64(maxExact + 1), int64(-maxExact - 1)} {
		if _, err := toJS(reflect.ValueOf(n)); !errors.Is(err, errNotExact) {
			t.Errorf("%v crosses with %v", n, err)
		}
	}
}

// Embedded stands within another struct.
type Embedded struct{ C int }

// params is one of each kind of parameter.
type params struct {
	Text    string
	Number  uint64
	Signed  int
	On      bool
	List    []string
	Bytes   []byte
	For     time.Duration
	Maybe   *int
	Perhaps string `core:"optional"`
}

func object(script string) js.Value { return js.Global().Get("JSON").Call("parse", script) }

func TestFromJS(t *testing.T) {
	whole := func() js.Value {
		o := object(`{"text":"é","number":7,"signed":-7,"on":true,"list":["a","b"],"for":1500,"maybe":null}`)
		o.Set("bytes", bytesToJS([]byte{1, 2}))
		return o
	}
	var got params
	if err := fromJS("params", whole(), reflect.ValueOf(&got).Elem()); err != nil {
		t.Fatal(err)
	}
	want := params{Text: "é", Number: 7, Signed: -7, On: true, List: []string{"a", "b"}, Bytes: []byte{1, 2}, For: 1500 * time.Millisecond}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	surrogate := js.Global().Get("String").Call("fromCharCode", 0xd800)
	for member, bad := range map[string][]any{
		"text": {js.Undefined(), js.Null(), 5, surrogate, object(`[]`)}, "number": {-1, 1.5, "7", js.Global().Get("NaN"), js.Global().Get("Infinity"), 1e300, js.Null()},
		"signed": {0.5, "x"}, "on": {0, "true", js.Undefined()}, "list": {"a", object(`{"length":1}`), object(`[1]`), js.Null()},
		"bytes": {"ab", object(`[1,2]`), js.Null()}, "for": {1e15, "1"}, "maybe": {"x"}, "unknown": {1}, "perhaps": {5},
	} {
		for _, value := range bad {
			o := whole()
			o.Set(member, value)
			var f *client.Failure
			if err := fromJS("params", o, reflect.ValueOf(new(params)).Elem()); !errors.As(err, &f) || f.Code != failUsage {
				t.Errorf("%s: %v gives %v", member, value, err)
			}
		}
	}
	for _, v := range []js.Value{js.Undefined(), js.Null(), js.ValueOf(5), js.ValueOf("x")} {
		if err := fromJS("params", v, reflect.ValueOf(new(params)).Elem()); err == nil {
			t.Errorf("%v was taken for parameters", v)
		}
	}
	if err := fromJS("params", js.Undefined(), reflect.ValueOf(new(struct{})).Elem()); err != nil {
		t.Errorf("no parameters where none are due: %v", err)
	}
	// U+FFFD itself is text.
	var text string
	if err := fromJS("text", js.ValueOf("\uFFFD"), reflect.ValueOf(&text).Elem()); err != nil || text != "\uFFFD" {
		t.Errorf("U+FFFD: %q, %v", text, err)
	}
}

// TestAskingOnlyWhatIsInTheTable calls an open core in ways that no page means.
func TestAskingOnlyWhatIsInTheTable(t *testing.T) {
	core, err := await(t.Context(), entry().Call("open", newObject()))
	if err != nil {
		t.Fatal(err)
	}
	for what, args := range map[string][]any{
		"no name": {}, "a number": {5}, "unknown": {"constructor"}, "a method that is no call": {"Run"}, "no parameters": {"send"},
		"wrong": {"send", object(`{"conversation":1,"text":"x"}`)}, "one too many": {"whoAmI", object(`{"x":1}`)},
	} {
		if _, err := await(t.Context(), core.Call("call", args...)); err == nil {
			t.Errorf("%s: answered", what)
		}
	}
	if _, err := await(t.Context(), core.Call("call", "whoAmI")); err == nil || err.Error() != "this vault holds no account" {
		t.Errorf("whoAmI: %v", err)
	}
	if _, err := await(t.Context(), core.Call("close")); err != nil {
		t.Errorf("close: %v", err)
	}
	if v, err := await(t.Context(), core.Call("next")); err != nil || !v.IsNull() {
		t.Errorf("after the end comes %v, %v", v, err)
	}
}
