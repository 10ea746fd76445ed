SELECT count(*) FROM ev WHERE raw ILIKE '%Firefox/%'
