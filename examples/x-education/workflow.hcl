# Which of a course seller's leads will buy? Who they are, and what they showed by themselves.
# No column that sales wrote afterwards is scored; see README.md.
workflow "x-education" {
  about   = "Call the leads from 50 points on first"
  display = "{total}"
}

score "total" {
  about = "How likely the lead is to buy a course"
  value = fit + interest
}

step "fit-grade" "fit" {
  about = "Who they are, and how they came to us"
  criterion "origin" {
    of     = trait.origin
    values = { "Lead Add Form" = 20, API = 5 }
  }
  criterion "source" {
    of     = trait.source
    values = { "Welingak Website" = 20, Reference = 10, Google = 3, "Organic Search" = 3, "Direct Traffic" = 1 }
  }
  criterion "occupation" {
    of     = trait.occupation
    values = { "Working Professional" = 30, Housewife = 8, Businessman = 8, Unemployed = 4, Student = 4 }
  }
  criterion "knows what to study" {
    when   = known(trait.specialization)
    points = 8
  }
  criterion "told us the goal" {
    when   = known(trait.goal)
    points = 8
  }
}

step "behavior-points" "interest" {
  about = "What they did: time on the site, answers, conversations"
  tier "time on site" {
    of = trait.seconds_on_site
    at = { "300" = 5, "600" = 24, "1000" = 29 }
  }
  rule "never on the site" { # they came by phone, chat or a friend
    event  = "*"
    where  = trait.seconds_on_site == 0
    once   = "ever"
    points = 16
  }
  class "talked" {
    cap    = 10
    events = { "Phone Conversation Held" = 10 }
  }
  class "answered" {
    cap    = 9
    events = { "Email Opened" = 3, "Email Link Clicked" = 3, "Form Submitted" = 3 }
  }
}

step "negative-points" "minus" {
  score  = "interest"
  events = { "Email Bounced" = -12, "Unsubscribed" = -3 }
  match "do not email" {
    when   = trait.do_not_email
    points = -10
  }
}

route "sales-handoff" "call-first" { when = total >= 50 }
route "nurture" "rest" { default = true }

label "hot" { when = total >= 50 }
label "warm" { when = total >= 30 }
label "cold" { default = true }
