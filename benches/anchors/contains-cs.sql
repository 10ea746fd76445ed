SELECT count(*) FROM ev WHERE raw LIKE '%Firefox/%'
