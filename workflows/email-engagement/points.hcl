# What takes points away. It stands first, so that a dead address earns nothing below.
step "negative-points" "minus" {
  score = "engagement"
  reversal "list left" {
    event = "Unsubscribed"
    of    = "engagement/newsletter/Newsletter Subscribed"
  }
  ignored "mails" {
    delivered     = "Email Delivered"
    answers       = ["Email Opened", "Email Link Clicked"]
    more_than     = 3
    answer_within = "3d"
    points        = -25
  }
  inactivity {
    after  = "90d"
    points = -10
  }
  stop "bounced" {
    event  = "Email Bounced"
    where  = prop.bounce_type == "hard"
    points = -20
  }
}

# What they do.
step "behavior-points" "engagement" {
  about = "Interest shown lately; 60 makes a marketing qualified lead"
  class "asked" { events = { "Demo Requested" = 60 } }
  class "mail" {
    where  = !minus.bounced
    events = { "Email Opened" = 5, "Email Link Clicked" = 10 }
  }
  class "content" {
    events = { "Webinar Signed Up" = 20, "Resource Downloaded" = 10, "Discount Claimed" = 5 }
  }
  class "newsletter" {
    events = { "Newsletter Subscribed" = 10 }
    once   = "list_id"
  }
  class "buying" {
    pages = { "/pricing" = 15, "/demo" = 20 }
    once  = "asset per day"
  }
  rule "demo offer" { # on top of the click itself
    event  = "Email Link Clicked"
    where  = prop.campaign == "demo-offer" && !minus.bounced
    points = 15
  }
  tier "visits" {
    counter = "visits"
    at      = { "3" = 5, "10" = 10, "30" = 20 }
  }
  ratio "opened every mail of the series" {
    of     = count.series_opened
    over   = count.series_sent
    min    = 3
    points = 10
  }
  ratio "usually clicks offers" {
    of       = count.offers_clicked
    over     = count.offers_sent
    at_least = 0.6
    min      = 3
    points   = 10
  }
}

step "decay" "fade" { # interest goes cold: half after 90 days, nothing after 180
  of     = "engagement"
  window = "180d"
}
