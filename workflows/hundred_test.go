package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const hundred = "hundred-point"

func TestHundredPoint_Scale(t *testing.T) {
	dream := func(s *story) {
		s.identify(p{"title": "Chief Marketing Officer", "country": "US"})
		s.group(p{"industry": "saas", "employees": 400})
		s.page("/pricing")
		s.track("Product Webinar Attended")
		s.track("E-Book Downloaded")
	}
	raw := func(s *story) lead.Points {
		for _, v := range s.shown().Scores {
			if v.Name == "total" {
				return v.Raw
			}
		}
		return -1
	}
	t.Run("R001_01_clamped_at_both_ends_and_the_raw_stays_visible", func(t *testing.T) {
		s := open(t, hundred)
		dream(s)
		require.Equal(t, []lead.Points{100 * point, 107 * point}, []lead.Points{s.score("total"), raw(s)})
		require.Equal(t, -7*point, s.line("total", "scale").Remaining, "the explanation says what the scale took")
		s.as("student").identify(p{"title": "Student"})
		s.page("/careers")
		require.Equal(t, []lead.Points{0, -30*point + point}, []lead.Points{s.score("total"), raw(s)})
	})
	t.Run("R001_01_normalised", func(t *testing.T) {
		s := open(t, hundred, change{"scale = [0, 100]", "scale = [0, 100]\n  mode = \"normalise\"\n  raw_max = 107"})
		dream(s)
		require.Equal(t, []lead.Points{100 * point, 107 * point}, []lead.Points{s.score("total"), raw(s)})
		s.as("half").identify(p{"title": "Chief of Staff"})
		require.Equal(t, 30*point, raw(s))
		require.Equal(t, lead.Points(28_037), s.score("total"), "30·100/107")
	})
	t.Run("R001_02_the_golden_lead_reaches_the_maximum", func(t *testing.T) {
		require.Len(t, load(t, hundred).work.Model.Goldens, 1)
		said := refused(t, hundred, change{`"chief*" = 30`, `"chief*" = 22`})
		require.Contains(t, said, "dream-customer")
		require.Contains(t, said, "is 99")
	})
}

func TestHundredPoint_Explicit(t *testing.T) {
	worth := func(person, company p) lead.Points {
		s := open(t, hundred)
		s.page("/nothing-worth-nothing-but-one")
		if person != nil {
			s.identify(person)
		}
		if company != nil {
			s.group(company)
		}
		return s.score("explicit")
	}
	t.Run("R001_03_each_value_of_a_criterion_ranks_differently", func(t *testing.T) {
		for _, c := range []struct {
			person bool
			trait  string
			best   []any // in falling order
		}{
			{true, "title", []any{"Chief Officer", "VP Sales", "Head of X", "Sales Director", "Product Manager", "Data Engineer", "Clerk", "Intern", "Student"}},
			{true, "country", []any{"US", "GB", "DE", "FR", "ES"}},
			{false, "industry", []any{"saas", "fintech", "e-commerce", "media", "church", "education"}},
			{false, "employees", []any{400, 100, 2000, 10}},
		} {
			last := lead.Points(1 << 40)
			for _, v := range c.best {
				var got lead.Points
				if c.person {
					got = worth(p{c.trait: v}, nil)
				} else {
					got = worth(nil, p{c.trait: v})
				}
				require.Less(t, got, last, "%s = %v", c.trait, v)
				last = got
			}
		}
	})
	t.Run("R001_03_missing_is_not_bad", func(t *testing.T) {
		require.Zero(t, worth(nil, nil))
		require.Equal(t, 5*point, worth(p{"title": "Clerk"}, nil), "a known answer that is not listed")
	})
	t.Run("R001_03_new_facts_replace_old_ones", func(t *testing.T) {
		s := open(t, hundred)
		s.identify(p{"title": "Intern"})
		s.identify(p{"title": "Chief Intern"})
		s.identify(p{"title": "Chief Intern"})
		require.Equal(t, 30*point, s.score("explicit"))
	})
}

func TestHundredPoint_Implicit(t *testing.T) {
	t.Run("R001_04_visits_downloads_and_opens_add", func(t *testing.T) {
		s := open(t, hundred)
		for _, c := range []struct {
			do   func()
			want lead.Points
		}{
			{func() { s.page("/about") }, 1}, {func() { s.page("/product/tour") }, 6}, {func() { s.page("/pricing") }, 21},
			{func() { s.track("E-Book Downloaded") }, 31}, {func() { s.track("Email Opened") }, 32}, {func() { s.track("Email Link Clicked") }, 35},
		} {
			c.do()
			require.Equal(t, c.want*point, s.score("implicit"))
		}
		s.page("/pricing")
		require.Equal(t, 35*point, s.score("implicit"), "a page counts once a day")
		s.on(1)
		s.page("/about")
		require.Equal(t, 36*point, s.score("implicit"))
	})
	t.Run("R001_05_unsubscribe_and_careers_page_subtract", func(t *testing.T) {
		s := open(t, hundred)
		s.track("E-Book Downloaded")
		s.track("Unsubscribed", p{"list_id": "news"})
		require.Zero(t, s.score("implicit"))
		s.page("/careers/marketing")
		require.Equal(t, (1-20)*point, s.score("implicit"), "one for the visit, twenty for looking for a job")
	})
}

func TestHundredPoint_Decisions(t *testing.T) {
	executive := func(s *story) {
		s.as("executive").identify(p{"title": "Chief Financial Officer", "country": "DE"})
		s.group(p{"industry": "saas", "employees": 120})
		s.page("/pricing")
	}
	student := func(s *story) {
		s.as("student").identify(p{"title": "Student", "country": "US"})
		s.group(p{"industry": "education"})
		s.times(12, func(int) {
			s.track("E-Book Downloaded")
			s.track("Email Opened")
			s.track("Email Link Clicked")
		})
		s.page("/pricing")
	}
	t.Run("R001_07_a_quiet_executive_sorts_above_a_busy_student", func(t *testing.T) {
		s := open(t, hundred)
		executive(s)
		student(s)
		list := workList(s, "student", "executive")
		require.Equal(t, []string{"executive", "student"}, list)
		require.Equal(t, []lead.Points{79 * point, 45 * point}, []lead.Points{s.as("executive").score("total"), s.as("student").score("total")})
	})
	t.Run("R001_09_ready_leads_to_sales_the_rest_stays_in_nurture", func(t *testing.T) {
		s := open(t, hundred)
		executive(s)
		require.Equal(t, []string{"nurture/not-yet", "sales-handoff/ready"}, s.actions())
		student(s)
		require.Equal(t, []string{"nurture/not-yet"}, s.actions())
	})
	for at, ready := range map[lead.Points]bool{74_999: false, 75_000: true, 75_001: true} {
		t.Run("R001_09_the_edge/"+at.String(), func(t *testing.T) {
			s := open(t, hundred)
			s.identify(p{"title": "Chief Financial Officer", "country": "US"})
			s.adjust("implicit", at-38*point)
			require.Equal(t, at, s.score("total"))
			require.Equal(t, ready, s.count("sales-handoff") == 1)
		})
	}
}
