package demostream

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Persona is what kind of person a lead is.
type Persona string

// The personas.
const (
	Executive  Persona = "executive"  // decides and buys, looks at little
	Manager    Persona = "manager"    // evaluates for the decider
	Engineer   Persona = "engineer"   // reads everything, decides nothing
	Intern     Persona = "intern"     // was told to make a list
	Student    Persona = "student"    // writes a thesis
	Competitor Persona = "competitor" // watches prices
	Bot        Persona = "bot"        // a mail scanner opens and clicks for them
	Silent     Persona = "silent"     // signed up once and never answers
)

// Profile is the truth about a lead, which no score gets to see as such.
type Profile struct {
	Number  int // from 1
	ID      string
	Persona Persona
	Account Account
	Email   string
	Title   string
	Country string
	Bounces bool // the mailbox does not exist
	Visitor bool // never says who it is
}

// Account is the company of some leads.
type Account struct {
	ID, Name, Domain, Industry string
	Employees                  int
	Revenue                    int // USD a year
}

// traits are how much of each persona there is, and how it behaves.
type traits struct {
	persona  Persona
	share    int     // of 100
	sessions float64 // visits a week
	opens    float64 // chance to open an e-mail
	clicks   float64 // chance to click in an opened one
	asks     float64 // chance to ask for a demo in the whole stream
	trials   float64 // chance to start a trial
	assets   float64 // guides, videos, resources a week
	leaves   float64 // chance to unsubscribe per e-mail
	titles   []string
	pages    []string // what they look at, often to seldom
}

var personas = []traits{
	{Executive, 11, 0.7, 0.40, 0.25, 0.38, 0.06, 0.15, 0.010,
		[]string{"Chief Operating Officer", "VP Sales", "Head of Marketing", "Chief Revenue Officer", "VP Operations"},
		[]string{"/pricing", "/", "/product/overview", "/customers", "/demo"}},
	{Manager, 21, 1.1, 0.50, 0.35, 0.22, 0.14, 0.35, 0.010,
		[]string{"Marketing Manager", "Sales Operations Manager", "Demand Generation Manager", "Revenue Operations Manager"},
		[]string{"/product/overview", "/blog/lead-scoring-basics", "/pricing", "/product/integrations", "/", "/learn/webinars", "/demo"}},
	{Engineer, 20, 1.3, 0.30, 0.45, 0.05, 0.22, 0.40, 0.008,
		[]string{"Software Engineer", "Data Engineer", "Solutions Architect", "Marketing Technologist"},
		[]string{"/product/api", "/blog/event-pipelines", "/learn/quickstart", "/product/integrations", "/", "/pricing"}},
	{Intern, 8, 1.2, 0.55, 0.40, 0.03, 0.06, 0.50, 0.010,
		[]string{"Marketing Intern", "Junior Analyst", "Intern"},
		[]string{"/blog/lead-scoring-basics", "/", "/learn/glossary", "/blog/ten-tools", "/careers", "/pricing"}},
	{Student, 12, 1.6, 0.60, 0.45, 0.02, 0.08, 0.70, 0.015,
		[]string{"Student", "Research Assistant", ""},
		[]string{"/blog/lead-scoring-basics", "/learn/glossary", "/blog/event-pipelines", "/", "/careers", "/learn/quickstart"}},
	{Competitor, 4, 1.5, 0.35, 0.40, 0.08, 0.20, 0.45, 0.005,
		[]string{"Product Manager", "Competitive Analyst", "Head of Product"},
		[]string{"/pricing", "/product/overview", "/product/api", "/blog/roadmap", "/customers"}},
	{Bot, 6, 0.2, 1, 1, 0, 0, 0, 0,
		[]string{"Office Manager", "Purchasing Clerk", ""},
		[]string{"/", "/blog/ten-tools"}},
	{Silent, 18, 0.05, 0.02, 0.10, 0, 0, 0.02, 0.030,
		[]string{"Manager", "Consultant", "Director", ""},
		[]string{"/", "/blog/ten-tools"}},
}

var (
	industries = []string{"saas", "saas", "saas", "fintech", "e-commerce", "logistics", "manufacturing", "healthcare", "education", "media"}
	countries  = []string{"US", "US", "GB", "DE", "DE", "FR", "NL", "ES", "IN", "CA"}
	stems      = []string{"north", "blue", "quick", "silver", "open", "bright", "stone", "river", "cloud", "green", "prime", "urban"}
	tails      = []string{"metrics", "works", "labs", "flow", "cart", "logic", "systems", "health", "freight", "media"}
	rivals     = []string{"rivalscore.example", "leadrival.example", "scorewell.example"}
	schools    = []string{"uni-north.example", "tech-college.example", "state-university.example"}
	firstNames = []string{"ann", "ben", "carla", "dev", "elena", "finn", "grace", "hugo", "ines", "jonas", "kira", "liam", "maya", "nils", "olga", "paul"}
	lastNames  = []string{"adler", "brown", "costa", "diaz", "evans", "fischer", "gupta", "hansen", "ito", "jansen", "klein", "lopez"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// often picks early elements more often than late ones.
func often[T any](r *rand.Rand, from []T) T {
	return from[min(r.IntN(len(from)), r.IntN(len(from)))]
}

// accountOf is account i of a seed: three leads in a row share one.
func accountOf(seed uint64, i int) Account {
	r := rand.New(rand.NewPCG(seed, 1<<40+uint64(i)))
	name := pick(r, stems) + pick(r, tails)
	a := Account{ID: fmt.Sprintf("acct_%06d", i+1), Industry: pick(r, industries)}
	a.Name = strings.ToUpper(name[:1]) + name[1:]
	a.Domain = fmt.Sprintf("%s%d.example", name, i+1)
	a.Employees = []int{8, 35, 80, 150, 300, 600, 900, 2500, 12000}[r.IntN(9)] + r.IntN(8)
	a.Revenue = a.Employees * (60 + r.IntN(140)) * 1000
	return a
}

// meet decides who the lead is.
func (l *life) meet(seed uint64) {
	n := l.rng.IntN(100)
	for i := range personas {
		if n -= personas[i].share; n < 0 {
			l.how = &personas[i]
			break
		}
	}
	l.ID = fmt.Sprintf("lead_%06d", l.Number)
	l.Persona = l.how.persona
	l.Account = accountOf(seed, (l.Number-1)/3)
	switch l.Persona {
	case Competitor:
		l.Account = Account{Name: "Rival", Domain: pick(l.rng, rivals), Industry: "saas", Employees: 200, Revenue: 30_000_000}
	case Student:
		l.Account = Account{Domain: pick(l.rng, schools), Industry: "education"}
	}
	l.Email = fmt.Sprintf("%s.%s%d@%s", pick(l.rng, firstNames), pick(l.rng, lastNames), l.Number, l.Account.Domain)
	l.Title = pick(l.rng, l.how.titles)
	l.Country = pick(l.rng, countries)
	l.Bounces = l.rng.Float64() < 0.03
	l.Visitor = l.Persona == Silent && l.rng.Float64() < 0.2
	if l.Visitor {
		l.ID = fmt.Sprintf("anon_%06d", l.Number)
	}
}
