package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const email = "email-engagement"

// literal lets the fourth unanswered mail cost its points at once, as the
// document tells it.
var literal = change{`answer_within = "3d"`, `answer_within = "0s"`}

func fits() p { return p{"industry": "saas", "employees": 200} }

func TestEmailEngagement_Positives(t *testing.T) {
	for _, c := range []struct {
		name, event string
		want        lead.Points
	}{
		{"R000_01_email_opened", "Email Opened", 5},
		{"R000_02_link_clicked", "Email Link Clicked", 10},
		{"R000_03_webinar_signed_up", "Webinar Signed Up", 20},
		{"R000_04_resource_downloaded", "Resource Downloaded", 10},
		{"R000_05_email_given_for_a_discount", "Discount Claimed", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, email)
			s.track(c.event)
			require.Equal(t, c.want*point, s.score("engagement"))
		})
	}
}

func deliver(s *story, n int) {
	s.times(n, func(int) { s.track("Email Delivered") })
}

func TestEmailEngagement_Ignored(t *testing.T) {
	t.Run("R000_06_three_unanswered_cost_nothing", func(t *testing.T) {
		s := open(t, email, literal)
		deliver(s, 3)
		require.Zero(t, s.score("engagement"))
	})
	t.Run("R000_06_the_fourth_costs_25_once", func(t *testing.T) {
		s := open(t, email, literal)
		deliver(s, 4)
		require.Equal(t, -25*point, s.score("engagement"))
		deliver(s, 1)
		require.Equal(t, -25*point, s.score("engagement"), "not again on the fifth")
		deliver(s, 20)
		require.Equal(t, -25*point, s.score("engagement"))
	})
	for _, answer := range []string{"Email Opened", "Email Link Clicked"} {
		t.Run("R000_06_an_answer_resets_the_count/"+answer, func(t *testing.T) {
			s := open(t, email, literal)
			deliver(s, 3)
			s.track(answer)
			deliver(s, 3)
			require.Zero(t, s.line("engagement", "ignored/mails").Awarded)
			deliver(s, 1)
			require.Equal(t, -25*point, s.line("engagement", "ignored/mails").Awarded, "four again")
			s.track(answer)
			deliver(s, 4)
			require.Equal(t, -50*point, s.line("engagement", "ignored/mails").Awarded, "after an answer it can happen again")
		})
	}
	t.Run("R000_06_three_days_of_grace", func(t *testing.T) {
		s := open(t, email)
		deliver(s, 4)
		require.Zero(t, s.score("engagement"))
		s.wait(3*day - time.Millisecond)
		require.Zero(t, s.score("engagement"))
		s.wait(time.Millisecond)
		require.Equal(t, -25*point, s.score("engagement"), "exactly three days after the fourth")
	})
	t.Run("R000_06_an_answer_within_the_grace_prevents_it", func(t *testing.T) {
		s := open(t, email)
		deliver(s, 4)
		s.wait(3*day - time.Millisecond)
		s.track("Email Opened")
		s.wait(30 * day)
		require.Zero(t, s.line("engagement", "ignored/mails").Awarded)
	})
	t.Run("R000_06_only_the_fourth_sets_the_clock", func(t *testing.T) {
		s := open(t, email)
		deliver(s, 4)
		s.wait(2 * day)
		deliver(s, 1)
		s.wait(day)
		require.Equal(t, -25*point, s.line("engagement", "ignored/mails").Awarded)
		s.wait(10 * day)
		require.Equal(t, -25*point, s.line("engagement", "ignored/mails").Awarded, "once")
	})
}

func TestEmailEngagement_SumCheck(t *testing.T) {
	positives := []string{"Email Opened", "Email Link Clicked", "Webinar Signed Up", "Resource Downloaded", "Discount Claimed"}
	t.Run("R000_07_fifty_then_twenty_five", func(t *testing.T) {
		s := open(t, email, literal)
		for _, e := range positives {
			s.track(e)
		}
		require.Equal(t, 50*point, s.score("engagement"))
		deliver(s, 4)
		require.Equal(t, 25*point, s.score("engagement"))
		require.Equal(t, int64(25), s.display("engagement"))
	})
	t.Run("R000_07_as_shipped_with_grace_and_decay", func(t *testing.T) {
		s := open(t, email)
		for _, e := range positives {
			s.track(e)
		}
		deliver(s, 4)
		s.wait(3 * day)
		// 177 of 180 parts of each line are left: 4.917 + 9.833 + 19.667 + 9.833 + 4.917.
		require.Equal(t, lead.Points(49_167-25_000), s.score("engagement"))
	})
}

func TestEmailEngagement_Newsletter(t *testing.T) {
	news, offers := p{"list_id": "news"}, p{"list_id": "offers"}
	t.Run("R000_08_sign_up_and_unsubscribe_are_exactly_zero", func(t *testing.T) {
		s := open(t, email)
		s.track("Newsletter Subscribed", news)
		require.Equal(t, 10*point, s.score("engagement"))
		s.track("Unsubscribed", news)
		require.Zero(t, s.score("engagement"))
		s.track("Unsubscribed", news)
		require.Zero(t, s.score("engagement"), "idempotent")
	})
	t.Run("R000_08_with_decay", func(t *testing.T) {
		s := open(t, email)
		s.track("Newsletter Subscribed", news)
		s.track("Resource Downloaded")
		s.on(45)
		require.Equal(t, 15*point, s.score("engagement"), "three quarters of 20")
		s.track("Unsubscribed", news)
		require.Equal(t, 7500*lead.Points(1), s.score("engagement"), "the download keeps its 7.5")
		line := s.line("engagement", "newsletter/Newsletter Subscribed")
		require.Equal(t, []lead.Points{10_000, 2500, 7500, 0}, []lead.Points{line.Awarded, line.Decayed, line.Reversed, line.Remaining})
		s.on(81)
		require.Equal(t, 5500*lead.Points(1), s.score("engagement"), "nothing comes back")
	})
	t.Run("R000_08_a_second_list_is_untouched", func(t *testing.T) {
		s := open(t, email)
		s.track("Newsletter Subscribed", news)
		s.track("Newsletter Subscribed", offers)
		require.Equal(t, 20*point, s.score("engagement"))
		s.track("Unsubscribed", offers)
		require.Equal(t, 10*point, s.score("engagement"))
		s.track("Unsubscribed", p{"list_id": "never joined"})
		require.Equal(t, 10*point, s.score("engagement"), "without a sign-up it does nothing")
	})
	t.Run("R000_08_a_new_sign_up_awards_again", func(t *testing.T) {
		s := open(t, email)
		s.track("Newsletter Subscribed", news)
		s.track("Newsletter Subscribed", news)
		require.Equal(t, 10*point, s.score("engagement"), "once for each list")
		s.track("Unsubscribed", news)
		s.track("Newsletter Subscribed", news)
		require.Equal(t, 10*point, s.score("engagement"))
	})
}

func TestEmailEngagement_Time(t *testing.T) {
	t.Run("R000_09_inactivity_once_per_period", func(t *testing.T) {
		s := open(t, email)
		s.track("Resource Downloaded")
		s.wait(90*day - time.Millisecond)
		require.Zero(t, s.line("engagement", "inactivity").Awarded)
		s.wait(time.Millisecond)
		require.Equal(t, -10*point, s.line("engagement", "inactivity").Awarded)
		require.Equal(t, 5*point-10*point, s.score("engagement"))
		s.wait(90*day - time.Millisecond)
		require.Equal(t, -10*point, s.line("engagement", "inactivity").Awarded)
		s.wait(time.Millisecond)
		require.Equal(t, -20*point, s.line("engagement", "inactivity").Awarded)
	})
	t.Run("R000_09_activity_starts_the_period_again", func(t *testing.T) {
		s := open(t, email)
		s.track("Resource Downloaded")
		s.on(89)
		s.page("/")
		s.on(178)
		require.Zero(t, s.line("engagement", "inactivity").Awarded)
		s.track("Email Delivered")
		s.track("Lead Contacted")
		s.wait(day)
		require.Equal(t, -10*point, s.line("engagement", "inactivity").Awarded, "mail sent and answers of sales are no activity")
	})
	t.Run("R000_09_the_period_and_the_points_are_configured", func(t *testing.T) {
		s := open(t, email, change{"after  = \"90d\"\n    points = -10", "after  = \"30d\"\n    points = -4"})
		s.track("Resource Downloaded")
		s.on(30)
		require.Equal(t, -4*point, s.line("engagement", "inactivity").Awarded)
	})
	t.Run("R000_10_points_decay_by_default", func(t *testing.T) {
		s := open(t, email)
		s.track("Webinar Signed Up")
		s.on(45)
		require.Equal(t, 15*point, s.score("engagement"))
		s.on(179)
		require.Positive(t, s.line("engagement", "content/Webinar Signed Up").Remaining)
		s.on(180)
		require.Zero(t, s.line("engagement", "content/Webinar Signed Up").Remaining)
	})
}

func TestEmailEngagement_Threshold(t *testing.T) {
	for _, c := range []struct {
		name string
		at   lead.Points
		mql  bool
	}{
		{"R000_12_one_milli_point_below", 59_999, false},
		{"R000_12_exactly", 60_000, true},
		{"R000_12_one_milli_point_above", 60_001, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, email)
			s.track("Resource Downloaded")
			s.adjust("engagement", c.at)
			require.Equal(t, c.at, s.score("engagement"))
			want := []string{"nurture/rest"}
			if c.mql {
				want = append(want, "sales-handoff/mql")
			}
			require.Equal(t, want, s.actions())
			shown := s.display("engagement")
			require.Equal(t, c.mql, shown >= 60, "the display does not round across the threshold: %d", shown)
		})
	}
	t.Run("R000_13_a_demo_request_alone_hands_over", func(t *testing.T) {
		s := open(t, email)
		s.track("Demo Requested")
		require.Equal(t, []string{"sales-handoff/asked"}, s.actions())
		require.Equal(t, "Demo Requested", s.last().Cause.Name)
		require.Equal(t, 60*point, s.score("engagement"))
	})
	t.Run("R000_13_lint_a_hand_raise_without_effect", func(t *testing.T) {
		said := refused(t, email,
			change{`{ "Demo Requested" = 60 }`, `{ "Demo Requested" = 6 }`},
			change{`pending("asked")`, `pending("asked") && engagement >= 60`})
		require.Contains(t, said, "Hand-raise leads nowhere")
	})
}

func TestEmailEngagement_Weights(t *testing.T) {
	visits := func(n int) lead.Points {
		s := open(t, email)
		s.times(n, func(int) { s.page("/blog/a") })
		return s.score("engagement")
	}
	t.Run("R000_15_thirty_visits_score_more_than_three", func(t *testing.T) {
		require.Equal(t, []lead.Points{0, 5 * point, 5 * point, 10 * point, 10 * point, 20 * point, 20 * point},
			[]lead.Points{visits(2), visits(3), visits(9), visits(10), visits(29), visits(30), visits(31)})
	})
	t.Run("R000_15_pages_of_one_visit_count_once", func(t *testing.T) {
		s := open(t, email, change{`pages  = ["*"]`, "pages  = [\"*\"]\n  distinct = \"visit_id\""})
		s.times(30, func(i int) { s.page("/blog/a", p{"visit_id": i / 10}) })
		require.Equal(t, 5*point, s.score("engagement"), "three visits")
	})
	t.Run("R000_16_pricing_demo_form_and_demo_offers_weigh_more", func(t *testing.T) {
		one := func(do func(s *story)) lead.Points {
			s := open(t, email)
			do(s)
			return s.score("engagement")
		}
		other := one(func(s *story) { s.page("/about") })
		pricing := one(func(s *story) { s.page("/pricing") })
		demo := one(func(s *story) { s.page("/demo") })
		click := one(func(s *story) { s.track("Email Link Clicked", p{"campaign": "news"}) })
		offer := one(func(s *story) { s.track("Email Link Clicked", p{"campaign": "demo-offer"}) })
		require.Equal(t, []lead.Points{0, 15 * point, 20 * point, 10 * point, 25 * point}, []lead.Points{other, pricing, demo, click, offer})
	})
}

func TestEmailEngagement_Grid(t *testing.T) {
	active := func(s *story) {
		s.track("Webinar Signed Up")
		s.track("Webinar Signed Up")
		s.track("Webinar Signed Up")
	}
	poor := p{"industry": "church", "employees": 3}
	for _, c := range []struct {
		name    string
		account p
		active  bool
		want    string
	}{
		{"R000_17_fits_and_active", fits(), true, "sales-handoff/mql"},
		{"R000_17_fits_and_quiet", fits(), false, "nurture-target/fits-but-quiet"},
		{"R000_17_active_but_no_fit", poor, true, "marketing-review/eager-but-no-fit"},
		{"R000_17_neither", poor, false, "nurture/rest"},
		{"R000_17_active_and_unknown", p{"industry": "saas"}, true, "sales-handoff/mql"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, email)
			s.group(c.account)
			if c.active {
				active(s)
			}
			require.Equal(t, c.want, s.last().Action+"/"+s.last().Route)
		})
	}
	t.Run("R000_18_hot_warm_cold", func(t *testing.T) {
		for at, want := range map[lead.Points]string{-10_000: "cold", 24_999: "cold", 25_000: "warm", 59_999: "warm", 60_000: "hot"} {
			s := open(t, email)
			s.track("Resource Downloaded")
			s.adjust("engagement", at)
			require.Equal(t, want, s.shown().Label, "%s points", at)
		}
	})
}

func TestEmailEngagement_Ratios(t *testing.T) {
	mail := func(s *story, series string, i int, answer string) {
		props := p{"series": series, "email_id": i}
		s.track("Email Delivered", props)
		if answer != "" {
			s.track(answer, props)
		}
	}
	const all, usually = "opened every mail of the series", "usually clicks offers"
	t.Run("R000_20_opened_every_mail_of_the_series", func(t *testing.T) {
		s := open(t, email)
		s.times(2, func(i int) { mail(s, "nurture", i, "Email Opened") })
		require.Zero(t, s.line("engagement", all).Awarded, "two mails say little")
		mail(s, "nurture", 2, "Email Opened")
		require.Equal(t, 10*point, s.line("engagement", all).Awarded)
		mail(s, "nurture", 3, "Email Opened")
		require.Equal(t, 10*point, s.line("engagement", all).Awarded, "once")
	})
	t.Run("R000_20_one_unopened_mail_is_not_every", func(t *testing.T) {
		s := open(t, email)
		mail(s, "nurture", 0, "")
		s.times(3, func(i int) { mail(s, "nurture", i+1, "Email Opened") })
		s.track("Email Opened", p{"series": "nurture", "email_id": 1})
		require.Zero(t, s.line("engagement", all).Awarded, "opening one mail twice does not stand for another")
	})
	t.Run("R000_20_usually_clicks_offers", func(t *testing.T) {
		s := open(t, email)
		mail(s, "offer", 0, "")
		mail(s, "offer", 1, "")
		mail(s, "offer", 2, "Email Link Clicked")
		mail(s, "offer", 3, "Email Link Clicked")
		require.Zero(t, s.line("engagement", usually).Awarded, "two of four")
		mail(s, "offer", 4, "Email Link Clicked")
		require.Equal(t, 10*point, s.line("engagement", usually).Awarded, "three of five")
	})
}

func TestEmailEngagement_Bounce(t *testing.T) {
	t.Run("R000_21_a_hard_bounce_costs_and_stops_mail_points", func(t *testing.T) {
		s := open(t, email)
		s.track("Email Opened")
		s.track("Email Bounced", p{"bounce_type": "hard"})
		require.Equal(t, 5*point-20*point, s.score("engagement"))
		s.track("Email Opened")
		s.track("Email Link Clicked", p{"campaign": "demo-offer"})
		require.Equal(t, -15*point, s.score("engagement"), "no mail points any more")
		s.track("Resource Downloaded")
		require.Equal(t, -5*point, s.score("engagement"), "other points go on")
	})
	t.Run("R000_21_a_soft_bounce_does_not", func(t *testing.T) {
		s := open(t, email)
		s.track("Email Bounced", p{"bounce_type": "soft"})
		s.track("Email Bounced")
		s.track("Email Opened")
		require.Equal(t, 5*point, s.score("engagement"))
	})
}
