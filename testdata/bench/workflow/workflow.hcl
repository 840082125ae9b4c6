# The rules of the measurement: twenty lines over three attributes of an event
# (its name, its path, the property seats). native.go, exprlang.go and cel.go
# hold the same twenty.
workflow "bench" {
  about   = "Twenty rules, to be measured"
  display = "{interest}"
}

step "behavior-points" "interest" {
  class "acts" {
    events = {
      "Email Opened"       = 1
      "Email Clicked"      = 3
      "Form Submitted"     = 8
      "Ebook Downloaded"   = 6
      "Webinar Registered" = 5
      "Webinar Attended"   = 15
      "Trial Started"      = 40
      "Demo Requested"     = 50
    }
  }
  class "web" {
    pages = {
      "/pricing"        = 10
      "/blog/*"         = 1
      "/docs/*"         = 2
      "/case-studies/*" = 4
      "/careers/*"      = -5
    }
  }
  rule "large demo" {
    event  = "Demo Requested"
    where  = prop.seats >= 200
    points = 25
  }
  rule "middle demo" {
    event  = "Demo Requested"
    where  = between(prop.seats, 50, 199)
    points = 10
  }
  rule "large trial" {
    event  = "Trial Started"
    where  = prop.seats >= 200
    points = 20
  }
  rule "tiny trial" {
    event  = "Trial Started"
    where  = prop.seats < 5
    points = -10
  }
  rule "prices for many" {
    page   = "/pricing"
    where  = prop.seats >= 200
    points = 15
  }
  rule "docs for some" {
    page   = "/docs/*"
    where  = prop.seats >= 50
    points = 5
  }
  rule "whole company" {
    where  = prop.seats >= 1000
    points = 2
  }
}

score "interest" {
  about = "What leads do"
}

route "nurture" "rest" {
  default = true
}
