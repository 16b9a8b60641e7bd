// SPDX-License-Identifier: AGPL-3.0-or-later

package exposure

// onlookers lists everybody who sees something of the call. Whoever serves a
// page comes last.
func (f *Facts) onlookers() []Onlooker {
	var all []Onlooker
	for i := range f.People {
		all = append(all, f.peer(&f.People[i]))
	}
	for _, host := range f.hosts() {
		all = append(all, Onlooker{RoleHost, host, []Claim{
			say("host_signals", Sees, Args{}), say("host_ties", Could, Args{}), f.heard("host"),
		}})
	}
	if f.relayed() {
		code := "relay_addresses"
		if f.Path == PathSFU {
			code = "sfu_addresses"
		}
		all = append(all, Onlooker{RoleRelay, f.Relay, []Claim{say(code, Sees, Args{}), f.heard("relay")}})
	}
	return append(append(all, f.network()), f.pages()...)
}

// hosts are those of all accounts, each once, the own one first.
func (f *Facts) hosts() []string {
	all := []string{f.Host}
next:
	for i := range f.People {
		host := f.People[i].Handle.Host
		for _, known := range all {
			if known == host {
				continue next
			}
		}
		all = append(all, host)
	}
	return all
}

// heard says whether somebody on the way can hear.
func (f *Facts) heard(who string) Claim {
	switch {
	case !f.sealed() && who != "host": // a host that is no relay carries nothing
		return say(who+"_hears", Sees, Args{})
	case !f.sealed() || f.middle():
		return say(who+"_could_hear", Could, Args{})
	}
	return say(who+"_said", Cannot, Args{})
}

func (f *Facts) peer(p *Person) Onlooker {
	var all []Claim
	if f.Sends.Audio {
		all = append(all, say("peer_audio", Sees, Args{}))
	}
	if f.Sends.Video {
		all = append(all, say("peer_video", Sees, Args{}))
	}
	if f.Sends.Screen {
		all = append(all, say("peer_screen", Sees, Args{}))
	}
	switch {
	case f.Path == PathDirect:
		all = append(all, say("peer_address", Sees, Args{}))
	case f.Path == PathSFU: // candidates go to the server alone
		all = append(all, say("peer_address_hidden", Cannot, Args{}))
	case !f.AlwaysRelay:
		all = append(all, say("peer_address_offered", Sees, Args{}))
	case f.Path == PathRelay:
		all = append(all, say("peer_address_hidden", Cannot, Args{}))
	}
	if f.Kind != KindTwo {
		all = append(all, say("peer_speaks_as", Could, Args{}))
	}
	return Onlooker{RolePeer, p.Handle.String(), all}
}

// network is what carries the packets of this device.
func (f *Facts) network() Onlooker {
	var all []Claim
	switch {
	case f.Path == PathSFU, f.Path == PathRelay && f.AlwaysRelay:
		all = append(all, say("network_relay", Sees, Args{}), say("network_whom", Cannot, Args{}))
	case f.Path == PathRelay: // the direct way was tried first
		all = append(all, say("network_relay", Sees, Args{}), say("network_tried", Sees, Args{}))
	case f.Path == PathDirect:
		all = append(all, say("network_direct", Sees, Args{}))
	default: // a path that is not known may be direct
		all = append(all, say("network_direct", Could, Args{}))
	}
	return Onlooker{Role: RoleNetwork, Claims: append(all, f.heard("network"))}
}

// pages are whoever serves the programs of those who do not have their own.
func (f *Facts) pages() []Onlooker {
	var all []Onlooker
	if f.Program != ProgramNative {
		host := f.PageHost
		if host == "" {
			host = f.Host
		}
		all = append(all, Onlooker{RolePage, host, []Claim{say("page_own", Could, Args{})}})
	}
	for i := range f.People {
		if p := &f.People[i]; p.Program != ProgramNative {
			all = append(all, Onlooker{RolePage, p.Handle.Host, []Claim{say("page_peer", Could, Args{Who: p.Handle.String()})}})
		}
	}
	return all
}
