SELECT count(*) FROM ev WHERE regexp_matches(raw, 'Firefox/1[0-3][0-9]\.0')
