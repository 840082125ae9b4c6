human_after = "3s"
