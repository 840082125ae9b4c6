# Who is on the market now? What leads do with us, and what Acme says they research elsewhere.
workflow "intent" {
  about   = "Sales calls who looks at our product and researches the subject elsewhere"
  display = "{total}"
}

score "total" {
  about = "What they do here, and what they research elsewhere"
  value = interest + surge
}

step "behavior-points" "interest" {
  about = "What they did with us in the last 60 days"
  class "asked" { events = { "Demo Requested" = 100 } }
  class "product" {
    events = { "Guide Downloaded" = 15 }
    pages  = { "/pricing" = 15, "/product/*" = 5 }
    once   = "asset per day"
  }
}

step "decay" "sixty" {
  of     = "interest"
  window = "60d"
}

step "acme-intent" "surge" { # of a partner: plugins/acme-intent.wasm
  about    = "What they research elsewhere, from Acme's weekly feed"
  on_error = "skip" # rather without the feed than not at all
  from     = 50
  keep     = "14d"
  topic "lead scoring*" { points = 30 }
  topic "marketing automation*" { points = 20 }
  topic "crm*" { points = 10 }
}

route "sales-handoff" "asked" { when = pending("asked") }
route "sales-handoff" "in-market" {
  when = surge >= 20 && interest >= 15
  say  = "Researches {surge.surge.last}; with us: {interest.product.last}"
}
route "nurture" "researching" {
  when = surge >= 20
  say  = "Send something about {surge.surge.last}"
}
route "nurture" "rest" { default = true }
