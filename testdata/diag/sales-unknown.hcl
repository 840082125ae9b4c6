workflow "w" {
  sales = ["sales-handof"] # ERROR: sales names the action "sales-handof", which no route has. Did you mean "sales-handoff"?
}
route "sales-handoff" "warm" { when = true }

route "nurture" "rest" { default = true }
