workflow "w" {}

score "a" { value = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))) } # ERROR: More than 64 brackets are open here

route "nurture" "rest" { default = true }
