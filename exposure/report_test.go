// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

import (
	"strings"
	"testing"

	"clarion.chat/clarion/wire"
)

// comfort is how much a headline promises, from nothing to all.
func comfort(code string) int {
	for i, codes := range []string{
		"headline_open headline_open_relay", "headline_middle_keys headline_middle_code", "headline_changed headline_changed_some headline_nobody",
		"headline_two_unchecked headline_group_one headline_group_some", "headline_two_code", "headline_two headline_group",
		"headline_only_two headline_only_group",
	} {
		if strings.Contains(" "+codes+" ", " "+code+" ") {
			return i
		}
	}
	return 99
}

// allowed is how much the facts allow a headline to promise: as much as the
// worst of them. It is written apart from what it judges.
func allowed(f Facts) int {
	most := 6
	limit := func(bad bool, to int) {
		if bad {
			most = min(most, to)
		}
	}
	limit(f.Program != "native", 5)
	for _, p := range f.People {
		limit(p.Program != "native", 5)
		known := p.Checked == "invite_link" || p.Checked == "digits" || p.Checked == "qr"
		spoken := f.Kind == "two" && len(f.People) == 1 && f.Compared == "same"
		limit(!known && spoken, 4)
		limit(!known && !spoken, 3)
		limit(p.Checked == "changed_since_check", 2)
	}
	limit(len(f.People) == 0, 2)
	limit(f.Compared == "differs" || keysUnknown(f), 1)
	ends := f.Seal == "frames" || f.Seal == "dtls" && f.Kind == "two" && f.Path != "sfu"
	limit(!ends, 0)
	return most
}

// keysUnknown: keys are in use, or may be, and nothing shows whose.
func keysUnknown(f Facts) bool { return !f.Verified && (!f.NotYet || f.Path != "unknown") }

// TestNeverMoreReassuring tries all combinations of facts: a headline promises
// what the worst of them allows and not more, and no claim says of a fact what
// it is not.
func TestNeverMoreReassuring(t *testing.T) {
	tried := 0
	every(func(f Facts) {
		tried++
		r := Of(f)
		if got, most := comfort(r.Headline.Code), allowed(f); got != most {
			t.Errorf("%s promises %d where the facts allow %d: %+v", r.Headline.Code, got, most, f)
		}
		for _, fault := range faults(f, r) {
			t.Errorf("%s: %+v", fault, f)
		}
		if t.Failed() && tried > 1000 {
			t.FailNow()
		}
	})
	if tried < 30_000 {
		t.Errorf("only %d combinations were tried", tried)
	}
}

// faults lists what a report says that its facts do not.
func faults(f Facts, r Report) []string {
	var all []string
	fault := func(bad bool, what string) {
		if bad {
			all = append(all, what)
		}
	}
	fault((f.Verified || keysUnknown(f)) && r.has("seal_not_yet"), "nothing is said to be sent, and something may be")
	heard := false
	r.claims(func(place string, c Claim) {
		direct := strings.HasSuffix(c.Code, "_direct") && c.Tense != Could || c.Code == "peer_address"
		fault(direct && f.Path != "direct", c.Code+" on a path that is not known to be direct")
		fault(strings.HasSuffix(c.Code, "_said") && (keysUnknown(f) || !f.sealed() || f.Compared == "differs"), c.Code+" though somebody could hear")
		fault(c.Code == "peer_address_hidden" && f.Path != "sfu" && (!f.AlwaysRelay || f.Path != "relay"), "an address that left is called hidden")
		fault(c.Code == "network_whom" && f.Path != "sfu" && (!f.AlwaysRelay || f.Path != "relay"), "a direct way that may have been tried is left out")
		fault(c.Test == "", c.Code+" has no test")
		fault(strings.HasPrefix(c.Code, "code_") && c.Args.At.IsZero() != (c.Code == "code_not_compared"), "when the code was compared")
		heard = heard || strings.HasSuffix(c.Code, "_hears") || strings.HasSuffix(c.Code, "_could_hear")
	})
	fault(heard != (keysUnknown(f) || !f.sealed() || f.Compared == "differs"), "who could hear is not said when it is so")
	middle := strings.HasPrefix(Sentence(r.Headline), "Somebody in the middle")
	fault(keysUnknown(f) && f.sealed() && !middle, "nothing was verified, and nobody is in the middle")
	fault(!f.sealed() && !strings.Contains(Sentence(r.Headline), "can hear"), "the headline does not say who can hear")
	for i, p := range f.People {
		said := strings.HasPrefix(Sentence(r.People[i].Claims[0]), "Checked")
		fault(said != p.checked(), "checked is said, or not, as it is not")
	}
	if f.Path == PathRelay || f.Path == PathSFU {
		fault(f.Relay != "" && r.Path.Args.Host != f.Relay, "the relay is not named")
		fault(f.Relay == "" && !r.Path.Warns, "a relay without a name is not warned of")
		fault(!strings.Contains(onlookers(r, RoleRelay), "|"+f.Relay+"|"), "the relay sees nothing")
	}
	fault((f.Program != "native") != r.has("page_own"), "the line about the own page")
	for _, p := range f.People {
		fault((p.Program != "native") != strings.Contains(pagesOf(r), "|"+p.Handle.String()+"|"), "the line about the page of "+p.Handle.Name)
	}
	hosts := []string{f.Host}
	for _, p := range f.People {
		hosts = append(hosts, p.Handle.Host)
		fault(!p.CheckedAt.Equal(r.People[len(hosts)-2].Claims[0].Args.At), "the day of the check")
	}
	for _, host := range hosts {
		fault(strings.Count(onlookers(r, RoleHost), "|"+host+"|") != 1, host+" is not named once")
	}
	return all
}

// onlookers joins the names of those of one role.
func onlookers(r Report, role Role) string {
	var all strings.Builder
	for _, o := range r.Onlookers {
		if o.Role == role {
			all.WriteString("|" + o.Name + "|")
		}
	}
	return all.String()
}

// pagesOf joins whose pages the report warns of.
func pagesOf(r Report) string {
	var all strings.Builder
	r.claims(func(_ string, c Claim) {
		if c.Code == "page_peer" {
			all.WriteString("|" + c.Args.Who + "|")
		}
	})
	return all.String()
}

// TestFaultsAreFound: what TestNeverMoreReassuring looks for, it finds in a
// report that was made of other facts than those that hold.
func TestFaultsAreFound(t *testing.T) {
	omar := Person{Handle: wire.Handle{Name: "omar", Host: other}, Checked: CheckedInvite, Program: ProgramNative}
	unchecked, paged, elsewhere := omar, omar, omar
	unchecked.Checked, paged.Program, elsewhere.Handle.Host = "", "", own
	good := Facts{Kind: KindTwo, Path: PathRelay, Relay: relay, Host: own, Seal: SealDTLS, Verified: true, AlwaysRelay: true,
		Program: ProgramNative, People: []Person{omar}}
	if found := faults(good, Of(good)); len(found) > 0 {
		t.Fatalf("of true facts: %q", found)
	}
	for what, lie := range map[string]func(told, so *Facts){
		"a path that is not known":      func(told, _ *Facts) { told.Path, told.Relay = PathDirect, "" },
		"though somebody could hear":    func(_, so *Facts) { so.Verified = false },
		"checked is said":               func(_, so *Facts) { so.People = []Person{unchecked} },
		"hidden":                        func(_, so *Facts) { so.AlwaysRelay = false },
		"the line about the own page":   func(_, so *Facts) { so.Program = ProgramBrowser },
		"the line about the page of":    func(_, so *Facts) { so.People = []Person{paged} },
		"the relay is not named":        func(_, so *Facts) { so.Relay = "another.example" },
		"a relay without a name is not": func(_, so *Facts) { so.Relay = "" },
		"the headline does not say":     func(_, so *Facts) { so.Seal = SealNone },
		"nobody is in the middle":       func(_, so *Facts) { so.Verified = false },
		other + " is not named":         func(told, _ *Facts) { told.People = []Person{elsewhere} },
		"when the code was compared":    func(told, _ *Facts) { told.Compared = ComparedSame },
		"the day of the check":          func(_, so *Facts) { so.People = []Person{{Handle: omar.Handle, CheckedAt: day}} },
	} {
		told, so := good, good
		lie(&told, &so)
		if found := strings.Join(faults(so, Of(told)), "\n"); !strings.Contains(found, what) {
			t.Errorf("%q is not among what is found: %q", what, found)
		}
	}
}

// worse lists facts that differ from f by one that got worse.
func worse(f Facts) []Facts {
	var all []Facts
	but := func(change func(*Facts)) {
		g := f
		g.People = append([]Person(nil), f.People...)
		change(&g)
		all = append(all, g)
	}
	but(func(f *Facts) { f.Verified = false })
	but(func(f *Facts) { f.Seal = SealNone })
	but(func(f *Facts) { f.AlwaysRelay = false })
	but(func(f *Facts) { f.Program = ProgramBrowser })
	but(func(f *Facts) { f.Compared = ComparedDiffers })
	if f.Compared == ComparedSame {
		but(func(f *Facts) { f.Compared = ComparedNot })
	}
	for i := range f.People {
		but(func(f *Facts) { f.People[i].Program = ProgramUnknown })
		but(func(f *Facts) { f.People[i].Checked = ChangedSince })
		if f.People[i].checked() {
			but(func(f *Facts) { f.People[i].Checked = "" })
		}
	}
	return all
}

// TestWorseNeverWarnsLess: a fact that gets worse takes no warning away.
func TestWorseNeverWarnsLess(t *testing.T) {
	n := 0
	every(func(f Facts) {
		if n++; n%7 != 0 { // each worse fact meets each other one all the same
			return
		}
		r := Of(f)
		before := r.warnings()
		for _, g := range worse(f) {
			after := Of(g)
			now := after.warnings()
			for w := range before {
				if !now[w] {
					t.Fatalf("%q is not warned of any more when\n%+v becomes\n%+v", w, f, g)
				}
			}
		}
	})
}

// TestHeadlines are the sentences as people read them.
func TestHeadlines(t *testing.T) {
	omar := Person{Handle: companies()[1][0].Handle, Checked: CheckedQR, CheckedAt: day, Program: ProgramNative}
	lin := omar
	lin.Handle.Name, lin.Checked = "lin", ""
	two := Facts{Kind: KindTwo, Path: PathDirect, Host: own, Seal: SealDTLS, Verified: true, Program: ProgramNative, People: []Person{omar}}
	for want, change := range map[string]func(*Facts){
		"Only you and omar@other.example, whom you checked.":       func(*Facts) {},
		"You and omar@other.example, whom you checked.":            func(f *Facts) { f.Program = ProgramBrowser },
		"Two people. You have not checked lin@other.example.":      func(f *Facts) { f.People = []Person{lin} },
		"3 people. You have not checked one of them.":              func(f *Facts) { f.People = []Person{omar, lin} },
		"It is not known who else is in this call.":                func(f *Facts) { f.People = nil },
		"relay.example can hear this call, and so can every netwo": func(f *Facts) { f.Path, f.Relay, f.Kind = PathSFU, relay, KindGroup },
		"Whoever carries this call can hear it: it is not end to":  func(f *Facts) { f.Seal = "" },
		"Somebody in the middle could hear: nothing shows that th": func(f *Facts) { f.Verified = false },
		"Somebody in the middle could hear: the codes you read to": func(f *Facts) { f.Compared = ComparedDiffers },
	} {
		f := two
		change(&f)
		if got := Sentence(Of(f).Headline); !strings.HasPrefix(got, want) {
			t.Errorf("the headline is %q, not %q", got, want)
		}
	}
	if got := Sentence(Of(two).People[0].Claims[0]); got != "Checked by scanning their screen, 12 March 2026." {
		t.Errorf("Omar is %q", got)
	}
}

// TestUnknownWords: a word that this package does not know counts as the worst.
func TestUnknownWords(t *testing.T) {
	f := Facts{Kind: "a kind", Path: "a path", Seal: "a seal", Compared: "a result", Program: "a program", Verified: true,
		People: []Person{{Checked: "a way", Program: "a program"}}}
	r := Of(f)
	if r.Headline.Code != "headline_open" || r.Path.Code != "path_unknown" || !r.has("person_not_checked") || !r.has("page_own") || !r.has("page_peer") {
		t.Errorf("of unknown words the report is %+v", r)
	}
	if f.Seal, f.Kind = SealDTLS, "a kind"; Of(f).Headline.Code != "headline_open" {
		t.Error("in a call of an unknown kind, DTLS counts as a seal from end to end")
	}
	browser := Facts{Program: ProgramBrowser, People: []Person{{Program: ProgramBrowser}}}
	if r := Of(browser); !r.has("page_own") || !r.has("page_peer") {
		t.Error("of browsers there is no word of whoever serves the page")
	}
	if r := Of(Facts{}); r.Headline.Code != "headline_open" {
		t.Errorf("of no facts the headline is %s", r.Headline.Code)
	}
}
