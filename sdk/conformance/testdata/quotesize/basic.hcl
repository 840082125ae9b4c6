most = 20
