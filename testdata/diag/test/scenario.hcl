top = 1                                      # ERROR: top stands outside of any block

tst "a" {}                                   # ERROR: There is no block "tst" in a test file. Did you mean "test"?
test "a" "b" {}                              # ERROR: needs one label that is not empty, as in: test "a hot lead goes to sales" {
test "empty" {}                              # ERROR: has no expect block, so it cannot fail
test "twice" {
  expect {}
}
test "twice" {                               # ERROR: Give one of them another name
  expect {}
}
test "wrong" {
  start = "yesterday"                        # ERROR: start must be a time with its zone such as "2026-03-01T09:00:00Z", found "yesterday"
  leed  = "x"                                # ERROR: has no attribute "leed". Did you mean "lead"?
  identify {}                                # ERROR: identify has no traits. Add traits = { title = "VP Sales" }
  group "acme" { traits = { a = 1 } }        # ERROR: has no label. Write group { … }
  event { count = 2 }                        # ERROR: needs one label that is not empty, as in: event "Email Opened" {}
  event "A" { count = 0 }                    # ERROR: count must be a whole number from 1 to 10000, found 0
  event "A" { every = "soon" }               # ERROR: every
  after "60" {}                              # ERROR: after
  look {}                                    # ERROR: There is no block "look" in a test
  expect {
    grade     = 1                            # ERROR: grade must be a string, found a number 1
    scores    = [100]                        # ERROR: scores must be an object such as { recent = 100 }
    decisions = "sales-handoff"              # ERROR: decisions must be a list such as ["sales-handoff/warm"]; [] means none
    never     = [1]                          # ERROR: never must be a list of strings, found a number 1
    rejected  = -1                           # ERROR: rejected must be a whole number from 0 on
    label     = x                            # ERROR: label must be a constant
  }
  expect { scores = { recent = "many" } }    # ERROR: scores.recent must be a number of points, found a string "many"
}
