workflow "w" {}

golden "ideal" {
  traits  = ["a"]                     # ERROR: traits must be an object such as { industry = "saas" }, found a list
  account = { a = null, b = [1], c = x } # ERROR: account["a"] must be a string, a number, true, false or a list of strings, found null # ERROR: account["b"] must be # ERROR: account["c"] must be a constant
  events = [
    5,                                # ERROR: events[0] must be the name of an event or an object such as { page = "/pricing" }, found a number 5
    {},                               # ERROR: events[1] has neither an event nor a page
    { page = "" },                    # ERROR: events[2].page must be a string that is not empty
    { event = "X", count = 0 },       # ERROR: events[3].count must be a whole number from 1 to 10000, found a number 0
    { evnt = "X" },                   # ERROR: An event of a golden lead has no attribute "evnt". Did you mean "event"?
    { event = "X", properties = 5 },  # ERROR: events[5].properties must be an object
    "",                               # ERROR: events[6] must be a string that is not empty
  ]
  scores = ["totl"]                   # ERROR: golden "ideal" names the score "totl", which does not exist. Did you mean "total"?
  grade  = 1                          # ERROR: grade must be a string, found a number 1
}
score "total" { value = 1 }
golden "two" { events = "X" }         # ERROR: events must be a list such as

route "nurture" "rest" { default = true }
