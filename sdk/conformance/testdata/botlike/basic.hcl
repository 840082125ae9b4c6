human_after = "2s"
