workflow "w" {}

step "probe" "recent" {
  where = nonsense(trait.x) + unheard.of
  let {
    anything = [for x in y: x]
  }
}

route "nurture" "rest" { default = true }
