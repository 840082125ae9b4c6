workflow "w" {}

counter "a" {}                       # ERROR: counter "a" counts nothing
counter "b" {
  pages  = ["blog/*"]                # ERROR: pages holds "blog/*", which matches no page: a path starts with "/". Write "/blog/*".
  window = "0d"                      # ERROR: window must be at least 1ms, found 0d
}
counter "c" { events = ["*"] }
counter "c" { events = ["*"] }       # ERROR: The counter "c" is already declared at counter.hcl:8
counter "d" { event = ["*"] }        # ERROR: counter "d" has no attribute "event". Did you mean "events"? # ERROR: counter "d" counts nothing

route "nurture" "rest" { default = true }
