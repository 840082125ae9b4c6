workflow "w" {}

table "bare" { file = "headless.csv" }  # WARNING: The first line of headless.csv names its columns, and "acme.test" looks like a value
table "none" { file = "rowless.csv" }   # WARNING: rowless.csv has the columns domain and no rows
table "twice" { file = "twice.csv" }    # WARNING: twice.csv lists "ACME.test" in row 1 and in row 2; the first one is used
table "list" { values = ["a", "a"] }    # ERROR: values holds "a" twice

route "nurture" "rest" { default = true }
