// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import "testing"

func TestSizeClasses(t *testing.T) {
	classes := 0
	for n := 0; n <= MaxBody; n++ {
		class := SizeClass(n)
		if class < n || !IsSizeClass(class) || (class > 512 && class/2 >= n) {
			t.Fatalf("%d bytes go to class %d", n, class)
		}
		if IsSizeClass(n) {
			classes++
			if n%512 != 0 || n&(n-1) != 0 {
				t.Fatalf("%d is taken as a size class", n)
			}
		}
	}
	if classes != 10 {
		t.Errorf("%d classes from 512 to 256 KiB, want 10", classes)
	}
	for _, n := range []int{-1, MaxBody + 1, 2 * MaxBody} {
		if IsSizeClass(n) {
			t.Errorf("%d is taken as a size class", n)
		}
	}
	if SizeClass(MaxBody+1) != MaxBody+1 {
		t.Error("a body past MaxBody is padded rather than left to be refused")
	}
}
