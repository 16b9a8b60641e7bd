// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"syscall/js"
	"time"

	"clarion.chat/clarion/client"
	"clarion.chat/clarion/cmd/clarion-wasm/calls"
	"clarion.chat/clarion/wire"
)

// maxExact is the largest whole number that JavaScript holds exactly.
const maxExact = 1<<53 - 1

// toJS turns a value of Go into JavaScript's, as package calls says. It fails
// only for a number that JavaScript cannot hold; a type that does not cross is
// a fault of the table, which web/gen refuses.
func toJS(v reflect.Value) (js.Value, error) {
	if v.CanInterface() {
		switch v := v.Interface().(type) {
		case time.Time:
			if v.IsZero() {
				return js.ValueOf(0), nil
			}
			return js.ValueOf(float64(v.UnixMilli())), nil
		case time.Duration:
			return js.ValueOf(float64(v.Milliseconds())), nil
		case wire.Handle:
			if v == (wire.Handle{}) {
				return js.ValueOf(""), nil
			}
			return js.ValueOf(v.String()), nil
		}
	}
	switch v.Kind() {
	case reflect.String:
		return js.ValueOf(v.String()), nil
	case reflect.Bool:
		return js.ValueOf(v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n := v.Int(); n >= -maxExact && n <= maxExact {
			return js.ValueOf(float64(n)), nil
		}
		return js.Null(), errNotExact
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := v.Uint(); n <= maxExact {
			return js.ValueOf(float64(n)), nil
		}
		return js.Null(), errNotExact
	case reflect.Pointer:
		if v.IsNil() {
			return js.Null(), nil
		}
		return toJS(v.Elem())
	case reflect.Slice, reflect.Array:
		return listToJS(v)
	case reflect.Map:
		object := newObject()
		for at := v.MapRange(); at.Next(); {
			member, err := toJS(at.Value())
			if err != nil {
				return js.Null(), err
			}
			object.Set(at.Key().String(), member)
		}
		return object, nil
	case reflect.Struct:
		object := newObject()
		return object, fieldsToJS(object, v)
	}
	panic("a " + v.Type().String() + " does not cross")
}

var errNotExact = errors.New("a number is larger than JavaScript holds exactly")

func newObject() js.Value { return js.Global().Get("Object").New() }

func listToJS(v reflect.Value) (js.Value, error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Array {
			whole := reflect.New(v.Type()).Elem() // an array in an interface has no address
			whole.Set(v)
			v = whole
		}
		return bytesToJS(v.Bytes()), nil
	}
	list := js.Global().Get("Array").New(v.Len())
	for i := range v.Len() {
		element, err := toJS(v.Index(i))
		if err != nil {
			return js.Null(), err
		}
		list.SetIndex(i, element)
	}
	return list, nil
}

func bytesToJS(b []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	return array
}

// fieldsToJS sets what a struct holds on an object.
func fieldsToJS(object js.Value, v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			if err := fieldsToJS(object, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		member, err := toJS(v.Field(i))
		if err != nil {
			return err
		}
		object.Set(calls.FieldName(field.Name), member)
	}
	return nil
}

// fromJS reads a value of JavaScript into v and refuses what is not of its
// type; name says where it stands, for the refusal.
func fromJS(name string, from js.Value, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		return stringFromJS(name, from, v)
	case reflect.Bool:
		if from.Type() != js.TypeBoolean {
			return wrongArgument(name, "true or false")
		}
		v.SetBool(from.Bool())
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		return numberFromJS(name, from, v)
	case reflect.Pointer:
		if from.IsNull() || from.IsUndefined() {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return fromJS(name, from, v.Elem())
	case reflect.Slice:
		return listFromJS(name, from, v)
	case reflect.Struct:
		return fieldsFromJS(name, from, v)
	default:
		panic("a " + v.Type().String() + " is no parameter")
	}
	return nil
}

// stringFromJS reads text. JavaScript's strings may hold halves of characters,
// which would arrive as U+FFFD; encodeURIComponent throws at them.
func stringFromJS(name string, from js.Value, v reflect.Value) error {
	if from.Type() != js.TypeString {
		return wrongArgument(name, "a string")
	}
	s := from.String()
	if strings.ContainsRune(s, '\uFFFD') {
		if _, err := try(func() js.Value { return js.Global().Call("encodeURIComponent", from) }); err != nil {
			return wrongArgument(name, "text")
		}
	}
	v.SetString(s)
	return nil
}

func numberFromJS(name string, from js.Value, v reflect.Value) error {
	if from.Type() != js.TypeNumber {
		return wrongArgument(name, "a number")
	}
	f := from.Float()
	if !(f >= -maxExact && f <= maxExact) || f != float64(int64(f)) {
		return wrongArgument(name, "a whole number")
	}
	if v.CanUint() {
		if f < 0 {
			return wrongArgument(name, "a number that is not below 0")
		}
		v.SetUint(uint64(f))
		return nil
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		f *= float64(time.Millisecond)
		if f < -maxExact || f > maxExact {
			return wrongArgument(name, "a number of milliseconds of at most 104 days")
		}
	}
	if v.OverflowInt(int64(f)) {
		return wrongArgument(name, "a smaller number")
	}
	v.SetInt(int64(f))
	return nil
}

// maxList bounds a list of parameters, in elements or bytes.
const maxList = 1 << 20

func listFromJS(name string, from js.Value, v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if !from.InstanceOf(js.Global().Get("Uint8Array")) || from.Length() > maxList {
			return wrongArgument(name, "a Uint8Array")
		}
		b := make([]byte, from.Length())
		js.CopyBytesToGo(b, from)
		v.SetBytes(b)
		return nil
	}
	if !js.Global().Get("Array").Call("isArray", from).Bool() || from.Length() > maxList {
		return wrongArgument(name, "a list")
	}
	list := reflect.MakeSlice(v.Type(), from.Length(), from.Length())
	for i := range list.Len() {
		if err := fromJS(fmt.Sprintf("%s[%d]", name, i), from.Index(i), list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// fieldsFromJS reads an object into a struct. A member that the struct does
// not have is refused: it would be a call meant for another version.
func fieldsFromJS(name string, from js.Value, v reflect.Value) error {
	if v.NumField() == 0 && (from.IsUndefined() || from.IsNull()) {
		return nil
	}
	if from.Type() != js.TypeObject {
		return wrongArgument(name, "an object")
	}
	members := js.Global().Get("Object").Call("keys", from)
	known := map[string]bool{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		member := calls.FieldName(field.Name)
		known[member] = true
		value := from.Get(member)
		if value.IsUndefined() && calls.Optional(field.Tag) {
			continue
		}
		if err := fromJS(name+"."+member, value, v.Field(i)); err != nil {
			return err
		}
	}
	for i := range members.Length() {
		if member := members.Index(i).String(); !known[member] {
			return &client.Failure{Code: failUsage, Text: name + " has no " + member}
		}
	}
	return nil
}

// failUsage is the code of a call that cannot be meant.
const failUsage = "usage"

func wrongArgument(name, want string) *client.Failure {
	return &client.Failure{Code: failUsage, Text: name + " must be " + want}
}
