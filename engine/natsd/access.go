package natsd

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Two accounts keep clients away from the engine's subjects. The engine and
// its streams live in one, clients in the other, and the few doors between
// them are exports. Permissions alone would not do: a consumer's deliver
// subject, or the reply subject of a request, makes the server (or the engine)
// publish for the client, with the server's rights, on ripen.ctl or on the
// JetStream API; with headers_only the empty message would even delete a
// stream. Across accounts every reply travels back through a generated subject
// and ends in the client's account, and clients cannot create consumers at
// all: the engine does that for them (ripen.subscribe), pull only and filtered
// on decisions.
const (
	engineAccount = "RIPEN"
	clientAccount = "RIPEN_CLIENTS"
	anonymous     = "anonymous"
	engineUser    = "engine"
	doorUser      = "door"
)

// ingestDoor is where clients send events. It alone is no export: the engine
// listens on it in the clients' account, as a user of its own that may do nothing
// else. An event that crosses accounts and its answer cost as much as all the
// rest of taking it.
const ingestDoor = "ripen.in"

// service is a request that clients may make; a streamed one may be answered
// many times.
type service struct {
	subject  string
	streamed bool
}

// services are all of them. Of the subjects of events those alone that are
// partitions: what lay on another would never be read.
func (o *Options) services() []service {
	list := slices.Clone(doors)
	if o.Partitions == 0 {
		return append(list, service{subject: "ripen.ev.*"})
	}
	for p := range o.Partitions {
		list = append(list, service{subject: "ripen.ev." + strconv.Itoa(p)})
	}
	return list
}

// doors are the services beside the subjects of events.
var doors = []service{
	{subject: "ripen.subscribe"}, // create a durable consumer of decisions
	// Importing INFO also keeps the server from giving the clients' account a
	// JetStream API of its own, which would answer first, and only with errors.
	{subject: "$JS.API.INFO"},
	{subject: "$JS.API.CONSUMER.INFO.RIPEN_JOURNAL.*"},
	{subject: "$JS.API.CONSUMER.MSG.NEXT.RIPEN_JOURNAL.*", streamed: true},
	{subject: "$JS.ACK.RIPEN_JOURNAL.>"},
}

// feeds are what clients may listen to.
var feeds = []string{"ripen.decisions.>"}

// inboxes are where clients have their answers.
const inboxes = "_INBOX.>"

// login is a user that Ripen makes up.
type login struct{ user, password string }

// newLogin makes a password for this process.
func newLogin(user string) login { return login{user, rand.Text()} }

// User is the login as a user of the server.
func (l login) User() User { return User{Name: l.user, Password: l.password} }

// logins are all that Ripen makes up.
type logins struct{ engine, admin, door login }

func newLogins() logins {
	return logins{engine: newLogin(engineUser), admin: newLogin(adminUser), door: newLogin(doorUser)}
}

// doorPermissions let the engine hear events in the clients' account and answer
// to inboxes: whatever reply subject a client names, it makes the engine publish
// nowhere else.
var doorPermissions = fmt.Sprintf(", permissions: {publish: {allow: [%q]}, subscribe: {allow: [%q]}}", inboxes, ingestDoor)

// configureAccess fills in accounts, users and permissions.
func configureAccess(so *server.Options, o Options, l logins) error {
	engineUsers := []string{userEntry(l.engine.User(), "")}
	if !o.NoListen {
		engineUsers = append(engineUsers, userEntry(l.admin.User(), ""))
	}
	may, list := clientPermissions(o.services()), o.services()
	clients := []string{userEntry(l.door.User(), doorPermissions)}
	for _, u := range o.Users {
		if u.Admin {
			engineUsers = append(engineUsers, userEntry(u, ""))
			continue
		}
		clients = append(clients, userEntry(u, may))
	}
	open := len(o.Users) == 0
	if open {
		clients = append(clients, userEntry(User{Name: anonymous, Password: rand.Text()}, may))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "accounts {\n%s {\njetstream: enabled\nusers: [%s]\nexports: [%s]\n}\n",
		engineAccount, strings.Join(engineUsers, ","), exports(list))
	fmt.Fprintf(&b, "%s {\nusers: [%s]\nimports: [%s]\n}\n}\n",
		clientAccount, strings.Join(clients, ","), imports(list))
	if open {
		fmt.Fprintf(&b, "no_auth_user: %s\n", anonymous)
	}
	if err := so.ProcessConfigString(b.String()); err != nil {
		return fmt.Errorf("%w: users are not accepted by the server", ErrOptions)
	}
	return nil
}

func userEntry(u User, permissions string) string {
	who := "user: " + strconv.Quote(u.Name) + ", password: " + strconv.Quote(u.Password)
	if u.NKey != "" {
		who = "nkey: " + u.NKey
	}
	return "{" + who + permissions + "}"
}

// clientPermissions narrows clients within their own account too, so that they
// cannot use the engine's server as a broker of their own.
func clientPermissions(services []service) string {
	pub := []string{strconv.Quote(ingestDoor)}
	for _, s := range services {
		pub = append(pub, strconv.Quote(s.subject))
	}
	sub := []string{strconv.Quote(inboxes)}
	for _, f := range feeds {
		sub = append(sub, strconv.Quote(f))
	}
	return fmt.Sprintf(", permissions: {publish: {allow: [%s]}, subscribe: {allow: [%s]}}",
		strings.Join(pub, ","), strings.Join(sub, ","))
}

func exports(services []service) string {
	var out []string
	for _, s := range services {
		e := "service: " + strconv.Quote(s.subject)
		if s.streamed {
			e += ", response_type: stream"
		}
		out = append(out, "{"+e+", accounts: ["+clientAccount+"]}")
	}
	for _, f := range feeds {
		out = append(out, fmt.Sprintf("{stream: %q, accounts: [%s]}", f, clientAccount))
	}
	return strings.Join(out, ",\n")
}

func imports(services []service) string {
	var out []string
	for _, s := range services {
		out = append(out, fmt.Sprintf("{service: {account: %s, subject: %q}}", engineAccount, s.subject))
	}
	for _, f := range feeds {
		out = append(out, fmt.Sprintf("{stream: {account: %s, subject: %q}}", engineAccount, f))
	}
	return strings.Join(out, ",\n")
}
