# Explicit and implicit scoring on one scale from 0 to 100.
workflow "hundred-point" {
  about   = "Who they are gives up to 70 points, what they do up to 45; sales from 75 on"
  display = "{total}"
}

# The score that people see never leaves 0 to 100; `ripen score --explain LEAD` shows the raw sum beside it.
score "total" {
  about = "Who they are and what they do, 0 to 100"
  value = explicit + implicit
  scale = [0, 100]
}

step "fit-grade" "explicit" {
  about = "Who they are: role, industry, size, country"
  criterion "role" {
    of    = trait.title
    like  = { "chief*" = 30, "vp*" = 26, "head of*" = 24, "*director*" = 20, "*manager*" = 14, "*engineer*" = 8, "*intern*" = 2, "*student*" = -10 }
    other = 5
  }
  criterion "industry" {
    account = true
    of      = account.industry
    values  = { saas = 20, fintech = 16, "e-commerce" = 12, media = 8, education = 2 }
    other   = 4
  }
  criterion "company size" {
    account = true
    of      = account.employees
    ranges = [
      { from = 200, to = 1000, points = 12 },
      { from = 50, to = 199, points = 8 },
      { from = 1001, points = 6 },
      { to = 49, points = 2 },
    ]
  }
  criterion "country" {
    of     = trait.country
    values = { US = 8, GB = 7, DE = 6, FR = 5 }
    other  = 1
  }
}

# Mail gateways open and click too, within seconds of delivery and all links at once: what stands below never sees it.
step "bot-filter" "robots" {}

step "behavior-points" "implicit" {
  about = "What they do: visits, downloads, e-mails"
  cap   = 45
  class "site" {
    pages = { "/pricing" = 15, "/product/*" = 5, "*" = 1 }
    once  = "asset per day"
  }
  class "content" { events = { "E-Book Downloaded" = 10, "Resource Downloaded" = 10, "Product Webinar Attended" = 12 } }
  class "mail" { events = { "Email Opened" = 1, "Email Link Clicked" = 3 } }
}

step "negative-points" "minus" {
  score  = "implicit"
  events = { "Unsubscribed" = -10 }
  pages  = { "/careers*" = -20 }
}

# The customer we would like best. If it misses the 100, the workflow does not load.
golden "dream-customer" {
  traits  = { title = "Chief Marketing Officer", country = "US" }
  account = { industry = "saas", employees = 400 }
  events  = [{ page = "/pricing" }, "Product Webinar Attended", "E-Book Downloaded"]
}

route "sales-handoff" "ready" {
  when = total >= 75
  say  = "{explicit} points for who they are, {implicit} for what they do"
}
route "nurture" "not-yet" { default = true }
