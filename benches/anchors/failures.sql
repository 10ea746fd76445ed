SELECT "target_user.email" AS email, count(*) AS n FROM ev
WHERE feed = 'signinattempts' AND category <> 'success' GROUP BY 1 ORDER BY n DESC LIMIT 20
