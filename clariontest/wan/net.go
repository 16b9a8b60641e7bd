// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package wan

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Router is what stands between a host and the hub.
type Router int

// Kinds of routers.
const (
	Open      Router = iota // none: the host has a public address
	Cone                    // one public port for each inner one, whoever it talks to; answers only from there
	Symmetric               // another public port, drawn at random, for each of the other ends
)

// Wall is what a host may not send.
type Wall int

// Kinds of walls.
const (
	NoWall  Wall = iota
	NoUDP        // no UDP at all
	Only443      // TCP to port 443 and nothing else
)

// Access is how a host is connected.
type Access struct {
	Router Router
	Wall   Wall
	Line   Line
}

// Net is the small internet. It is taken down when its test ends.
type Net struct {
	t    testing.TB
	hub  *hub
	name string
	next int
	seed uint64
}

// Host is a machine in it.
type Host struct {
	net    *Net
	space  string
	outer  string     // its router's namespace, or its own
	Public netip.Addr // the address that others see
}

var made atomic.Int32

// New makes an empty net. The seed decides which packets are lost.
func New(t testing.TB, seed uint64) *Net {
	t.Helper()
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is missing: apt-get install -y iproute2 nftables", program)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	n := &Net{
		t: t, seed: seed, name: fmt.Sprintf("cl%d-%d", os.Getpid(), made.Add(1)),
		hub: &hub{ports: map[netip.Addr]*port{}, seen: map[netip.Addr]int{}},
	}
	t.Cleanup(n.hub.wg.Wait)
	return n
}

// Strays lists addresses that somebody sent to and that no host has.
func (n *Net) Strays() map[netip.Addr]int {
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	all := map[netip.Addr]int{}
	for a, count := range n.hub.seen {
		all[a] = count
	}
	return all
}

func (n *Net) run(program string, args ...string) {
	n.t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// space makes a namespace that goes with the test.
func (n *Net) makeSpace() string {
	n.t.Helper()
	n.next++
	name := fmt.Sprintf("%s-%d", n.name, n.next)
	n.run("ip", "netns", "add", name)
	n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	n.run("ip", "-n", name, "link", "set", "lo", "up")
	return name
}

// Host adds a machine. Public addresses are of 198.51.100.0/24, which is set
// aside for documentation; behind a router a host is 192.168.1.2.
func (n *Net) Host(a Access) *Host {
	n.t.Helper()
	outer := n.makeSpace()
	h := &Host{net: n, space: outer, outer: outer, Public: netip.AddrFrom4([4]byte{198, 51, 100, byte(n.next)})}
	device := n.tun(outer)
	n.run("ip", "-n", outer, "addr", "add", h.Public.String()+"/24", "dev", "wan")
	n.run("ip", "-n", outer, "link", "set", "wan", "up", "mtu", "1400")
	n.run("ip", "-n", outer, "route", "add", "default", "dev", "wan")
	n.hub.attach(h.Public, device, a.Line, n.seed+uint64(n.next))
	n.t.Cleanup(func() { device.Close() })
	if a.Router != Open {
		h.space = n.behind(outer, a.Router)
	}
	n.wall(outer, h.space != outer, a.Wall)
	return h
}

// Block raises a wall where there was none: the network changes under whoever
// is on.
func (h *Host) Block(w Wall) { h.net.wall(h.outer, h.space != h.outer, w) }

// behind makes the machine behind a router.
func (n *Net) behind(outer string, r Router) string {
	n.t.Helper()
	inner := n.makeSpace()
	n.run("ip", "-n", outer, "link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", inner)
	n.run("ip", "-n", outer, "addr", "add", "192.168.1.1/24", "dev", "lan")
	n.run("ip", "-n", outer, "link", "set", "lan", "up")
	n.run("ip", "-n", inner, "addr", "add", "192.168.1.2/24", "dev", "eth0")
	n.run("ip", "-n", inner, "link", "set", "eth0", "up", "mtu", "1400")
	n.run("ip", "-n", inner, "route", "add", "default", "via", "192.168.1.1")
	n.run("ip", "netns", "exec", outer, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	masquerade := "masquerade"
	if r == Symmetric {
		masquerade = "masquerade fully-random"
	}
	// What nobody behind it asked for is dropped, as routers do; answered, it
	// would take the port that the inner host is about to use.
	n.rules(outer, `table ip guard { chain in { type filter hook input priority 0; iifname "wan" ct state new drop`+"\n}\n}\n")
	n.rules(outer, `table ip nat { chain out { type nat hook postrouting priority 100; oifname "wan" `+masquerade+"\n}\n}\n")
	return inner
}

// wall blocks on the way out: in the router for a host behind one, else in the
// host itself.
func (n *Net) wall(space string, routed bool, w Wall) {
	n.t.Helper()
	hook := "output"
	if routed {
		hook = "forward"
	}
	rule := ""
	switch w {
	case NoWall:
		return
	case NoUDP:
		rule = `oifname "wan" meta l4proto udp drop`
	case Only443:
		rule = `oifname "wan" tcp dport 443 accept; oifname "wan" drop`
	}
	n.rules(space, `table ip wall { chain block { type filter hook `+hook+` priority 0; `+rule+"\n}\n}\n")
}

func (n *Net) rules(space, text string) {
	n.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", space, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("nft: %v: %s", err, out)
	}
}

// Command is a program in the host. Its environment is this process's.
func (h *Host) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", h.space, program}, args...)...)
}

// tun opens a device named wan in a namespace.
func (n *Net) tun(space string) *os.File {
	n.t.Helper()
	var device *os.File
	err := inside(space, func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		req, err := unix.NewIfreq("wan")
		if err != nil {
			return err
		}
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			return err
		}
		device = os.NewFile(uintptr(fd), "wan")
		return nil
	})
	if err != nil {
		n.t.Fatalf("a tun device in %s: %v", space, err)
	}
	return device
}

// inside runs f in a network namespace, on a thread that ends with it.
func inside(space string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in another namespace
		fd, err := unix.Open("/run/netns/"+space, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			_ = unix.Close(fd)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}
