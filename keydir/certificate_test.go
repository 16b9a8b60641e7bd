// SPDX-License-Identifier: AGPL-3.0-or-later

package keydir

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math"
	"testing"

	"clarion.chat/clarion/wire"
)

const certified = int64(1_800_000_000)

func newCertificate(o *owner) Certificate {
	return Certificate{
		Handle: o.entry.Handle, DeviceKey: o.entry.Devices[0], IdentityKey: o.entry.IdentityKey,
		NotBefore: certified, NotAfter: certified + 90*24*3600,
	}
}

func TestCertificateTimes(t *testing.T) {
	o := newOwner(t, "ada", 1)
	b := SignCertificate(newCertificate(o), o.identity)
	for name, tc := range map[string]struct {
		now  int64
		want error
	}{
		"unchecked":     {0, nil},
		"too early":     {certified - 1, ErrNotYetValid},
		"first second":  {certified, nil},
		"last second":   {certified + 90*24*3600 - 1, nil},
		"a second late": {certified + 90*24*3600, ErrExpired},
		"before 1970":   {-1, ErrNotYetValid},
	} {
		c, err := VerifyCertificate(b, testHost, tc.now)
		if !errors.Is(err, tc.want) || (c == nil) != (tc.want != nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if c != nil && *c != newCertificate(o) {
			t.Errorf("%s: it says %+v", name, c)
		}
	}
}

func TestCertificateLifetime(t *testing.T) {
	o := newOwner(t, "ada", 1)
	for name, tc := range map[string]struct {
		from, to int64
		want     error
	}{
		"90 days":           {certified, certified + 90*24*3600, nil},
		"and an hour":       {certified, certified + 90*24*3600 + 3600, nil},
		"and a second more": {certified, certified + 90*24*3600 + 3601, ErrLifetime},
		"no time":           {certified, certified, ErrLifetime},
		"backwards":         {certified, certified - 1, ErrLifetime},
		"all of time":       {math.MinInt64, math.MaxInt64, ErrLifetime},
		"overflowing":       {-2, math.MaxInt64, ErrLifetime},
	} {
		c := newCertificate(o)
		c.NotBefore, c.NotAfter = tc.from, tc.to
		if _, err := VerifyCertificate(SignCertificate(c, o.identity), testHost, 0); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestCertificateForged(t *testing.T) {
	o := newOwner(t, "ada", 1)
	eve, _ := key("eve")
	b := SignCertificate(newCertificate(o), o.identity)
	if _, err := VerifyCertificate(b, "other.example", certified); !errors.Is(err, ErrHost) {
		t.Errorf("at another host: %v", err)
	}
	for at := range b {
		for bit := range 8 {
			forged := bytes.Clone(b)
			forged[at] ^= 1 << bit
			if _, err := VerifyCertificate(forged, testHost, certified); err == nil {
				t.Fatalf("bit %d of byte %d may be flipped", bit, at)
			}
		}
	}
	for n := range b {
		if _, err := VerifyCertificate(b[:n], testHost, certified); err == nil {
			t.Fatalf("the first %d bytes are taken", n)
		}
	}
	c := newCertificate(o)
	body := wire.MustMarshal(&c)
	for name, signature := range map[string][]byte{
		"another key":     ed25519.Sign(eve, wire.ToSign(purposeCertificate, testHost, body)),
		"another purpose": ed25519.Sign(o.identity, wire.ToSign(purposeEntry, testHost, body)),
		"another host":    ed25519.Sign(o.identity, wire.ToSign(purposeCertificate, "other.example", body)),
		"bare":            ed25519.Sign(o.identity, body),
	} {
		forged := wire.MustMarshal(&signedCertificate{body, wire.Signature(signature)})
		if _, err := VerifyCertificate(forged, testHost, certified); !errors.Is(err, ErrSignature) {
			t.Errorf("signed with %s: %v", name, err)
		}
	}
	body[0] = 2
	if _, err := VerifyCertificate(wire.MustMarshal(&signedCertificate{body, wire.Signature{}}), testHost, 0); !errors.Is(err, ErrVersion) {
		t.Errorf("version 2: %v", err)
	}
}

func TestCertifies(t *testing.T) {
	o, eve := newOwner(t, "ada", 2), newOwner(t, "eve", 2)
	a := o.verify(t)
	for name, tc := range map[string]struct {
		change func(*Certificate)
		signer ed25519.PrivateKey
		want   error
	}{
		"her own":          {func(*Certificate) {}, o.identity, nil},
		"another's handle": {func(c *Certificate) { c.Handle = eve.entry.Handle }, o.identity, ErrHandle},
		"another's key":    {func(*Certificate) {}, eve.identity, ErrWrongKey},
		"unnamed device":   {func(c *Certificate) { c.DeviceKey[0]++ }, o.identity, ErrDevice},
	} {
		c := newCertificate(o)
		tc.change(&c)
		got, err := VerifyCertificate(SignCertificate(c, tc.signer), testHost, certified)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := a.Certifies(got); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestSignCertificateRefusesNoHandle(t *testing.T) {
	o := newOwner(t, "ada", 1)
	defer func() {
		if recover() == nil {
			t.Error("a certificate for no handle was signed")
		}
	}()
	SignCertificate(Certificate{}, o.identity)
}

func FuzzVerifyCertificate(f *testing.F) {
	o := newOwner(f, "ada", 1)
	f.Add(SignCertificate(newCertificate(o), o.identity), certified)
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, now int64) {
		c, err := VerifyCertificate(b, testHost, now)
		if err != nil {
			return
		}
		if c.Handle.Host != testHost || (now != 0 && (now < c.NotBefore || now >= c.NotAfter)) {
			t.Fatalf("verified against its own words: %+v at %d", c, now)
		}
	})
}
