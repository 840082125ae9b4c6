package workflows_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/replay"
)

const (
	two = "fit-and-interest"
	one = "fit-and-interest-one-score"
)

// workList is what sales works through from the top, as `ripen score` prints it.
func workList(s *story, keys ...string) (list []string) {
	s.Helper()
	views, err := replay.Views(s.core, s.work.Model.Policy, keys, s.now.UnixMilli(), s.out.Decisions, false)
	require.NoError(s, err)
	for i := range views {
		list = append(list, views[i].Lead)
	}
	return list
}

// both runs a story in the form with two scores and in the one with one.
func both(t *testing.T, name string, story func(t *testing.T, s *story)) {
	for _, dir := range []string{two, one} {
		t.Run(name+"/"+dir, func(t *testing.T) { story(t, open(t, dir)) })
	}
}

func fit40(s *story) {
	s.identify(p{"title": "VP Sales"})
	s.group(p{"industry": "saas", "employees": 200})
}

func TestFitAndInterest_Meeting(t *testing.T) {
	both(t, "R004_01_a_booked_meeting_goes_straight_to_sales", func(t *testing.T, s *story) {
		s.track("Meeting Booked")
		require.Equal(t, []string{"sales-handoff/meeting"}, s.actions(), "whoever it is")
		require.NotEmpty(t, s.last().Say)
	})
	both(t, "R004_10_hand_raises_outrank_accumulated_points", func(t *testing.T, s *story) {
		s.as("reader")
		s.times(200, func(i int) {
			s.page("/blog/a")
			s.page("/pricing")
			s.track("Email Link Clicked")
			s.track("E-Book Downloaded", p{"asset": i})
			s.track("Form Submitted")
		})
		require.Equal(t, 80*point, s.score("interest"), "all caps together")
		s.as("asks").track("Meeting Booked")
		require.Equal(t, 100*point, s.score("interest"))
		require.Equal(t, []string{"asks", "reader"}, workList(s, "reader", "asks"))
	})
	both(t, "R004_10_a_hand_raise_is_asked_before_all_other_routes", func(t *testing.T, s *story) {
		fit40(s)
		s.times(40, func(i int) { s.page("/blog/a") })
		s.times(3, func(i int) { s.track("E-Book Downloaded", p{"asset": i}) })
		s.track("Meeting Booked")
		require.Equal(t, "meeting", s.last().Route)
	})
	both(t, "R004_01_until_sales_answers_it_is_pending", func(t *testing.T, s *story) {
		s.track("Meeting Booked")
		s.track("Meeting Booked")
		require.Equal(t, []string{"sales-handoff/meeting", "sales-update/meeting"}, s.actions(), "a second one is an update of the first")
		s.track("Lead Rejected", p{"reason": "wrong person"})
		s.track("Meeting Booked")
		require.Equal(t, 2, s.count("sales-handoff"))
	})
}

func TestFitAndInterest_SoftEmail(t *testing.T) {
	play := func(s *story, books, pages int) {
		s.times(books, func(i int) { s.track("E-Book Downloaded", p{"asset": i}) })
		s.times(pages, func(i int) { s.page(fmt.Sprintf("/docs/%d", i)) })
	}
	both(t, "R004_02_three_books_over_thirty_pages_exact_industry", func(t *testing.T, s *story) {
		s.group(p{"industry": "saas"})
		play(s, 3, 30)
		require.Zero(t, s.count("soft-email"), "30 pages are not over 30")
		s.page("/docs/last")
		require.Equal(t, 1, s.count("soft-email"))
		require.Equal(t, "soft-email/deep-reader", s.last().Action+"/"+s.last().Route)
		require.Contains(t, s.last().Say, "31 pages")
	})
	both(t, "R004_02_two_books_are_too_few", func(t *testing.T, s *story) {
		s.group(p{"industry": "saas"})
		play(s, 2, 40)
		s.track("E-Book Downloaded", p{"asset": 0})
		require.Zero(t, s.count("soft-email"), "the same book twice is one book")
		s.track("E-Book Downloaded", p{"asset": 7})
		require.Equal(t, 1, s.count("soft-email"))
	})
	both(t, "R004_02_another_industry_does_not", func(t *testing.T, s *story) {
		s.group(p{"industry": "e-commerce"})
		play(s, 5, 50)
		require.Zero(t, s.count("soft-email"))
	})
	both(t, "R004_02_an_unknown_industry_does_not_until_it_is_known", func(t *testing.T, s *story) {
		play(s, 3, 31)
		require.Zero(t, s.count("soft-email"))
		s.group(p{"industry": "fintech"})
		require.Equal(t, 1, s.count("soft-email"))
	})
	both(t, "R004_02_not_for_who_asked_for_a_meeting", func(t *testing.T, s *story) {
		s.group(p{"industry": "saas"})
		s.track("Meeting Booked")
		s.track("Lead Accepted")
		s.track("Lead Lost")
		play(s, 3, 40)
		require.Zero(t, s.count("soft-email"))
	})
}

func TestFitAndInterest_LowTouch(t *testing.T) {
	posts := func(s *story, n int) { s.times(n, func(i int) { s.page(fmt.Sprintf("/blog/%d", i)) }) }
	for n, want := range map[int]int{3: 0, 4: 1, 7: 1, 8: 1, 12: 1} {
		both(t, fmt.Sprintf("R004_03_%d_posts_and_good_fit", n), func(t *testing.T, s *story) {
			fit40(s)
			posts(s, n)
			require.Equal(t, want, s.count("low-touch-outreach"))
		})
	}
	both(t, "R004_03_fit_that_becomes_good_after_the_tenth_post", func(t *testing.T, s *story) {
		posts(s, 10)
		require.Zero(t, s.count("low-touch-outreach"))
		s.group(p{"industry": "saas"})
		require.Equal(t, "fair", s.grade())
		require.Zero(t, s.count("low-touch-outreach"))
		s.group(p{"employees": 200})
		require.Equal(t, "good", s.grade())
		require.Equal(t, 1, s.count("low-touch-outreach"))
		require.Equal(t, "group", s.last().Cause.Name)
	})
	both(t, "R004_03_poor_fit_does_not", func(t *testing.T, s *story) {
		s.group(p{"industry": "church", "employees": 3})
		posts(s, 10)
		require.Equal(t, []string{"nurture/rest"}, s.actions())
	})
	both(t, "R004_03_from_eight_on_at_least_that", func(t *testing.T, s *story) {
		fit40(s)
		posts(s, 8)
		s.times(6, func(i int) { s.track("Form Submitted") })
		require.Equal(t, 1, s.count("low-touch-outreach"))
		require.Equal(t, 1, s.count("sales-handoff"), "more interest leads to more")
	})
}

func TestFitAndInterest_Scores(t *testing.T) {
	data := func(s *story) {
		fit40(s)
		s.page("/pricing")
		s.track("Form Submitted")
		s.track("Chat Held")
	}
	t.Run("R004_04_two_scores_or_one_on_the_same_data", func(t *testing.T) {
		a, b := open(t, two), open(t, one)
		data(a)
		data(b)
		require.Equal(t, "fit 39 interest 23", a.shown().Display)
		require.Equal(t, "62", b.shown().Display)
		require.Equal(t, a.score("fit")+a.score("interest"), b.score("rank"))
		require.Equal(t, []lead.Points{39 * point, 23 * point}, []lead.Points{b.line("rank", "fit").Remaining, b.line("rank", "interest").Remaining})
	})
	t.Run("R004_05_each_kind_of_behaviour_has_its_relative_value", func(t *testing.T) {
		last := lead.Points(0)
		for _, do := range []func(s *story){
			func(s *story) { s.track("Email Opened") }, func(s *story) { s.page("/blog/a") }, func(s *story) { s.track("Email Link Clicked") },
			func(s *story) { s.track("E-Book Downloaded") }, func(s *story) { s.track("Chat Held") }, func(s *story) { s.track("Form Submitted") },
			func(s *story) { s.track("Meeting Booked") },
		} {
			s := open(t, two)
			do(s)
			require.Greater(t, s.score("interest"), last)
			last = s.score("interest")
		}
	})
	both(t, "R004_06_fit_attaches_to_the_account", func(t *testing.T, s *story) {
		data(s)
		marks := map[string]bool{}
		s.look(func(f *ledger.Frame) {
			for _, l := range f.Explain() {
				if l.Score == "fit" {
					marks[l.Rule] = l.Account
				}
			}
		})
		require.Equal(t, map[string]bool{"criterion/industry": true, "criterion/company size": true, "criterion/role": false}, marks)
		require.False(t, s.line("interest", "site//pricing").Account)
	})
	both(t, "R004_12_every_score_carries_its_description", func(t *testing.T, s *story) {
		data(s)
		for _, v := range s.last().Scores {
			require.NotEmpty(t, v.About, v.Name)
		}
	})
}

func TestFitAndInterest_Decisions(t *testing.T) {
	both(t, "R004_07_high_fit_with_low_interest_is_never_a_call", func(t *testing.T, s *story) {
		s.identify(p{"title": "Chief Executive Officer"})
		s.group(p{"industry": "saas", "employees": 200})
		require.Equal(t, 40*point, s.score("fit"), "the most there is")
		s.page("/pricing")
		s.track("Email Opened")
		s.times(3, func(i int) { s.page("/blog/a") })
		s.on(365)
		require.Zero(t, s.count("sales-handoff"))
		require.Equal(t, []string{"nurture/rest"}, s.actions())
	})
	both(t, "R004_08_a_stable_sorted_work_list", func(t *testing.T, s *story) {
		for i, key := range []string{"d", "b", "a", "c"} {
			s.as(key).track("Form Submitted")
			if i == 3 {
				s.track("Meeting Booked")
			}
		}
		require.Equal(t, []string{"c", "a", "b", "d"}, workList(s, "a", "b", "c", "d"))
		require.Equal(t, []string{"c", "a", "b", "d"}, workList(s, "d", "c", "b", "a"), "ties by key, whatever the order they came in")
	})
	both(t, "R004_09_stage_hand_off_and_nurture", func(t *testing.T, s *story) {
		label := func(want string) {
			t.Helper()
			require.Equal(t, want, s.shown().Label)
		}
		s.page("/")
		label("lead")
		require.Equal(t, []string{"nurture/rest"}, s.actions(), "enrolled in nurture")
		fit40(s)
		s.times(2, func(i int) { s.track("Form Submitted") })
		label("marketing-qualified")
		s.track("Meeting Booked")
		label("sales-qualified")
		require.Equal(t, 1, s.count("sales-handoff"))
		s.track("Lead Accepted")
		label("opportunity")
		s.track("Lead Won")
		label("customer")
	})
}
