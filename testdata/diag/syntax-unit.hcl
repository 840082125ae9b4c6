workflow "w" {}

route "review" "a" {
  when     = true
  cooldown = 14d # ERROR: Missing newline after argument # ERROR: cooldown must be a duration in quotes such as "14d", found a number 14
}

route "nurture" "rest" { default = true }
