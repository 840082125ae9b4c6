workflow "names" {}

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 100 }
    once   = "asset"
    where  = tait.title == "x" # ERROR: Did you mean "trait"?
  }
}

route "nurture" "rest" { default = true }
