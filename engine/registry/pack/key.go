package pack

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrKey says that a text or a file is no key.
var ErrKey = errors.New("not a key")

// What the texts of keys begin with.
const (
	publicPrefix  = "ed25519:"
	privatePrefix = "ed25519-private:"
)

// The endings of key files.
const (
	PrivateFile = ".key"
	PublicFile  = ".pub"
)

// maxKeyFile is the size in bytes of the largest file that is read as a key.
const maxKeyFile = 4096

// PublicKey is what a publisher gives away; its text is "ed25519:…".
type PublicKey ed25519.PublicKey

// PrivateKey signs. It has no text of its own, so that it is never printed.
type PrivateKey ed25519.PrivateKey

// NewKey makes a key from a source of chance, such as crypto/rand.Reader.
func NewKey(random io.Reader) (PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return PrivateKey(ed25519.NewKeyFromSeed(seed)), nil
}

// Public is the key that others check with.
func (k PrivateKey) Public() PublicKey {
	return PublicKey(ed25519.PrivateKey(k).Public().(ed25519.PublicKey))
}

// String keeps the key out of logs.
func (k PrivateKey) String() string { return "private key of " + k.Public().ID() }

// GoString does too.
func (k PrivateKey) GoString() string { return k.String() }

// String is the text for configuration: "ed25519:" and base64.
func (k PublicKey) String() string { return publicPrefix + base64.StdEncoding.EncodeToString(k) }

// ParsePublicKey reads the text of a public key. There is one text of a key.
func ParsePublicKey(text string) (PublicKey, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, privatePrefix) {
		return nil, fmt.Errorf("%w to give away: it is a private key; use the one in the file that ends in %s", ErrKey, PublicFile)
	}
	rest, ok := strings.CutPrefix(text, publicPrefix)
	if !ok {
		return nil, fmt.Errorf("%w: found %q, expected %s… as `ripen plugin keygen` prints it", ErrKey, shown(text), publicPrefix)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(rest)
	if err != nil || len(b) != ed25519.PublicKeySize || PublicKey(b).String() != text {
		return nil, fmt.Errorf("%w: %q is damaged, expected %d bytes in base64 behind %s", ErrKey, shown(text), ed25519.PublicKeySize, publicPrefix)
	}
	if k := PublicKey(b); !k.weak() {
		return k, nil
	}
	return nil, fmt.Errorf("%w: %q is a point of small order: anybody can sign for it; ask the publisher for the key that `ripen plugin keygen` made", ErrKey, shown(text))
}

// WriteKey writes name.key, which only its owner may read, and name.pub. It
// replaces no file.
func WriteKey(name string, key PrivateKey) error {
	seed := base64.StdEncoding.EncodeToString(ed25519.PrivateKey(key).Seed())
	if err := create(name+PrivateFile, 0o600, privatePrefix+seed+"\n"); err != nil {
		return err
	}
	if err := create(name+PublicFile, 0o644, key.Public().String()+"\n"); err != nil {
		return errors.Join(err, os.Remove(name+PrivateFile))
	}
	return nil
}

func create(file string, mode os.FileMode, text string) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: who has lost a key cannot sign with it any more; name another file", file)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// ReadKey reads a file that WriteKey wrote, and refuses one that others may
// read.
func ReadKey(file string) (PrivateKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%w; make one with `ripen plugin keygen`", err)
	}
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// Behind the text: who has named another file is not to change its mode.
	if mode := info.Mode().Perm(); info.Mode().IsRegular() && mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, expected 0600: others can read the key; chmod 600 it, and make a new key if they have", file, mode)
	}
	return key, nil
}

func parsePrivateKey(text string) (PrivateKey, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, publicPrefix) {
		return nil, fmt.Errorf("%w that signs: it is a public one; use the file that ends in %s", ErrKey, PrivateFile)
	}
	rest, ok := strings.CutPrefix(text, privatePrefix)
	seed, err := base64.StdEncoding.Strict().DecodeString(rest)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: expected one line %s… as `ripen plugin keygen` writes it", ErrKey, privatePrefix)
	}
	return PrivateKey(ed25519.NewKeyFromSeed(seed)), nil
}

// ReadPublicKey reads the file of a public key.
func ReadPublicKey(file string) (PublicKey, error) {
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	key, err := ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// readSmall reads a file of at most maxKeyFile bytes.
func readSmall(file string) (text string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s: %w: it has more than %d bytes", file, ErrKey, maxKeyFile)
	}
	return string(b), err
}
