package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// withFilter puts a bot-filter before all steps of the e-mail model.
var withFilter = change{`step "negative-points" "minus" {`, "step \"bot-filter\" \"robots\" {}\n\nstep \"negative-points\" \"minus\" {"}

// mail is a delivered mail with what a gateway does to it at once.
func (s *story) scanned(id string) {
	s.Helper()
	s.track("Email Delivered", p{"email_id": id})
	s.now = s.now.Add(900 * time.Millisecond)
	s.track("Email Opened", p{"email_id": id})
	for _, link := range []string{"/a", "/b", "/c"} {
		s.now = s.now.Add(200 * time.Millisecond)
		s.track("Email Link Clicked", p{"email_id": id, "link": link})
	}
}

// late plays an event that happened before.
func (s *story) late(ago time.Duration, name string, props p) {
	s.Helper()
	s.now = s.now.Add(-ago)
	s.track(name, props)
	s.now = s.now.Add(ago)
}

func TestRobots_EarnNothing(t *testing.T) {
	t.Run("R000_01_R000_02_only_people_open_and_click", func(t *testing.T) {
		s := open(t, email, withFilter)
		s.scanned("m")
		require.Zero(t, s.score("engagement"))
		require.Equal(t, 4*point, s.score("robots"), "each of them is counted")
		require.Equal(t, "opens and clicks within 5 s of delivery", s.line("robots", "haste").Text)
		s.wait(time.Minute)
		s.track("Email Opened", p{"email_id": "m"})
		s.track("Email Link Clicked", p{"email_id": "m", "link": "/a"})
		require.Equal(t, 15*point, s.score("engagement"))
	})
	t.Run("R000_01_R000_02_without_the_filter_they_earn", func(t *testing.T) {
		s := open(t, email)
		s.scanned("m")
		require.Equal(t, 35*point, s.score("engagement"))
	})
	t.Run("R000_06_a_robot_is_no_answer", func(t *testing.T) {
		s := open(t, email, withFilter, literal)
		for _, id := range []string{"a", "b", "c", "d"} {
			s.scanned(id)
			s.wait(time.Hour)
		}
		require.Equal(t, -25*point, s.line("engagement", "ignored/mails").Awarded)
		require.Equal(t, -25*point, s.score("engagement"))
	})
	t.Run("R000_09_a_robot_keeps_nobody_active", func(t *testing.T) {
		s := open(t, email, withFilter)
		s.track("Resource Downloaded")
		s.on(60)
		s.scanned("m")
		s.on(90)
		require.Equal(t, -10*point, s.line("engagement", "inactivity").Awarded)
	})
	t.Run("R000_12_R000_13_a_robot_is_never_handed_over", func(t *testing.T) {
		play := func(s *story) []string {
			s.times(3, func(i int) {
				s.scanned(string(rune('a' + i)))
				s.wait(time.Hour)
			})
			return s.actions()
		}
		require.Contains(t, play(open(t, email)), "sales-handoff/mql")
		require.Equal(t, []string{"nurture/rest"}, play(open(t, email, withFilter)))
	})
	t.Run("R000_20_a_robot_opens_no_series", func(t *testing.T) {
		s := open(t, email, withFilter)
		s.times(4, func(i int) {
			props := p{"series": "nurture", "email_id": i}
			s.track("Email Delivered", props)
			s.now = s.now.Add(time.Second)
			s.track("Email Opened", props)
			s.wait(time.Hour)
		})
		require.Zero(t, s.line("engagement", "opened every mail of the series").Awarded)
	})
}

func TestRobots_GiveBack(t *testing.T) {
	t.Run("R000_02_when_the_burst_is_complete", func(t *testing.T) {
		s := open(t, email, withFilter)
		s.track("Email Link Clicked", p{"email_id": "m", "link": "/a"})
		s.track("Email Link Clicked", p{"email_id": "m", "link": "/b", "campaign": "demo-offer"})
		require.Equal(t, 35*point, s.score("engagement"))
		s.track("Email Link Clicked", p{"email_id": "m", "link": "/c"})
		require.Zero(t, s.score("engagement"), "of both rules")
		line := s.line("engagement", "mail/Email Link Clicked")
		require.Equal(t, []lead.Points{20_000, 20_000, 0}, []lead.Points{line.Awarded, line.Reversed, line.Remaining})
		require.Equal(t, 3*point, s.line("robots", "burst").Remaining)
	})
	t.Run("R000_01_when_the_delivery_comes_late", func(t *testing.T) {
		s := open(t, email, withFilter)
		s.track("Email Opened", p{"email_id": "m"})
		s.now = s.now.Add(20 * time.Second)
		s.track("Email Opened", p{"email_id": "m"})
		require.Equal(t, 10*point, s.score("engagement"))
		s.late(22*time.Second, "Email Delivered", p{"email_id": "m"})
		require.Equal(t, 5*point, s.score("engagement"), "the person keeps hers")
	})
	t.Run("R000_10_what_has_faded_is_gone_once", func(t *testing.T) {
		s := open(t, email, withFilter, change{"step \"bot-filter\" \"robots\" {}", "step \"bot-filter\" \"robots\" { keep = \"60d\" }"})
		s.track("Email Opened", p{"email_id": "m"})
		s.on(45)
		require.Equal(t, lead.Points(3750), s.score("engagement"), "three quarters")
		s.late(45*day+time.Second, "Email Delivered", p{"email_id": "m"})
		require.Zero(t, s.score("engagement"))
		line := s.line("engagement", "mail/Email Opened")
		require.Equal(t, []lead.Points{5000, 1250, 3750, 0}, []lead.Points{line.Awarded, line.Decayed, line.Reversed, line.Remaining})
	})
}

// Only what may be taken back is kept apart: the visits of a day are one line,
// with the filter as without.
func TestRobots_OtherEventsFoldAsWithout(t *testing.T) {
	buckets := func(edits ...change) (n int) {
		s := open(t, email, append(edits, change{`"/demo" = 20 }
    once  = "asset per day"`, `"/demo" = 20 }`})...)
		s.times(50, func(int) { s.page("/pricing") })
		s.times(5, func(int) { s.track("Email Opened", p{"email_id": "m"}) })
		s.look(func(f *ledger.Frame) { n = len(f.Acct.Buckets) })
		return n
	}
	without := buckets()
	require.Equal(t, without+4, buckets(withFilter), "five opens, each by itself")
}

func TestRobots_RoutesAndStepsReadThem(t *testing.T) {
	s := open(t, email, withFilter,
		change{`route "nurture" "rest"`, "route \"marketing-review\" \"scanned\" { when = robots >= 5 && robots.ever }\nroute \"nurture\" \"rest\""},
		change{`where  = !minus.bounced`, `where  = !minus.bounced && !robots.ever`})
	s.track("Email Opened", p{"email_id": "m"})
	s.scanned("a")
	require.Equal(t, []string{"nurture/rest"}, s.actions())
	s.scanned("b")
	require.Equal(t, []string{"nurture/rest", "marketing-review/scanned"}, s.actions())
	s.wait(time.Hour)
	s.track("Email Opened", p{"email_id": "b"})
	require.Less(t, s.score("engagement"), 6*point, "a step behind reads the flag")
}
