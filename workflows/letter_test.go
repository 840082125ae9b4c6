package workflows_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const letter = "letter-and-number"

// The companies of these stories.
func goodCompany() p { return p{"industry": "saas", "employees": 200, "revenue": 2e7} }

func TestLetterAndNumber_Grades(t *testing.T) {
	with := func(base p, more p) p {
		for k, v := range more {
			base[k] = v
		}
		return base
	}
	for _, c := range []struct {
		name            string
		person, company p
		grade, why      string
	}{
		{"R002_02_a_decides_and_the_company_fits", p{"title": "VP Sales"}, goodCompany(), "A", "decides, and the company fits"},
		{"R002_02_edges_of_size_and_revenue_count", p{"title": "CEO"}, p{"industry": "saas", "employees": 50, "revenue": 5_000_000}, "A", "decides, and the company fits"},
		{"R002_02_no_a_below_the_revenue_range", p{"title": "CEO"}, with(goodCompany(), p{"revenue": 4_999_999}), "C", "decides, but the company is a toss-up"},
		{"R002_03_b_same_company_lesser_title", p{"title": "Marketing Manager"}, goodCompany(), "B", "the company fits, a lesser title"},
		{"R002_04_c_decides_but_wrong_size", p{"title": "VP Sales"}, with(goodCompany(), p{"employees": 20}), "C", "decides, but the company is a toss-up"},
		{"R002_04_c_decides_but_wrong_branch", p{"title": "Head of Sales"}, with(goodCompany(), p{"industry": "church"}), "C", "decides, but the company is a toss-up"},
		{"R002_04_c_good_company_but_intern", p{"title": "Marketing Intern"}, goodCompany(), "C", "good company, but entry level"},
		{"R002_04_c_good_company_but_junior", p{"title": "Junior Analyst"}, goodCompany(), "C", "good company, but entry level"},
		{"R002_05_d_nothing_fits", p{"title": "Manager"}, p{"industry": "church", "employees": 3, "revenue": 1000}, "D", "everybody else"},
		{"R002_05_d_student", p{"title": "VP Sales", "role": "Student"}, goodCompany(), "D", "knocked out"},
		{"R002_05_d_investor", p{"title": "VP Sales", "role": "investor"}, goodCompany(), "D", "knocked out"},
		{"R002_05_d_competitor", p{"title": "VP Sales", "domain": "rivalscore.example"}, goodCompany(), "D", "knocked out"},
		{"R002_06_title_known_company_not", p{"title": "VP Sales"}, nil, "C", "unknown"},
		{"R002_06_company_known_title_not", nil, goodCompany(), "B", "unknown"},
		{"R002_06_only_a_mail_address", p{"email": "x@example.com"}, nil, "D", "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, letter)
			s.identify(with(p{"email": "ada@example.com"}, c.person))
			if c.company != nil {
				s.group(c.company)
			}
			shown := s.shown()
			require.Equal(t, []string{c.grade, c.why}, []string{shown.Grade, shown.Why})
		})
	}
	t.Run("R002_06_total_nobody_is_without_a_grade", func(t *testing.T) {
		s := open(t, letter)
		titles, branches := []string{"", "ceo", "manager", "intern"}, []string{"", "saas", "church"}
		s.times(len(titles)*len(branches)*9, func(i int) {
			s.as("lead-" + time.Duration(i).String())
			s.page("/")
			if v := titles[i%4]; v != "" {
				s.identify(p{"title": v})
			}
			company := p{}
			if v := branches[i/4%3]; v != "" {
				company["industry"] = v
			}
			if v := i / 12 % 3; v > 0 {
				company["employees"] = []int{0, 20, 200}[v]
			}
			if v := i / 36 % 3; v > 0 {
				company["revenue"] = []float64{0, 1000, 2e7}[v]
			}
			if len(company) > 0 {
				s.group(company)
			}
			require.Contains(t, "ABCD", s.grade())
			require.NotEmpty(t, s.grade())
			require.NotEmpty(t, s.shown().Why)
		})
	})
	t.Run("R002_05_the_list_is_configurable", func(t *testing.T) {
		rows := readTable(t, filepath.Join(letter, "outsiders.csv"))
		for _, role := range rows {
			s := open(t, letter)
			s.identify(p{"role": role, "title": "CEO"})
			s.group(goodCompany())
			require.Equal(t, "D", s.grade(), role)
		}
	})
}

func readTable(t *testing.T, file string) (first []string) {
	t.Helper()
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(src)).ReadAll()
	require.NoError(t, err)
	for _, row := range rows[1:] {
		first = append(first, row[0])
	}
	require.NotEmpty(t, first)
	return first
}

func TestLetterAndNumber_Routes(t *testing.T) {
	t.Run("R002_05_d_never_reaches_sales_whatever_the_number", func(t *testing.T) {
		for _, person := range []p{{"role": "student"}, {"domain": "leadrival.example"}, {"title": "Clerk"}} {
			s := open(t, letter)
			s.identify(person)
			s.group(p{"industry": "church", "employees": 3, "revenue": 10})
			s.times(30, func(int) { s.track("Demo Requested") })
			s.track("Trial Started")
			require.Equal(t, int64(3100), s.display("recent"))
			require.Zero(t, s.count("sales-handoff"))
			require.Zero(t, s.count("sales-update"))
		}
	})
	t.Run("R002_06_a_demo_request_of_an_unknown_goes_to_review", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"email": "x@example.com"})
		s.track("Demo Requested")
		require.Equal(t, []string{"nurture/rest", "review/asked-but-d"}, s.actions())
		require.Equal(t, "unknown", s.last().Why)
		s.identify(p{"title": "CEO"})
		s.group(goodCompany())
		require.Equal(t, "sales-handoff/asked", s.last().Action+"/"+s.last().Route, "once the facts are known, sales gets it")
	})
	t.Run("R002_06_a_knocked_out_lead_is_not_reviewed", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"role": "student"})
		s.track("Demo Requested")
		require.Equal(t, []string{"nurture/rest"}, s.actions())
	})
	t.Run("R002_12_sixty_silent_days_raise_investigate", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"title": "CEO"})
		s.group(goodCompany())
		s.track("Guide Downloaded", p{"asset": "a"})
		s.track("Guide Downloaded", p{"asset": "b"})
		require.Equal(t, []string{"nurture/rest", "sales-handoff/warm"}, s.actions())
		s.wait(60*day - time.Millisecond)
		require.Equal(t, 2, len(s.actions()))
		s.wait(time.Millisecond)
		require.Equal(t, "investigate/gone-quiet", s.actions()[2])
		require.Equal(t, s.now.UnixMilli(), s.last().At, "on the very moment")
		require.Zero(t, s.score("recent"))
		s.on(200)
		require.Equal(t, 1, s.count("investigate"), "once")
	})
	t.Run("R002_12_who_never_was_warm_or_is_a_d_is_left_alone", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"title": "CEO"})
		s.group(goodCompany())
		s.page("/blog/a")
		s.on(100)
		require.Equal(t, []string{"nurture/rest"}, s.actions())
		s.as("grace").identify(p{"role": "student"})
		s.track("Demo Requested")
		s.on(200)
		require.Equal(t, []string{"nurture/rest"}, s.actions())
	})
	t.Run("R002_12_back_again_and_lost_again", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"title": "CEO"})
		s.group(goodCompany())
		warm := func() {
			s.track("Guide Downloaded", p{"asset": "a"})
			s.track("Guide Downloaded", p{"asset": "b"})
		}
		warm()
		s.on(60)
		require.Equal(t, 1, s.count("investigate"))
		s.on(70)
		warm()
		s.on(129)
		require.Equal(t, 1, s.count("investigate"))
		s.on(130)
		require.Equal(t, 2, s.count("investigate"))
	})
	t.Run("R002_15_the_decision_names_the_conversation_and_the_behaviours", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"title": "CEO"})
		s.group(goodCompany())
		s.page("/product/tour")
		s.wait(time.Minute)
		s.track("Guide Downloaded", p{"asset": "buyers-guide"})
		d := s.last()
		require.Equal(t, "sales-handoff", d.Action)
		require.Equal(t, "Ask about Guide Downloaded", d.Say)
		var texts []string
		for _, l := range d.Lines {
			if l.Score == "recent" {
				texts = append(texts, l.Text)
			}
		}
		require.Equal(t, []string{"Guide Downloaded", "viewed /product/tour"}, texts)
	})
}

func TestLetterAndNumber_Number(t *testing.T) {
	t.Run("R002_01_shown_as_a_pair", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"title": "Marketing Manager"})
		s.group(goodCompany())
		s.track("Guide Downloaded")
		s.track("Overview Video Watched")
		require.Equal(t, "B 27 product", s.shown().Display)
		require.Equal(t, "B 27 product", s.last().Display)
	})
	worth := func(t *testing.T, cases map[string]lead.Points) {
		for what, want := range cases {
			s := open(t, letter)
			if strings.HasPrefix(what, "/") {
				s.page(what)
			} else {
				s.track(what)
			}
			require.Equal(t, want*point, s.score("recent"), what)
		}
	}
	t.Run("R002_07_asking_is_visible_at_a_glance", func(t *testing.T) {
		worth(t, map[string]lead.Points{"Demo Requested": 100, "Trial Started": 100, "Account Created": 100})
	})
	t.Run("R002_08_product_interest_is_worth_10_to_15", func(t *testing.T) {
		worth(t, map[string]lead.Points{"Guide Downloaded": 15, "Overview Video Watched": 12, "Product Webinar Attended": 15, "/product/tour": 10, "/product/api": 10})
		s := open(t, letter)
		s.identify(p{"title": "Marketing Manager"})
		s.group(goodCompany())
		s.page("/product/tour")
		require.Zero(t, s.count("sales-handoff"))
		s.track("Guide Downloaded")
		require.Equal(t, 1, s.count("sales-handoff"), "several in a short time stand out")
	})
	t.Run("R002_08_the_same_ones_weeks_apart_do_not", func(t *testing.T) {
		s := open(t, letter)
		s.identify(p{"title": "Marketing Manager"})
		s.group(goodCompany())
		s.page("/product/tour")
		s.on(30)
		s.track("Guide Downloaded")
		require.Zero(t, s.count("sales-handoff"))
	})
	t.Run("R002_09_reading_is_worth_1_or_2", func(t *testing.T) {
		worth(t, map[string]lead.Points{"/blog/a": 1, "/": 1, "/learn/a": 2, "Resource Downloaded": 2})
	})
	t.Run("R002_10_the_class_is_readable_beside_the_number", func(t *testing.T) {
		asked, guides := open(t, letter).as("asked"), open(t, letter).as("guides")
		asked.track("Demo Requested")
		asked.on(42)
		guides.on(42)
		guides.track("Guide Downloaded", p{"asset": "a"})
		guides.track("Guide Downloaded", p{"asset": "b"})
		require.Equal(t, guides.score("recent"), asked.score("recent"), "a demo request of six weeks ago counts as two guides")
		require.Equal(t, []string{"D 30 asked", "D 30 product"}, []string{asked.shown().Display, guides.shown().Display})
	})
	t.Run("R002_11_steep_decay_and_exactly_zero_on_day_60", func(t *testing.T) {
		s := open(t, letter)
		s.track("Demo Requested")
		s.on(1)
		require.Equal(t, lead.Points(98_333), s.score("recent"))
		s.on(30)
		require.Equal(t, 50*point, s.score("recent"))
		s.on(59)
		require.Equal(t, lead.Points(1667), s.score("recent"))
		// Age counts in UTC days: the boundary is midnight, whatever the hour of the event.
		s.wait(15*time.Hour - time.Millisecond)
		require.Equal(t, lead.Points(1667), s.score("recent"))
		s.wait(time.Millisecond)
		require.Zero(t, s.score("recent"))
		s.on(400)
		require.Zero(t, s.score("recent"))
	})
	t.Run("R002_11_a_late_event_arrives_partly_decayed", func(t *testing.T) {
		s := open(t, letter)
		s.on(30)
		s.now = monday
		s.track("Demo Requested")
		s.now = monday.AddDate(0, 0, 30)
		require.Equal(t, 50*point, s.score("recent"))
	})
	t.Run("R002_14_one_short_file", func(t *testing.T) {
		src, err := os.ReadFile(filepath.Join(letter, "workflow.hcl"))
		require.NoError(t, err)
		require.Less(t, strings.Count(string(src), "\n"), 75, "a starter is read at one go")
	})
	t.Run("R002_16_people_may_call_a_lead_otherwise", func(t *testing.T) {
		require.Equal(t, "prospect", load(t, letter).work.Model.Policy.LeadWord)
		require.Equal(t, "candidate", load(t, letter, change{`"prospect"`, `"candidate"`}).work.Model.Policy.LeadWord)
		require.Equal(t, "lead", load(t, email).work.Model.Policy.LeadWord)
	})
}
