package pack

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Sentinels of signatures.
var (
	// ErrUnsigned says that a module carries no signature.
	ErrUnsigned = errors.New("the plugin is not signed")
	// ErrBroken says that a module is not what was signed.
	ErrBroken = errors.New("the signature of the plugin is broken")
)

// The section holds the version of its layout, the key's id, the public key
// and the signature.
const (
	signatureVersion = 1
	idSize           = 8
	signatureSize    = 1 + idSize + ed25519.PublicKeySize + ed25519.SignatureSize
)

// Signature is who signed a module. That a module carries one says that it is
// what the holder of that key signed, not that anybody trusts the key.
type Signature struct {
	Key PublicKey
	// Covers is how many bytes of the module it is over: all before it.
	Covers int
}

// Sign appends the signature of a packed module; one that it has is replaced.
func Sign(module []byte, key PrivateKey) ([]byte, error) {
	e, err := check(module)
	switch {
	case err != nil:
		return nil, err
	case e.manifest == nil:
		return nil, unpacked()
	case e.signature != nil:
		module = module[:e.signature.at]
	}
	public := key.Public()
	id := public.id()
	data := append([]byte{signatureVersion}, id[:]...)
	data = append(data, public...)
	data = append(data, ed25519.Sign(ed25519.PrivateKey(key), module)...)
	out := Append(module, abi.SignatureSection, data)
	if len(out) > abi.MaxModule {
		return nil, fmt.Errorf("the signed module has %d bytes, at most %d are loaded", len(out), abi.MaxModule)
	}
	return out, nil
}

// Verify checks the signature that a module carries: ErrUnsigned if there is
// none, ErrBroken if the module is not what was signed.
func Verify(module []byte) (*Signature, error) {
	e, err := check(module)
	switch {
	case err != nil:
		return nil, err
	case e.signature == nil:
		return nil, ErrUnsigned
	}
	data := e.signature.data
	switch {
	case len(data) == 0 || data[0] != signatureVersion:
		return nil, fmt.Errorf("%w: its layout has another version than %d; a newer ripen may have made it", ErrBroken, signatureVersion)
	case len(data) != signatureSize:
		return nil, fmt.Errorf("%w: it has %d bytes, expected %d", ErrBroken, len(data), signatureSize)
	}
	key := PublicKey(data[1+idSize : 1+idSize+ed25519.PublicKeySize])
	if id := key.id(); string(data[1:1+idSize]) != string(id[:]) {
		return nil, fmt.Errorf("%w: it names the key %x, but holds the key %s", ErrBroken, data[1:1+idSize], key.ID())
	}
	if !ed25519.Verify(ed25519.PublicKey(key), module[:e.signature.at], data[1+idSize+ed25519.PublicKeySize:]) {
		return nil, fmt.Errorf("%w: the module is not what the key %s signed; get it again from its publisher", ErrBroken, key.ID())
	}
	return &Signature{Key: key, Covers: e.signature.at}, nil
}

// id is the beginning of the key's sha256.
func (k PublicKey) id() (id [idSize]byte) {
	sum := sha256.Sum256(k)
	copy(id[:], sum[:])
	return id
}

// ID is the short name of a key: the first 16 hex digits of its sha256.
func (k PublicKey) ID() string {
	id := k.id()
	return hex.EncodeToString(id[:])
}
