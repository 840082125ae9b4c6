package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const (
	now    = "staged-fit-p1" // policy 1
	proven = "staged-fit-p2" // policy 2
)

// answers of a lead to the five questions.
type answers struct{ industry, kind, title, problem, solved string }

func (a answers) tell(s *story) {
	s.Helper()
	person, company := p{}, p{}
	for name, v := range map[string]string{"title": a.title, "problem": a.problem, "solved": a.solved} {
		if v != "" {
			person[name] = v
		}
	}
	for name, v := range map[string]string{"industry": a.industry, "kind": a.kind} {
		if v != "" {
			company[name] = v
		}
	}
	if len(person) > 0 {
		s.identify(person)
	}
	if len(company) > 0 {
		s.group(company)
	}
}

// Each question from 1 to 10; the fit is their mean.
var (
	ideal = answers{"saas", "scale-up", "CEO", "exact", "fully"}                // 10 10 10 10 10
	eight = answers{"fintech", "mid-size", "Head of Sales", "related", "fully"} // 8 8 8 6 10
	five  = answers{"media", "enterprise", "Manager", "related", "partly"}      // 4 5 6 6 4
	four  = answers{"media", "enterprise", "Manager", "other", "partly"}        // 4 5 6 1 4
)

func fitOf(t *testing.T, a answers) lead.Points {
	s := open(t, proven)
	s.page("/")
	a.tell(s)
	return s.score("fit")
}

func TestStagedFit_Metrics(t *testing.T) {
	t.Run("R003_01_each_question_has_a_scale_from_1_to_10", func(t *testing.T) {
		require.Equal(t, 10*point, fitOf(t, ideal))
		require.Equal(t, 1*point, fitOf(t, answers{"church", "cult", "monk", "none", "never"}), "answers not listed")
		require.Equal(t, 1*point, fitOf(t, answers{}), "no answers")
		one := ideal
		one.industry = "media"
		require.Equal(t, lead.Points(8800), fitOf(t, one), "(4+10+10+10+10)/5")
	})
	t.Run("R003_01_outside_the_scale_is_an_error", func(t *testing.T) {
		require.Contains(t, refused(t, proven, change{"saas = 10", "saas = 11"}), "outside the scale")
		require.Contains(t, refused(t, proven, change{"no = 1 }", "no = 0.999 }"}), "outside the scale")
	})
	t.Run("R003_02_five_stock_questions", func(t *testing.T) {
		w := load(t, proven).work
		var questions []string
		for _, r := range w.Model.Book.Rules {
			if r.Step == "fit" {
				questions = append(questions, r.Name)
			}
		}
		require.Equal(t, []string{"metric/market", "metric/kind of company", "metric/decision-maker", "metric/kind of problem", "metric/do we solve it"}, questions)
	})
	t.Run("R003_03_the_exact_problem_is_a_ten", func(t *testing.T) {
		s := open(t, proven)
		s.identify(p{"problem": "exact"})
		line := s.line("fit", "metric/kind of problem")
		require.Equal(t, 2*point, line.Remaining, "10 of 10, a fifth of the mean")
		require.Equal(t, (10+4)*point/5, s.score("fit"))
	})
	t.Run("R003_04_secretary_instead_of_ceo_is_a_three", func(t *testing.T) {
		ceo, secretary := ideal, ideal
		secretary.title = "Secretary to the board"
		require.Equal(t, 7*point/5, fitOf(t, ceo)-fitOf(t, secretary), "10 against 3")
		s := open(t, proven)
		s.identify(p{"title": "secretary"})
		require.Equal(t, 3*point/5, s.line("fit", "metric/decision-maker").Remaining)
	})
	t.Run("R003_01_answers_replace_each_other", func(t *testing.T) {
		s := open(t, proven)
		ideal.tell(s)
		s.identify(p{"title": "secretary"})
		s.identify(p{"title": "CEO"})
		require.Equal(t, 10*point, s.score("fit"))
	})
}

func TestStagedFit_Stages(t *testing.T) {
	worth := func(events ...string) lead.Points {
		s := open(t, proven)
		for i, e := range events {
			s.track(e, p{"asset": i})
		}
		return s.score("behavior")
	}
	t.Run("R003_05_ordered_stages", func(t *testing.T) {
		stages := [][]string{
			{"Social Followed", "Newsletter Subscribed"}, {"Webinar Attended", "Report Downloaded"},
			{"Case Study Downloaded", "Pricing Requested", "Consultation Booked"},
		}
		var highest lead.Points
		for _, stage := range stages {
			before := highest
			for _, e := range stage {
				require.Greater(t, worth(e), before, e)
				highest = max(highest, worth(e))
			}
		}
	})
	t.Run("R003_06_stage_one_is_1_and_2", func(t *testing.T) {
		require.Equal(t, []lead.Points{1 * point, 2 * point}, []lead.Points{worth("Social Followed"), worth("Newsletter Subscribed")})
	})
	t.Run("R003_07_stage_two_is_3_and_4", func(t *testing.T) {
		require.Equal(t, []lead.Points{3 * point, 4 * point}, []lead.Points{worth("Webinar Attended"), worth("Report Downloaded")})
	})
	t.Run("R003_08_a_later_stage_that_does_not_outscore_is_an_error", func(t *testing.T) {
		require.Contains(t, refused(t, proven, change{`"Webinar Attended" = 3`, `"Webinar Attended" = 2`}), "does not outscore")
		require.Contains(t, refused(t, proven, change{`"Case Study Downloaded" = 5`, `"Case Study Downloaded" = 4`}), "does not outscore")
	})
	t.Run("R003_09_bonus_for_how_many", func(t *testing.T) {
		require.Equal(t, 4*point, worth("Report Downloaded"))
		require.Equal(t, (8+1)*point, worth("Report Downloaded", "Report Downloaded"))
		require.Equal(t, (12+1)*point, worth("Report Downloaded", "Report Downloaded", "Report Downloaded"))
		require.Equal(t, (13+3)*point, worth("Report Downloaded", "Webinar Attended", "Webinar Attended", "Webinar Attended"))
		require.Equal(t, (14+3)*point, worth("Pricing Requested", "Consultation Booked"))
		require.Equal(t, (19+6)*point, worth("Pricing Requested", "Consultation Booked", "Case Study Downloaded"))
		require.Equal(t, 3*point, worth("Social Followed", "Newsletter Subscribed"), "none for the first stage")
	})
}

func TestStagedFit_Policies(t *testing.T) {
	handed := func(s *story) bool { return s.count("sales-handoff") == 1 }
	t.Run("R003_10_p1_high_fit_and_any_behaviour", func(t *testing.T) {
		s := open(t, now)
		ideal.tell(s)
		require.Equal(t, []string{"nurture/rest"}, s.actions(), "fit alone is not enough")
		s.track("Social Followed")
		require.True(t, handed(s))
		s.as("eight")
		eight.tell(s)
		require.Equal(t, 8*point, s.score("fit"))
		s.track("Social Followed")
		require.True(t, handed(s))
		below := eight
		below.problem = "vague"
		s.as("below")
		below.tell(s)
		s.track("Consultation Booked")
		require.False(t, handed(s), "%s is no high fit", s.score("fit"))
	})
	at := func(t *testing.T, a answers, fit, behavior lead.Points, dir string, edits ...change) *story {
		s := open(t, dir, edits...)
		a.tell(s)
		switch behavior {
		case 8 * point:
			s.track("Webinar Attended", p{"asset": "w"})
			s.track("Report Downloaded", p{"asset": "r"})
		case 7 * point:
			s.track("Social Followed")
			s.track("Newsletter Subscribed")
			s.track("Report Downloaded", p{"asset": "r"})
		}
		require.Equal(t, []lead.Points{fit, behavior}, []lead.Points{s.score("fit"), s.score("behavior")})
		return s
	}
	t.Run("R003_11_p2_five_and_eight_passes", func(t *testing.T) {
		s := at(t, five, 5*point, 8*point, proven)
		require.Equal(t, "sales-handoff/fits-and-proven", s.last().Action+"/"+s.last().Route)
	})
	t.Run("R003_11_p2_four_and_eight_does_not", func(t *testing.T) {
		s := at(t, four, 4*point, 8*point, proven)
		require.False(t, handed(s))
	})
	t.Run("R003_11_p2_five_and_seven_does_not", func(t *testing.T) {
		s := at(t, five, 5*point, 7*point, proven)
		require.False(t, handed(s))
		s.track("Pricing Requested")
		require.True(t, handed(s))
	})
	t.Run("R003_12_both_policies_on_the_same_facts", func(t *testing.T) {
		for dir, want := range map[string]bool{now: true, proven: false} {
			s := open(t, dir)
			ideal.tell(s)
			s.track("Social Followed")
			require.Equal(t, want, handed(s), dir)
		}
	})
	t.Run("R003_12_every_corner_has_exactly_one_route", func(t *testing.T) {
		for _, c := range []struct {
			who  answers
			do   string
			want string
		}{
			{ideal, "Consultation Booked", "sales-handoff/fits-and-proven"}, {ideal, "Social Followed", "nurture-fit/fits-but-not-proven"},
			{answers{}, "Consultation Booked", "nurture-interest/keen-but-no-fit"}, {answers{}, "Social Followed", "nurture/rest"},
		} {
			s := open(t, proven)
			c.who.tell(s)
			s.track(c.do)
			require.Equal(t, c.want, s.last().Action+"/"+s.last().Route)
		}
	})
	t.Run("R003_12_a_hole_in_the_table_is_an_error", func(t *testing.T) {
		require.Contains(t, refused(t, proven, change{"fit < 5 &&", "fit < 4 &&"}), "Table with a hole")
	})
	t.Run("R003_12_a_conflict_in_the_table_is_said", func(t *testing.T) {
		w, diags, err := loadEdited(t, proven, []change{{"behavior < 8", "behavior < 9"}})
		defer w.Close()
		require.NoError(t, err)
		require.Contains(t, complaints(w, diags), "Routes overlap")
	})
	t.Run("R003_13_the_hand_off_point_is_definable", func(t *testing.T) {
		s := at(t, five, 5*point, 8*point, proven, change{"behavior >= 8\n", "behavior >= 12\n"}, change{"behavior < 8", "behavior < 12"}, change{"behavior >= 8 }", "behavior >= 12 }"})
		require.False(t, handed(s))
		s.track("Case Study Downloaded")
		require.True(t, handed(s), "13 points")
	})
}
