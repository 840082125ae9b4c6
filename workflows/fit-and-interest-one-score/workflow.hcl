# Fit and interest, added up to one score that ranks the work list.
workflow "fit-and-interest-one-score" {
  about   = "One score of fit and interest; sales calls from 65 on, or when a meeting is booked"
  display = "{rank}"
}

# Fit alone reaches 40 at most, so it can never make a call; nor can interest without fit.
score "rank" {
  about = "Fit and interest together; sales works from the top down"
  value = fit + interest
}

counter "ebooks" {
  events   = ["E-Book Downloaded"]
  distinct = "asset"
}
counter "pages" { pages = ["*"] }
counter "posts" { pages = ["/blog/*"] }
counter "meetings" { events = ["Meeting Booked"] }

# Fit belongs to the company; only the role is the person's. At most 40 points.
step "fit-grade" "fit" {
  about = "How well the company and the role fit us, 0 to 40"
  criterion "industry" {
    account = true
    of      = account.industry
    values  = { saas = 15, fintech = 15, "e-commerce" = 8, media = 4 }
  }
  criterion "company size" {
    account = true
    of      = account.employees
    ranges  = [{ from = 50, to = 1000, points = 15 }, { from = 1001, points = 8 }, { from = 10, to = 49, points = 4 }]
  }
  criterion "role" {
    of   = trait.title
    like = { "chief*" = 10, "vp*" = 9, "head of*" = 8, "*manager*" = 5 }
  }
  cutoffs = { good = 25, fair = 12, poor = 0 }
}

# Interest: one booked meeting is worth more than all the reading in the world (each class has its cap).
step "behavior-points" "interest" {
  about = "What they do with us; 100 means they asked for a meeting"
  class "meeting" { events = { "Meeting Booked" = 100 } }
  class "hands" {
    cap    = 40
    events = { "Form Submitted" = 10, "Chat Held" = 8, "E-Book Downloaded" = 5 }
  }
  class "site" {
    cap   = 25
    pages = { "/pricing" = 5, "/product/*" = 2, "/blog/*" = 1, "*" = 0.5 }
  }
  class "mail" {
    cap    = 15
    events = { "Email Opened" = 0.5, "Email Link Clicked" = 2 }
  }
}

route "sales-handoff" "meeting" {
  when = pending("meeting")
  say  = "They booked a meeting: confirm it today"
}
route "sales-handoff" "high-in-the-list" { when = rank >= 65 && grade == "good" }
route "soft-email" "deep-reader" {
  when = count.ebooks >= 3 && count.pages > 30 && oneof(account.industry, "saas", "fintech") && count.meetings == 0
  say  = "A personal mail, no call: they read {interest.hands.last} and {count.pages} pages"
}
route "low-touch-outreach" "blog-reader" { when = count.posts >= 4 && grade == "good" && rank < 65 }
route "nurture" "rest" { default = true }

# The label is the stage of the life cycle.
label "customer" { when = stage("won") }
label "opportunity" { when = stage("accepted") || stage("contacted") }
label "sales-qualified" { when = episode("sales-handoff") }
label "marketing-qualified" { when = rank >= 45 }
label "lead" { default = true }
