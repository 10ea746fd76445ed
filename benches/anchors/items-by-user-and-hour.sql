SELECT "user.email" AS email, timestamp - timestamp % hours(1) AS hour, count(DISTINCT item_uuid) AS d FROM ev
WHERE feed = 'itemusages' GROUP BY 1, 2 HAVING d >= 20 ORDER BY d DESC
