package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/nats-io/jwt/v2"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// login is a configuration with some values set.
func login(t *testing.T, set map[string]any) *config {
	t.Helper()
	values := map[string]any{}
	for _, s := range settings() {
		values[s.key] = s.def
	}
	for key, v := range set {
		require.Contains(t, values, key)
		values[key] = v
	}
	c := &config{list: settings(), k: koanf.New(".")}
	require.NoError(t, c.k.Load(confmap.Provider(values, "."), nil))
	return c
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func userKey(t *testing.T) (seed []byte, public string) {
	t.Helper()
	k, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err = k.Seed()
	require.NoError(t, err)
	public, err = k.PublicKey()
	require.NoError(t, err)
	return seed, public
}

// account makes an operator, an account and a credentials file of one of its
// users.
func account(t *testing.T, expires int64) (o *natsserver.Options, creds []byte) {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	require.NoError(t, err)
	operatorID, err := operator.PublicKey()
	require.NoError(t, err)
	oc := jwt.NewOperatorClaims(operatorID)
	operatorJWT, err := oc.Encode(operator)
	require.NoError(t, err)
	oc, err = jwt.DecodeOperatorClaims(operatorJWT)
	require.NoError(t, err)
	key, err := nkeys.CreateAccount()
	require.NoError(t, err)
	accountID, err := key.PublicKey()
	require.NoError(t, err)
	accountJWT, err := jwt.NewAccountClaims(accountID).Encode(operator)
	require.NoError(t, err)
	seed, user := userKey(t)
	uc := jwt.NewUserClaims(user)
	uc.Expires = expires
	userJWT, err := uc.Encode(key)
	require.NoError(t, err)
	creds, err = jwt.FormatUserConfig(userJWT, seed)
	require.NoError(t, err)
	resolver := &natsserver.MemAccResolver{}
	require.NoError(t, resolver.Store(accountID, accountJWT))
	return &natsserver.Options{TrustedOperators: []*jwt.OperatorClaims{oc}, AccountResolver: resolver}, creds
}

// authority makes a certificate of its own and one for 127.0.0.1, and their
// files.
func authority(t *testing.T) (ca, cert, key string) {
	t.Helper()
	make := func(serial int64, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("ripen ", serial)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: parent == nil,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
		if parent == nil {
			parent, signer = c, k
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &k.PublicKey, signer)
		require.NoError(t, err)
		return c, k, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	root, rootKey, rootPEM := make(1, nil, nil)
	_, leafKey, leafPEM := make(2, root, rootKey)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	require.NoError(t, err)
	return write(t, "ca.pem", rootPEM), write(t, "cert.pem", leafPEM), write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Each way to log in works on a server that asks for it, and not without.
func TestLogin_EachWay(t *testing.T) {
	seed, public := userKey(t)
	trusted, creds := account(t, 0)
	ca, cert, key := authority(t)
	tlsConfig, err := natsserver.GenTLSConfig(&natsserver.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: ca, Verify: true, Timeout: 5})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		server natsserver.Options
		set    map[string]any
		inURL  string
	}{
		"user":        {natsserver.Options{Username: "me", Password: "secret"}, map[string]any{"user": "me", "password": "secret"}, ""},
		"user in URL": {natsserver.Options{Username: "me", Password: "secret"}, nil, "me:secret@"},
		"token":       {natsserver.Options{Authorization: "s3cr3t"}, map[string]any{"token": "s3cr3t"}, ""},
		"nkey":        {natsserver.Options{Nkeys: []*natsserver.NkeyUser{{Nkey: public}}}, map[string]any{"nkey": write(t, "user.nk", seed)}, ""},
		"creds":       {*trusted, map[string]any{"creds": write(t, "user.creds", creds)}, ""},
		"tls":         {natsserver.Options{TLSConfig: tlsConfig, TLSVerify: true}, map[string]any{"tls_ca": ca, "tls_cert": cert, "tls_key": key}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.server
			o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", -1, true, true
			s, err := natsserver.NewServer(&o)
			require.NoError(t, err)
			s.Start()
			defer func() { s.Shutdown(); s.WaitForShutdown() }()
			require.True(t, s.ReadyForConnections(10*time.Second))
			addr := s.Addr().String()
			_, err = nats.Connect("nats://" + addr)
			require.Error(t, err, "not without")

			conf := login(t, c.set)
			require.NoError(t, conf.k.Set("nats", "nats://"+c.inURL+addr))
			require.NoError(t, conf.checkLogin())
			url, opts := conf.natsOptions()
			assert.Equal(t, "nats://"+addr, url)
			nc, err := nats.Connect(url, opts...)
			require.NoError(t, err)
			nc.Close()
		})
	}
}

func TestLogin_WhatIsWrongIsNamed(t *testing.T) {
	_, expired := account(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix()-365*24*3600)
	_, creds := account(t, 0)
	_, other := account(t, 0)
	block, rest := pemLike(creds), pemLike(other)
	operator, err := nkeys.CreateOperator()
	require.NoError(t, err)
	operatorSeed, err := operator.Seed()
	require.NoError(t, err)
	ca, cert, key := authority(t)
	_, _, otherKey := authority(t)
	absent := filepath.Join(t.TempDir(), "absent")
	for name, c := range map[string]struct {
		set  map[string]any
		want string
	}{
		"absent creds":     {map[string]any{"creds": absent}, "credentials file " + absent + ": no such file or directory"},
		"creds are a text": {map[string]any{"creds": write(t, "x", []byte("hello"))}, "found no user JWT, expected a file with the blocks"},
		"creds expired":    {map[string]any{"creds": write(t, "x", expired)}, "it expired at 2025-01-02T03:04:05Z; generate it again"},
		"creds mixed":      {map[string]any{"creds": write(t, "x", []byte(block[0]+rest[1]))}, "its key is not that of the user in its JWT"},
		"creds half":       {map[string]any{"creds": write(t, "x", []byte(block[0]))}, "found no user key, expected a block USER NKEY SEED"},
		"absent nkey":      {map[string]any{"nkey": absent}, "NKey file " + absent + ": no such file"},
		"nkey is a text":   {map[string]any{"nkey": write(t, "x", []byte("hello"))}, "found no key, expected the seed of a user"},
		"operator's nkey":  {map[string]any{"nkey": write(t, "x", operatorSeed)}, "found a key that is not a user's"},
		"absent ca":        {map[string]any{"tls_ca": absent}, "file of certificate authorities " + absent + ": no such file"},
		"ca is a text":     {map[string]any{"tls_ca": write(t, "x", []byte("hello"))}, "found no certificate"},
		"ca is a key":      {map[string]any{"tls_ca": key}, "found a PEM block PRIVATE KEY, expected CERTIFICATE"},
		"cert alone":       {map[string]any{"tls_cert": cert}, "--tls-cert and --tls-key belong together"},
		"another's key":    {map[string]any{"tls_cert": cert, "tls_key": otherKey}, "private key does not match public key"},
		"user alone":       {map[string]any{"user": "me"}, `user "me" has no password; set it as RIPEN_PASSWORD`},
		"password alone":   {map[string]any{"password": "secret"}, "a password is set, but no user"},
		"two ways":         {map[string]any{"token": "secret", "nkey": absent}, "several logins are configured"},
		"URL and flag":     {map[string]any{"nats": "nats://a:b@h", "user": "me", "password": "p"}, "several logins are configured"},
	} {
		t.Run(name, func(t *testing.T) {
			err := login(t, c.set).checkLogin()
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
	require.NoError(t, login(t, map[string]any{"tls_ca": ca, "tls_cert": cert, "tls_key": key, "creds": write(t, "x", creds)}).checkLogin())
}

// pemLike cuts a credentials file into its JWT and its seed.
func pemLike(creds []byte) [2]string {
	s := string(creds)
	const end = "------END NATS USER JWT------\n"
	for i := range s {
		if len(s) >= i+len(end) && s[i:i+len(end)] == end {
			return [2]string{s[:i+len(end)], s[i+len(end):]}
		}
	}
	return [2]string{s, ""}
}

func TestConfig_SecretsAreNotShown(t *testing.T) {
	t.Setenv("RIPEN_USER", "me")
	t.Setenv("RIPEN_PASSWORD", "geheim")
	code, out, said := ripen("config")
	require.Zero(t, code, said)
	assert.NotContains(t, out+said, "geheim")
	assert.Contains(t, out, `password    = "xxxxx"`)
	t.Setenv("RIPEN_PASSWORD", "")
	t.Setenv("RIPEN_USER", "")
	code, out, said = ripen("config", "--json", "--nats", "nats://a:geheim@h1,nats://a:geheim@h2")
	require.Zero(t, code, said)
	assert.NotContains(t, out+said, "geheim")
	code, _, said = ripen("run", "--password", "geheim")
	assert.Equal(t, 2, code, "%s", said)
}
