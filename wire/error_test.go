// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// TestEveryCodeHasItsSentence reads the codes from the source, so that a new
// one cannot be forgotten in the table.
func TestEveryCodeHasItsSentence(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		literal := spec.Values[0].(*ast.BasicLit)
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		codes++
		if r := Refuse(Code(text)); r.Text == "" || r.Hint == "" || len(r.Text) > 512 || len(r.Hint) > 512 {
			t.Errorf("code %s has the sentence %q and the hint %q", text, r.Text, r.Hint)
		}
		return true
	})
	if codes != len(sentences) {
		t.Errorf("%d codes, %d sentences", codes, len(sentences))
	}
}

func TestCodeOf(t *testing.T) {
	if got := CodeOf(fmt.Errorf("append: %w", Refuse(CodeStaleEpoch))); got != CodeStaleEpoch {
		t.Errorf("a wrapped refusal has code %s", got)
	}
	if got := CodeOf(errors.New("else")); got != CodeInternal {
		t.Errorf("another error has code %s", got)
	}
}
