# What is counted. If your tracker numbers visits, add distinct = "visit_id" to the first.
counter "visits" {
  pages  = ["*"]
  window = "90d"
}
counter "series_sent" {
  events = ["Email Delivered"]
  where  = prop.series == "nurture"
}
counter "series_opened" {
  events   = ["Email Opened"]
  where    = prop.series == "nurture"
  distinct = "email_id"
}
counter "offers_sent" {
  events = ["Email Delivered"]
  where  = prop.series == "offer"
}
counter "offers_clicked" {
  events   = ["Email Link Clicked"]
  where    = prop.series == "offer"
  distinct = "email_id"
}
