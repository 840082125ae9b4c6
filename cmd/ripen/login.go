package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// serverKeys are the settings that say which server to use and how to log in
// there, and more keys.
func serverKeys(more ...string) []string {
	return append([]string{"nats", "creds", "nkey", "user", "password", "token", "tls_ca", "tls_cert", "tls_key"}, more...)
}

// checkLogin reads the files of the login, so that what is wrong with one is
// said before anybody connects.
func (c *config) checkLogin() error {
	_, u := c.server()
	ways := 0
	for _, set := range []bool{u != nil, c.text("creds") != "", c.text("nkey") != "", c.text("user") != "", c.text("token") != ""} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("several logins are configured; keep one of --creds, --nkey, --user, a token, and a user in the URL of --nats")
	case c.text("user") != "" && c.text("password") == "":
		return fmt.Errorf("user %q has no password; set it as RIPEN_PASSWORD or in %s", c.text("user"), configFile)
	case c.text("user") == "" && c.text("password") != "":
		return errors.New("a password is set, but no user; name one with --user")
	case (c.text("tls_cert") == "") != (c.text("tls_key") == ""):
		return errors.New("--tls-cert and --tls-key belong together, found only one of them")
	}
	return errors.Join(
		checkFile("credentials file", c.text("creds"), checkCreds),
		checkFile("NKey file", c.text("nkey"), checkNKey),
		checkFile("file of certificate authorities", c.text("tls_ca"), checkCA),
		checkPair(c.text("tls_cert"), c.text("tls_key")))
}

func checkFile(what, name string, check func([]byte) error) error {
	if name == "" {
		return nil
	}
	b, err := os.ReadFile(name)
	if err == nil {
		err = check(b)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, withoutName(err))
	}
	return nil
}

// withoutName leaves out the path that the message names already.
func withoutName(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// checkCreds reads a file as `nsc generate creds` writes it.
func checkCreds(b []byte) error {
	token, err := nkeys.ParseDecoratedJWT(b)
	if err != nil || !strings.Contains(string(b), "BEGIN NATS USER JWT") {
		return errors.New("found no user JWT, expected a file with the blocks NATS USER JWT and USER NKEY SEED, as `nsc generate creds` writes it")
	}
	key, err := nkeys.ParseDecoratedUserNKey(b)
	if err != nil {
		return errors.New("found no user key, expected a block USER NKEY SEED behind the JWT")
	}
	defer key.Wipe()
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return fmt.Errorf("its JWT is not one of a user: %w", err)
	}
	if public, err := key.PublicKey(); err != nil || public != claims.Subject {
		return errors.New("its key is not that of the user in its JWT; generate the file again")
	}
	if end := claims.Expires; end > 0 && time.Unix(end, 0).Before(time.Now()) {
		return fmt.Errorf("it expired at %s; generate it again", time.Unix(end, 0).UTC().Format(time.RFC3339))
	}
	return nil
}

// checkNKey reads the seed of a user.
func checkNKey(b []byte) error {
	key, err := nkeys.ParseDecoratedNKey(b)
	if err != nil {
		return errors.New("found no key, expected the seed of a user (SU…), as `nk -gen user` prints it")
	}
	defer key.Wipe()
	if public, err := key.PublicKey(); err != nil || !nkeys.IsValidPublicUserKey(public) {
		return errors.New("found a key that is not a user's, expected a seed that begins with SU")
	}
	return nil
}

func checkCA(b []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(b) {
		if block, _ := pem.Decode(b); block != nil {
			return fmt.Errorf("found a PEM block %s, expected CERTIFICATE", block.Type)
		}
		return errors.New("found no certificate, expected PEM blocks CERTIFICATE")
	}
	return nil
}

func checkPair(cert, key string) error {
	if cert == "" || key == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return fmt.Errorf("client certificate %s with key %s: %w", cert, key, err)
	}
	return nil
}

// server is the external server's address without the login in it, and that
// login.
func (c *config) server() (string, *url.Userinfo) { return splitUser(c.text("nats")) }

// splitUser takes the login out of a list of URLs, so that no message shows it.
func splitUser(text string) (string, *url.Userinfo) {
	var login *url.Userinfo
	list := strings.Split(text, ",")
	for i, one := range list {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.User == nil {
			continue
		}
		login, u.User = u.User, nil
		list[i] = u.String()
	}
	return strings.Join(list, ","), login
}

// natsOptions are the server's address and how to log in there; the files were
// checked.
func (c *config) natsOptions() (server string, opts []nats.Option) {
	server, user := c.server()
	add := func(key string, option func(file string) nats.Option) {
		if v := c.text(key); v != "" {
			opts = append(opts, option(v))
		}
	}
	if user != nil {
		if password, has := user.Password(); has {
			opts = append(opts, nats.UserInfo(user.Username(), password))
		} else {
			opts = append(opts, nats.Token(user.Username()))
		}
	}
	add("creds", func(f string) nats.Option { return nats.UserCredentials(f) })
	add("nkey", func(f string) nats.Option {
		option, err := nats.NkeyOptionFromSeed(f)
		if err != nil {
			return func(*nats.Options) error { return fmt.Errorf("NKey file %s: %w", f, err) }
		}
		return option
	})
	add("user", func(name string) nats.Option { return nats.UserInfo(name, c.text("password")) })
	add("token", nats.Token)
	add("tls_ca", func(f string) nats.Option { return nats.RootCAs(f) })
	add("tls_cert", func(f string) nats.Option { return nats.ClientCert(f, c.text("tls_key")) })
	return server, opts
}
