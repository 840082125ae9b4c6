workflow "growth" {}

step "pointer" "ever" {
  class "read" {
    events = { "Guide Downloaded" = 10 } # WARNING: Every event of "read" adds points
    pages  = { "/blog/*" = 1 }
  }
  class "capped" {
    events = { "Video Watched" = 10 }
    cap    = 50
  }
  class "negative" {
    events = { "Unsubscribed" = -10 }
  }
}

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
  }
}

step "fading" "sixty" {
  of     = "recent"
  window = "60d"
}

route "nurture" "rest" { default = true }
