// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"slices"
	"strconv"
	"strings"

	"clarion.chat/clarion/exposure"
)

// exposureCatalogue is the page's catalogue of the words of package exposure,
// which terminals and public pages say too.
func exposureCatalogue() string {
	return joined(exposure.Words(), "{\n", ",\n", "\n}\n", func(w exposure.Word) string {
		return "  " + strconv.Quote("exposure_"+w.Code) + ": " + quoted(w.Text)
	})
}

// exposureChoice is TypeScript that finds the words of a claim by its code. It
// names those of reports only: whatever it names, the page loads.
func exposureChoice() string {
	return joined(exposure.ReportWords(), choiceHead, ",\n", ",\n}\n", func(w exposure.Word) string {
		return "  " + w.Code + ": m.exposure_" + w.Code
	})
}

const choiceHead = `// SPDX-License-Identifier: AGPL-3.0-or-later
// Written by go run ./web/gen from package exposure. Change it there.
import { m } from '../paraglide/messages.js'

/** What the words of a claim may mention, each in the form it is shown in. */
export interface Mentions {
  who: string
  host: string
  count: number
  some: number
  date: string
}

/** The words of each code of a report, and of the roles in it. */
export const exposed: Record<string, (a: Mentions) => string> = {
`

// joined is a text with a line of each word, by code.
func joined(words []exposure.Word, head, between, tail string, line func(exposure.Word) string) string {
	slices.SortFunc(words, func(a, b exposure.Word) int { return strings.Compare(a.Code, b.Code) })
	lines := make([]string, len(words))
	for i, w := range words {
		lines[i] = line(w)
	}
	return head + strings.Join(lines, between) + tail
}

// quoted is a string of JSON. The words have no sign that Go and JSON write
// otherwise; TestExposureIsCurrent reads them back.
func quoted(s string) string { return strconv.Quote(s) }
