workflow "w" {}

step "probe" "recent" {
  window = "60 d" # ERROR: window: not a duration: "60 d"
  class "x" {
    events = {}
    once   = day  # ERROR: once must be a constant, because it is read once, when the workflow is loaded; found the name day. Write the value itself; if it is text, put it in quotes: "day".
  }
}

route "nurture" "rest" { default = true }
