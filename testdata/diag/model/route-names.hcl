workflow "route-names" {}

counter "blog" {
  pages  = ["/blog/*"]
  window = "30d"
}

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 100 }
    once   = "asset"
  }
}

route "sales-handoff" "a" { when = recnt >= 5 }                      # ERROR: Did you mean "recent"?
route "sales-handoff" "b" { when = recent.askd > 5 }                 # ERROR: Did you mean "asked"?
route "sales-handoff" "c" { when = pending("demo") }                 # ERROR: The classes are: "asked"
route "sales-handoff" "d" { when = count.blgo > 3 }                  # ERROR: Did you mean "blog"?
route "sales-handoff" "e" { when = lik(trait.title, "x*") }          # ERROR: Did you mean "like"?
route "sales-handoff" "f" { when = grade == "A" }                    # ERROR: There is no grade
route "sales-handoff" "g" { when = recent > count.blog }             # ERROR: convert it: points(…)
route "sales-handoff" "h" { when = recent }                          # ERROR: a condition is needed
route "sales-handoff" "i" { when = peak(recent, "36h") > 3 }         # ERROR: multiple of the age step (1d)
route "sales-handoff" "j" { when = listed("rivals", trait.company) } # ERROR: Unknown table
route "sales-handoff" "k" {
  when = recent >= 10
  say  = "Ask about {recent.lst}" # ERROR: Unknown part
}
route "nurture" "rest" { default = true }
