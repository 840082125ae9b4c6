workflow "w" {}

step "negative-points" "recent" {
  events = { "Unsubscribed" = "-10" } # ERROR: events["Unsubscribed"] must be a number of points, found a string "-10"
  reversal "newsletter" {}            # ERROR: reversal "newsletter" needs of = a string or a list [ … ].
}

route "nurture" "rest" { default = true }
