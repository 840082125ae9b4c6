workflow "plugin-diagnostic-silenced" {}

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
    odd    = 3
  }
}

route "nurture" "rest" { default = true }

silence "odd" {
  of      = "recent/read"
  because = "three is what the table says"
}
