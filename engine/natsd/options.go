package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// Durability says what an acknowledged message survives.
type Durability string

// The two durabilities.
const (
	// Disk syncs every write: an acknowledged message survives power loss.
	Disk Durability = "disk"
	// Process leaves syncing to the server (every two minutes): it survives a
	// crash of the process, not of the machine.
	Process Durability = "process"
)

// Defaults of Options.
const (
	DefaultHost       = "127.0.0.1"
	DefaultPort       = 4222
	DefaultMaxPayload = 8 << 20 // bytes; a record of one huge lead must fit
	// DefaultSilence is more than a slow disk takes for one write.
	DefaultSilence = time.Minute
)

// ServerName is what the embedded server calls itself to its clients.
const ServerName = "ripen"

// maxStore is the server's own limit on storage. Ours are max_bytes of the
// events stream and the free-space floor, so this one must not bite first.
const maxStore = 1 << 60

// maxPending is what the server may hold for one connection, in bytes. The
// engine reads all partitions through one, 4 MiB ahead in each of up to 48.
const maxPending = 512 << 20

// Options configure the embedded server.
type Options struct {
	// Before is called once, with the folder locked and no server running; its
	// error ends the start. nil is fine.
	Before func(dir string) error
	// Dir is the data folder, created if it is missing. Required.
	Dir string
	// Existing refuses a folder in which no server has worked so far.
	Existing bool
	// Host and Port of the client listener. Port 0 is DefaultPort, -1 any free
	// one (tests).
	Host string
	Port int
	// NoListen keeps the server reachable in-process only.
	NoListen bool
	// Durability is Disk unless set.
	Durability Durability
	// Users may log in on the listener. With at least one user nobody is
	// anonymous; without, the listener must be on loopback.
	Users []User
	// TLS secures the listener, nil for plain TCP.
	TLS *tls.Config
	// MaxPayload is the largest message in bytes.
	MaxPayload int32
	// Partitions is how many subjects of events there are for clients,
	// ripen.ev.0 and so on; 0 lets them publish on any, also those that nobody
	// reads.
	Partitions int
	// Silence is how long a stream may leave Watch without an answer, and how
	// long Restart waits for the server's end; DefaultSilence unless set.
	Silence time.Duration
	// Logger receives what the server says; nil is silent.
	Logger hclog.Logger
}

// User is a login of the listener: a name with a password (clear or bcrypt), or
// a public NKey. It may do what an anonymous loopback client may; an Admin may
// do everything.
type User struct {
	Name     string
	Password string
	NKey     string
	Admin    bool
}

func (o Options) withDefaults() Options {
	if o.Host == "" {
		o.Host = DefaultHost
	}
	if o.Port == 0 {
		o.Port = DefaultPort
	}
	if o.Durability == "" {
		o.Durability = Disk
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = DefaultMaxPayload
	}
	if o.Silence == 0 {
		o.Silence = DefaultSilence
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...))
	}
	if o.Dir == "" {
		bad("no data folder is named")
	}
	if o.Durability != Disk && o.Durability != Process {
		bad("durability is %q, expected %q or %q", o.Durability, Disk, Process)
	}
	if o.Port < -1 || o.Port > 65535 {
		bad("port is %d, expected 1 to 65535, or -1 for any free one", o.Port)
	}
	if !o.NoListen && len(o.Users) == 0 && !isLoopback(o.Host) {
		bad("listening on %q would let anybody on the network send events and read decisions: "+
			"listen on 127.0.0.1, or run the engine on a NATS server of your own that knows its users", o.Host)
	}
	for i, u := range o.Users {
		if err := u.validate(); err != nil {
			bad("user %d: %v", i+1, err)
		}
	}
	return errors.Join(errs...)
}

func (u User) validate() error {
	switch {
	case u.NKey != "":
		if u.Password != "" || u.Name != "" {
			return errors.New("an NKey goes without name and password")
		}
		if !nkeys.IsValidPublicUserKey(u.NKey) {
			return errors.New("the NKey is not a public user key (they start with U)")
		}
	case u.Name == "" || u.Password == "":
		return errors.New("a user needs a name and a password, or an NKey")
	case !plain(u.Name) || strings.Contains(u.Name, " "):
		return fmt.Errorf("name %q contains a space, a quote, a backslash or a character outside ASCII", u.Name)
	case !plain(u.Password):
		return errors.New("the password contains a quote, a backslash or a character outside ASCII")
	case u.Name == anonymous || u.Name == engineUser || u.Name == adminUser || u.Name == doorUser:
		return fmt.Errorf("name %q is taken by Ripen itself", u.Name)
	}
	return nil
}

// plain says whether s can stand between quotes in the server's configuration.
func plain(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return false
		}
	}
	return true
}

// isLoopback says whether host can be reached from this machine only. A name
// counts only if all it resolves to is loopback.
func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	ips, err := net.LookupIP(host)
	if err != nil || len(ips) == 0 {
		return false
	}
	for _, ip := range ips {
		if !ip.IsLoopback() {
			return false
		}
	}
	return true
}

// serverOptions translates ours into the server's.
func serverOptions(o Options, store string, port int, l logins) (*server.Options, error) {
	so := &server.Options{}
	if err := configureAccess(so, o, l); err != nil {
		return nil, err
	}
	so.ServerName = ServerName
	so.Host, so.Port, so.DontListen = o.Host, port, o.NoListen
	so.NoSigs, so.NoLog = true, false
	so.MaxPayload = o.MaxPayload
	so.MaxPending = maxPending
	so.JetStream = true
	so.StoreDir = store
	so.JetStreamMaxStore = maxStore
	so.SyncAlways = o.Durability == Disk
	so.DisableJetStreamBanner = true
	if o.TLS != nil {
		so.TLS, so.TLSConfig = true, o.TLS
		so.TLSTimeout = 5
	}
	return so, nil
}
