workflow "w" {}

score "grade" {}            # ERROR: A score cannot be named "grade", because that word has its own meaning in conditions
score "count" {}            # ERROR: Reserved name
step "probe" "trait" {}     # ERROR: A step cannot be named "trait"
step "probe" "pending" {}   # ERROR: Reserved name

route "nurture" "rest" { default = true }
