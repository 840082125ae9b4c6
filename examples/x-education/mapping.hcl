# What the columns of lead_scoring.csv mean. The malformed twin of that file
# reads the same: it only calls one column differently.
mapping "x-education" {
  id    = "Prospect ID"
  time  = "2020-01-01T00:00:00Z" # the file has no dates
  nulls = ["", "Select"]         # "Select" is a form that nobody filled in

  # Written by sales after the outcome, the outcome itself, or another vendor's
  # answer to the same question. To use one is an error here.
  never = ["Converted", "Tags", "Lead Quality", "Lead Profile", "Last Notable Activity",
    "Asymmetrique Activity Index", "Asymmetrique Activity Score",
  "Asymmetrique Profile Index", "Asymmetrique Profile Score"]

  trait "occupation" { column = ["current occupation", "What is your current occupation"] }
  trait "specialization" { column = "Specialization" }
  trait "goal" { column = "What matters most to you in choosing a course" }
  trait "city" { column = "City" }
  trait "country" { column = "Country" }
  trait "origin" { column = "Lead Origin" }
  trait "source" { column = "Lead Source" }
  trait "heard_from" { column = "How did you hear about X Education" }
  trait "visits" {
    column = "TotalVisits"
    type   = "number"
  }
  trait "seconds_on_site" {
    column = "Total Time Spent on Website"
    type   = "number"
  }
  trait "pages_per_visit" {
    column = "Page Views Per Visit"
    type   = "number"
  }
  trait "do_not_email" {
    column = "Do Not Email"
    type   = "bool"
  }
  trait "do_not_call" {
    column = "Do Not Call"
    type   = "bool"
  }

  event "Site Visited" {
    count_column = "TotalVisits"
    max          = 50
  }
  event "Resource Downloaded" {
    when_column = "A free copy of Mastering The Interview"
    equals      = "Yes"
  }

  # The last thing a lead did, the only event that the file knows by name.
  event "Email Opened" { when_column = "Last Activity" }
  event "Email Bounced" { when_column = "Last Activity" }
  event "Email Link Clicked" {
    when_column = "Last Activity"
    equals      = ["Email Link Clicked", "View in browser link Clicked"]
  }
  event "Unsubscribed" {
    when_column = "Last Activity"
    equals      = ["Unsubscribed", "Email Marked Spam"]
  }
  event "Form Submitted" {
    when_column = "Last Activity"
    equals      = "Form Submitted on Website"
  }
  event "Chat Held" {
    when_column = "Last Activity"
    equals      = "Olark Chat Conversation"
  }
  event "Phone Conversation Held" {
    when_column = "Last Activity"
    equals      = "Had a Phone Conversation"
  }
  event "Text Message Sent" {
    when_column = "Last Activity"
    equals      = "SMS Sent"
  }
  event "Page Visited" {
    when_column = "Last Activity"
    equals      = "Page Visited on Website"
  }
}
