workflow "w" {}

step "bot-filter" "robots" {
  within   = 5    # ERROR: within must be a duration
  links    = 2.5  # ERROR: links must be a whole number
  networks = [7]  # ERROR: networks[0] must be a string
  agent    = ""   # ERROR: agent must
  known    = true # ERROR: "known"
}

route "nurture" "rest" { default = true }
